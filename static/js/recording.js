// Shows whether the session is recorded, and for how long, in every view of it; and switches the recording
// without giving up the picture.

import { clock, lengthOfTime } from "./durations.js";
import { Markers } from "./markers.js";

const SILENCE_MS = 3000; // news comes every second, but to a page that is hidden or paused

// Say in an element (templates/rec.html) that a picture is recorded, and for how long.
export function showRec(element, recording) {
  const on = Boolean(recording?.on);
  const text = on ? clock(recording.seconds) : "";
  element.hidden = !on;
  const place = element.lastElementChild;
  if (place.textContent !== text) place.textContent = text;
}

export class RecordingButton {
  #place = document.getElementById("recording");
  #notice = document.getElementById("recording-notice");
  #problem = document.getElementById("recording-problem");
  #form = document.getElementById("recording-form"); // not there where visitors may not record
  #saved = document.getElementById("saved"); // not there where visitors may not see what was recorded
  #title = document.title;
  #markers = new Markers();
  #busy = false;
  #refusal = ""; // of the last press, until the next
  #wasOn = false; // since this page was opened
  #timer = 0;

  constructor() {
    this.#form?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#switch(this.#form.elements.on);
    });
  }

  show(recording) {
    this.#wasOn ||= recording.on;
    for (const element of document.querySelectorAll(".rec")) showRec(element, recording);
    document.title = recording.on ? `● REC ${clock(recording.seconds)} – ${this.#title}` : this.#title;
    this.#notice.hidden = !recording.on;
    this.#say(this.#refusal || (recording.on ? describe(recording) : ""));
    this.#showSaved(recording.saved);
    this.#watch(recording.on);
    this.#markers.show(recording);
    if (!this.#form) return;
    const button = this.#form.elements.on;
    button.value = String(!recording.on);
    button.querySelector("span").textContent = recording.on ? "Stop recording" : "Record";
  }

  #showSaved(saved) {
    if (!this.#saved || !this.#wasOn) return;
    this.#saved.hidden = !saved;
    if (!saved) return;
    const [text, ...links] = this.#saved.children; // templates/saved.html
    const faces = saved.faces === 1 ? "1 face" : `${saved.faces} faces`;
    text.textContent = `Saved: ${lengthOfTime(saved.seconds)}, ${faces}.`;
    for (const link of links) link.href = link.dataset.address.replace(/0(?=\D*$)/, saved.session);
  }

  #say(problem) {
    if (this.#problem.textContent !== problem) this.#problem.textContent = problem;
    this.#problem.hidden = !problem;
  }

  // While it is on, a page that is told nothing asks by itself: its title must not say so for ever.
  #watch(isOn) {
    clearTimeout(this.#timer);
    if (isOn) this.#timer = setTimeout(() => this.#ask(), SILENCE_MS);
  }

  async #ask() {
    try {
      const response = await fetch(this.#place.dataset.state, { signal: AbortSignal.timeout(5000) });
      this.show((await response.json()).recording);
    } catch {
      this.#watch(true); // the server is away, and may still record
    }
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
      this.#refuse("The server did not accept that; try again.");
    }
    this.#busy = false;
  }
}

function describe({ problem, waiting, dropped }) {
  const kept = problem && `${waiting} sightings are waiting to be written.`;
  const lost = dropped && `${dropped} sightings were lost.`;
  return [problem, kept, lost].filter(Boolean).join(" ");
}
