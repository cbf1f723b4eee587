// Records what the visitor's own camera shows, in this page alone: nothing of it is on the server.

import { clock, lengthOfTime } from "./durations.js";
import { Rows, save } from "./rows.js";
import { relabel, setOn } from "./tools.js";

const TICK_MS = 500;

export class OwnRecording {
  on = false;
  #rows = null;
  #startedMs = 0;
  #timer = 0;
  #title = document.title;
  #button = document.getElementById("record");
  #rec = document.querySelector(".rec");
  #kept = document.getElementById("kept");

  constructor() {
    this.#button.addEventListener("click", () => (this.on ? this.stop() : this.start()));
    document.getElementById("keep").addEventListener("click", () => this.#save());
    document.getElementById("discard").addEventListener("click", () => this.#forget());
    addEventListener("beforeunload", (event) => {
      if (this.on || this.#rows?.count) event.preventDefault(); // the browser asks
    });
  }

  start() {
    this.#forget();
    this.on = true;
    this.#startedMs = Date.now();
    this.#rows = new Rows(this.#startedMs);
    this.#timer = setInterval(() => this.#show(), TICK_MS);
    this.#show();
  }

  stop() {
    if (!this.on) return;
    clearInterval(this.#timer);
    this.on = false;
    this.#show();
    const faces = this.#rows.faces === 1 ? "1 face" : `${this.#rows.faces} faces`;
    const length = lengthOfTime((Date.now() - this.#startedMs) / 1000);
    this.#kept.querySelector("span").textContent = this.#rows.count
      ? `Recorded: ${length}, ${faces}. It exists only in this page.`
      : `Recorded: ${length}, and no face was seen.`;
    document.getElementById("keep").hidden = !this.#rows.count;
    this.#kept.hidden = false;
  }

  // Take the faces of an answer, if it is on.
  add(faces) {
    if (!this.on) return;
    this.#rows.add(faces, Date.now());
    if (this.#rows.isFull) this.stop();
  }

  #save() {
    save(this.#rows.toBlob(), this.#rows.fileName);
    this.#forget();
  }

  #forget() {
    this.#rows = null;
    if (this.#kept.contains(document.activeElement)) this.#button.focus();
    this.#kept.hidden = true;
  }

  #show() {
    const time = clock((Date.now() - this.#startedMs) / 1000);
    this.#rec.hidden = !this.on;
    this.#rec.lastElementChild.textContent = this.on ? time : "";
    document.title = this.on ? `● REC ${time} – ${this.#title}` : this.#title;
    setOn(this.#button, this.on);
    relabel(this.#button, this.on ? "stop" : "record", this.on ? "Stop recording" : "Record");
  }
}
