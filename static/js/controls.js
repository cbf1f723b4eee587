// The page's buttons, and the switches of the picture that everybody shares.

import { Keys } from "./keys.js";
import { post } from "./post.js";
import { offerReset } from "./reset.js";
import { closePanels, isOn, offerFullScreen, setOn } from "./tools.js";

const OWN_MS = 700; // after a change of its own was answered, older news may still be on its way

export class Controls {
  #place = document.getElementById("controls");
  #switches = this.#place.querySelectorAll("[role=switch]");
  #smoothing = this.#place.querySelector("[name=smoothing_s]");
  #refusal = document.getElementById("refusal");
  #resets = null;
  #asking = 0; // changes of its own that were not answered yet
  #answeredAt = 0;
  #onReset;

  // onReset() is called when the numbers begin again, takeSnapshot(link) before the link is followed.
  constructor(onReset, takeSnapshot) {
    this.#onReset = onReset;
    new Keys();
    const snapshot = document.getElementById("snapshot");
    snapshot.addEventListener("click", () => takeSnapshot(snapshot));
    offerFullScreen(document.getElementById("full"), document.getElementById("screen"));
    offerReset(() => this.#post(this.#place.dataset.reset));
    closePanels();
    for (const button of this.#switches) button.addEventListener("click", () => this.#toggle(button));
    this.#smoothing?.addEventListener("input", () => this.#smooth());
  }

  // Show what the server says of the picture, which another page may have changed.
  show(view) {
    if (this.#resets !== null && view.resets !== this.#resets) this.#onReset();
    this.#resets = view.resets;
    if (this.#smoothing && !this.#asking && Date.now() - this.#answeredAt > OWN_MS) this.#set(view);
  }

  // Ask for a face's resting face; return why it was refused, empty if it was not.
  rest(request) {
    return post(this.#place.dataset.rest, request);
  }

  #set(view) {
    for (const button of this.#switches) setOn(button, view[button.name]);
    this.#smoothing.value = view.smoothing_s;
    this.#tell(view.smoothing_s);
  }

  #tell(smoothing) {
    const output = this.#place.querySelector("output");
    const text = `${smoothing.toFixed(1)}\u202fs`;
    if (output.value !== text) output.value = text; // only news, or a screen reader repeats it
  }

  #toggle(button) {
    setOn(button, !isOn(button));
    this.#post(this.#place.dataset.view, { [button.name]: isOn(button) });
  }

  #smooth() {
    const value = Number(this.#smoothing.value);
    this.#tell(value);
    this.#post(this.#place.dataset.view, { smoothing_s: value });
  }

  // Ask the server for changes; return whether it made them.
  async #post(url, wishes = {}) {
    this.#asking += 1;
    const refusal = await post(url, wishes);
    this.#asking -= 1;
    this.#answeredAt = refusal ? 0 : Date.now(); // refused, the switch goes back with the next event
    this.#refusal.textContent = refusal;
    this.#refusal.hidden = !refusal;
    return !refusal;
  }
}
