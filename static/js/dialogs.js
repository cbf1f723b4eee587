// Buttons that open a dialog by its id, and buttons that copy the text before them.

const COPIED_MS = 2000;

export function offerDialogs() {
  for (const button of document.querySelectorAll("[data-opens]")) {
    button.addEventListener("click", () => document.getElementById(button.dataset.opens).showModal());
  }
  for (const button of document.querySelectorAll("[data-copies]")) {
    button.addEventListener("click", () => copy(button.previousElementSibling, button.querySelector("span")));
  }
}

async function copy(text, words) {
  try {
    await navigator.clipboard.writeText(text.textContent);
    words.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(text); // a page without HTTPS may not copy, but its reader may
    words.textContent = "Selected";
  }
  setTimeout(() => {
    words.textContent = "Copy";
  }, COPIED_MS);
}

// Show what came last in the panel for developers, while that is open.
export function showJson(state) {
  if (document.getElementById("developers").open) {
    document.getElementById("json").textContent = JSON.stringify(state, null, 1);
  }
}
