// Shows whether the session is recorded, and switches the recording without giving up the picture.

import { Markers } from "./markers.js";

export class RecordingButton {
  #notice = document.getElementById("recording-notice");
  #problem = document.getElementById("recording-problem");
  #form = document.getElementById("recording-form"); // not there where visitors may not record
  #markers = new Markers();
  #busy = false;
  #refusal = ""; // of the last press, until the next

  constructor() {
    this.#form?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#switch(this.#form.elements.on);
    });
  }

  show(recording) {
    this.#notice.hidden = !recording.on;
    this.#say(this.#refusal || (recording.on ? describe(recording) : ""));
    this.#markers.show(recording);
    if (!this.#form) return;
    const button = this.#form.elements.on;
    button.value = String(!recording.on);
    button.textContent = recording.on ? "Stop recording" : "Record";
  }

  #say(problem) {
    if (this.#problem.textContent !== problem) this.#problem.textContent = problem;
    this.#problem.hidden = !problem;
  }

  #refuse(reason) {
    this.#refusal = reason;
    this.#say(reason);
  }

  async #switch(button) {
    if (this.#busy) return; // rather than disable the button, which would lose the keyboard
    this.#busy = true;
    this.#refusal = "";
    try {
      const response = await fetch(this.#form.action, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams([["on", button.value], ...this.#markers.unsaved()]),
        signal: AbortSignal.timeout(5000),
      });
      const answer = await response.json();
      if (response.ok) {
        this.#markers.saved();
        this.show(answer);
      } else this.#refuse(answer.error);
    } catch {
      this.#refuse("The server did not take that; try again.");
    }
    this.#busy = false;
  }
}

function describe({ problem, waiting, dropped }) {
  const kept = problem && `${waiting} sightings wait to be written.`;
  const lost = dropped && `${dropped} sightings were lost.`;
  return [problem, kept, lost].filter(Boolean).join(" ");
}
