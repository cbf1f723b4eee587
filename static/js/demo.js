// The note over the demo, which can be closed for good.

import { stored } from "./storage.js";

const STORED = "demo"; // in localStorage: "closed"

export class Demo {
  #note = document.getElementById("demo");
  #why = document.getElementById("demo-why");
  #isClosed = stored((storage) => storage.getItem(STORED)) === "closed";

  constructor() {
    document.getElementById("demo-close").addEventListener("click", () => {
      this.#isClosed = true;
      stored((storage) => storage.setItem(STORED, "closed"));
      this.#note.hidden = true;
    });
    if (this.#isClosed) this.#note.hidden = true;
  }

  // Show it while the demo is the source; return whether it says the state's note.
  show(state) {
    const isDemo = state.source === "demo" && !state.problem;
    this.#note.hidden = this.#isClosed || !isDemo;
    if (isDemo && state.note && this.#why.textContent !== state.note) this.#why.textContent = state.note;
    return !this.#note.hidden;
  }
}
