"use strict";
// Sorts a table by the column whose heading is pressed; pressed again, the other way round.

const collator = new Intl.Collator(undefined, { numeric: true });

function sortBy(table, column, heading) {
  const upwards = heading.getAttribute("aria-sort") !== "ascending";
  const text = (row) => row.cells[column]?.querySelector("time")?.dateTime ?? row.cells[column]?.textContent.trim() ?? "";
  const rows = [...table.tBodies[0].rows].sort((a, b) => collator.compare(text(a), text(b)));
  table.tBodies[0].append(...(upwards ? rows : rows.reverse()));
  table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", upwards ? "ascending" : "descending");
}

document.querySelectorAll("table.sortable").forEach((table) => {
  table.querySelectorAll("thead th").forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, column, heading));
    heading.append(button);
  });
});
