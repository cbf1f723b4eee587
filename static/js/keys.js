// Single letters click the elements that have them as data-key; "?" lists them. They can be switched off, as
// those who speak to their computer, or touch keys by chance, need it (WCAG 2.2, 2.1.4).

import { stored } from "./storage.js";

const STORED = "keys"; // in localStorage: "off"

export class Keys {
  #dialog = document.getElementById("keys");
  #list = this.#dialog.querySelector("dl");
  #switch = this.#dialog.querySelector("input");

  constructor() {
    this.#switch.checked = stored((storage) => storage.getItem(STORED)) !== "off";
    this.#switch.addEventListener("change", () => this.#keep());
    document.getElementById("show-keys").addEventListener("click", () => this.#open());
    document.addEventListener("keydown", (event) => this.#press(event));
    this.#mark();
  }

  #keep() {
    stored((storage) => (this.#switch.checked ? storage.removeItem(STORED) : storage.setItem(STORED, "off")));
    this.#mark();
  }

  // Say at each element that has a key that it has one, or no more.
  #mark() {
    document.documentElement.classList.toggle("keyless", !this.#switch.checked);
    for (const element of document.querySelectorAll("[data-key]")) {
      if (this.#switch.checked) element.setAttribute("aria-keyshortcuts", element.dataset.key.toUpperCase());
      else element.removeAttribute("aria-keyshortcuts");
    }
  }

  #open() {
    const rows = [...document.querySelectorAll("[data-key]")].filter(isThere).map((element) => {
      const [term, key, name] = ["dt", "kbd", "dd"].map((tag) => document.createElement(tag));
      key.textContent = element.dataset.key.toUpperCase();
      name.textContent = nameOf(element);
      term.append(key);
      return [term, name];
    });
    this.#list.replaceChildren(...rows.flat(), ...this.#list.querySelectorAll(".always"));
    this.#dialog.showModal();
  }

  // Click the element that has the key; not where letters are typed, nor with Ctrl and the like.
  #press(event) {
    const typing = event.target.closest(
      "input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]",
    );
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (!this.#switch.checked || document.querySelector("dialog[open]")) return;
    if (event.key === "?") {
      event.preventDefault();
      this.#open();
      return;
    }
    const element = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!element || !isThere(element)) return;
    event.preventDefault();
    element.click();
  }
}

function isThere(element) {
  return !element.matches(":disabled") && !element.closest("[hidden]");
}

// The element's words without its key.
function nameOf(element) {
  const words = [...element.childNodes]
    .filter((node) => node.nodeName !== "KBD")
    .map((node) => node.textContent);
  return words.join("").trim() || element.getAttribute("aria-label");
}
