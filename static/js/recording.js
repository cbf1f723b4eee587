// Shows whether the session is recorded, and switches the recording without giving up the picture.

export class RecordingButton {
  #notice = document.getElementById("recording-notice");
  #problem = document.getElementById("recording-problem");
  #form = document.getElementById("recording-form"); // not there where visitors may not record
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
    if (!this.#form) return;
    const button = this.#form.elements.on;
    button.value = String(!recording.on);
    button.textContent = recording.on ? "Stop recording" : "Record";
  }

  #say(problem) {
    if (this.#problem.textContent !== problem) this.#problem.textContent = problem;
    this.#problem.hidden = !problem;
  }

  async #switch(button) {
    if (this.#busy) return; // rather than disable the button, which would lose the keyboard
    this.#busy = true;
    this.#refusal = "";
    try {
      const response = await fetch(this.#form.action, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams({ on: button.value }),
        signal: AbortSignal.timeout(5000),
      });
      if (!response.ok) throw new Error(response.statusText);
      this.show(await response.json());
    } catch {
      this.#refusal = "The server did not take that; try again.";
      this.#say(this.#refusal);
    }
    this.#busy = false;
  }
}

function describe({ problem, waiting, dropped }) {
  const kept = problem && `${waiting} sightings wait to be written.`;
  const lost = dropped && `${dropped} sightings were lost.`;
  return [problem, kept, lost].filter(Boolean).join(" ");
}
