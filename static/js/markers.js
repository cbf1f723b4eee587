// The recording's words, and the buttons and keys 1 to 9 that mark a moment while it runs.

const NO_LABEL = "mark"; // where no labels are set

export class Markers {
  #place = document.getElementById("marking"); // not there where visitors may not record
  #buttons = document.getElementById("marking-buttons");
  #last = document.getElementById("marking-last");
  #form = document.getElementById("about-form");
  #answer = document.getElementById("about-answer");
  #labels = null;
  #told = ""; // the last marker that was shown
  #changed = new Set(); // fields that were edited here and not saved

  constructor() {
    if (!this.#place) return;
    for (const field of this.#form.elements) // what was typed before this script came
      if (field.name && field.value !== field.defaultValue) this.#changed.add(field.name);
    this.#form.addEventListener("input", (event) => this.#changed.add(event.target.name));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
  }

  // Show what the server says of the recording.
  show(recording) {
    if (!this.#place) return;
    this.#place.hidden = !recording.on;
    const labels = recording.labels.length ? recording.labels : [NO_LABEL];
    if (labels.join("\n") !== this.#labels) this.#offer(labels);
    this.#fill(recording);
    const { last_marker: last, markers } = recording;
    const time = last && new Date(last.time * 1000).toLocaleTimeString();
    const told = last ? `${markers}: “${last.label}” at ${time}` : "";
    if (told !== this.#told) this.#say(told);
    this.#told = told;
  }

  // Return the fields that were edited here and not saved, for whoever starts the recording.
  unsaved() {
    return [...this.#changed].map((name) => [name, this.#form.elements[name].value]);
  }

  // Take what `unsaved` returned as saved.
  saved() {
    this.#changed.clear();
  }

  #offer(labels) {
    this.#labels = labels.join("\n");
    this.#buttons.replaceChildren(
      ...labels.map((label, index) => {
        const button = document.createElement("button");
        const key = document.createElement("kbd");
        key.textContent = button.dataset.key = index + 1;
        button.setAttribute("aria-keyshortcuts", index + 1);
        button.type = "button";
        button.append(`${label} `, key);
        button.addEventListener("click", () => this.#mark(label));
        return button;
      }),
    );
  }

  // Fill in what another page has changed, but not over what is being written here.
  #fill({ name, tags, labels }) {
    for (const [field, value] of Object.entries({ name, tags: tags.join(", "), labels: labels.join(", ") })) {
      const input = this.#form.elements[field];
      const busy = this.#changed.has(field) || document.activeElement === input;
      if (!busy && input.value !== value) input.value = value;
    }
  }

  #say(text) {
    this.#last.value = text;
  }

  async #mark(label) {
    this.#say(await send(this.#place.dataset.markers, JSON.stringify({ label })));
  }

  async #save() {
    const fields = this.unsaved();
    const refusal = fields.length ? await send(this.#form.action, new URLSearchParams(fields)) : "";
    if (!refusal) this.saved();
    this.#answer.textContent = refusal || "Saved.";
  }
}

// Return why it was refused; empty if it was not.
async function send(url, body) {
  try {
    const headers = { Accept: "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(5000) });
    return answer.ok ? "" : (await answer.json()).error;
  } catch {
    return "The server does not answer; try again.";
  }
}
