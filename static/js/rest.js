// The resting face on a face's card: measured, shown with its time, named, and taken back (templates/rest.html).

const SLOW_MS = 6000; // a measurement takes three seconds where the face is seen all the time
const SAID_MS = 8000;
const NEWS_MS = 2000; // after a request was answered, the news of it may still be on its way

export class RestingFace {
  #id;
  #ask;
  #says;
  #progress;
  #act; // the button that measures, stops or takes back; not there where visitors may not
  #whose;
  #naming;
  #form;
  #is = "";
  #begunAt = 0;
  #busy = false;
  #told = ""; // how it is, in words; a refusal stands in their place for a while
  #timer = 0;

  // ask({ track_id, action, name }) returns why it was refused, empty if it was not.
  constructor(place, id, ask) {
    this.#id = id;
    this.#ask = ask;
    this.#says = place.querySelector("p");
    this.#progress = place.querySelector("progress");
    this.#act = place.querySelector(".act");
    this.#whose = place.querySelector("select");
    this.#naming = place.querySelector(".naming");
    this.#form = place.querySelector("form");
    this.#act?.addEventListener("click", () => this.#change());
    this.#naming?.addEventListener("click", () => this.#openForm());
    this.#form?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#name();
    });
    this.#form?.querySelector(".cancel").addEventListener("click", () => this.#closeForm());
    this.#form?.addEventListener("keydown", (event) => event.key === "Escape" && this.#closeForm());
  }

  get isMeasuring() {
    return this.#is === "measuring";
  }

  // Show a face's rest as /state has it; names are those of resting faces that can be used again.
  show(rest, names, now) {
    const is = !rest ? "none" : rest.since === undefined ? "measuring" : `${rest.since} ${rest.name}`;
    if (is !== this.#is) {
      this.#is = is;
      this.#begunAt = now;
      this.#busy = false;
      this.#render(rest);
    }
    if (this.isMeasuring) {
      this.#progress.value = rest.progress;
      if (now - this.#begunAt > SLOW_MS) this.#tell("Keep looking relaxed; more readings are needed");
    }
    this.#offer(names, is === "none");
  }

  #render(rest) {
    const none = !rest;
    this.#progress.hidden = !this.isMeasuring;
    if (this.#act) {
      const words = none ? "Resting face" : this.isMeasuring ? "Stop" : "Remove";
      this.#act.textContent = words;
      this.#act.setAttribute("aria-label", `${words}, face ${this.#id}`);
      this.#naming.hidden = none || this.isMeasuring;
      if (!this.#form.hidden) this.#closeForm();
    }
    if (none) this.#tell("");
    else if (this.isMeasuring) this.#tell("Look relaxed");
    else {
      const time = new Date(rest.since * 1000).toLocaleTimeString();
      this.#tell(`Relative to ${rest.name ? `${rest.name}'s` : "its own"} resting face since ${time}`);
    }
  }

  // Offer the named ones beside the button, while the face has none of its own.
  #offer(names, none) {
    if (!this.#whose) return;
    const offered = [...this.#whose.options].slice(1).map((option) => option.value);
    if (offered.join("\n") !== names.join("\n"))
      this.#whose.replaceChildren(this.#whose.options[0], ...names.map((name) => new Option(name, name)));
    this.#whose.hidden = !none || !names.length;
  }

  // Say how it is; only news, or a screen reader repeats it.
  #tell(text) {
    if (text === this.#told) return;
    this.#told = text;
    clearTimeout(this.#timer);
    this.#says.textContent = text;
  }

  #change() {
    const name = this.#is === "none" ? this.#whose.value : "";
    this.#request(this.#is !== "none" ? "forget" : name ? "use" : "measure", name);
  }

  async #name() {
    const refusal = await this.#request("name", this.#form.elements.name.value.trim());
    if (refusal === "") this.#closeForm();
  }

  async #request(action, name) {
    if (this.#busy) return;
    this.#busy = true;
    const refusal = await this.#ask({ track_id: this.#id, action, name });
    if (refusal) this.#refuse(refusal);
    else
      setTimeout(() => {
        this.#busy = false;
      }, NEWS_MS);
    return refusal;
  }

  #refuse(sentence) {
    this.#busy = false;
    clearTimeout(this.#timer);
    this.#says.textContent = sentence;
    this.#timer = setTimeout(() => {
      this.#says.textContent = this.#told;
    }, SAID_MS);
  }

  #openForm() {
    this.#form.hidden = false;
    this.#form.elements.name.focus();
  }

  #closeForm() {
    const hadFocus = this.#form.contains(document.activeElement);
    this.#form.hidden = true;
    this.#form.reset();
    if (hadFocus) (this.#naming.hidden ? this.#act : this.#naming).focus();
  }
}
