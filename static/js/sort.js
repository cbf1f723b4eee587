"use strict";
// Sorts a table by the column whose heading is pressed; pressed again, the other way round. Rows without a value
// there come last either way.

const collator = new Intl.Collator(undefined, { numeric: true });

// A cell across several columns is a sentence about its row, and no column's value; nor is a button.
function valueIn(cell) {
  if (!cell || cell.colSpan > 1 || cell.querySelector("button")) return "";
  return cell.querySelector("time")?.dateTime ?? cell.textContent.trim();
}

function sortBy(table, column, heading) {
  const upwards = heading.getAttribute("aria-sort") !== "ascending";
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, value: valueIn(row.cells[column]) }));
  const way = upwards ? 1 : -1;
  rows.sort((a, b) => !a.value - !b.value || way * collator.compare(a.value, b.value));
  table.tBodies[0].append(...rows.map(({ row }) => row));
  table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", upwards ? "ascending" : "descending");
}

document.querySelectorAll("table.sortable").forEach((table) => {
  table.querySelectorAll("thead th").forEach((heading, column) => {
    if ("unsorted" in heading.dataset) return; // its cells have no text
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, column, heading));
    heading.append(button);
  });
});
