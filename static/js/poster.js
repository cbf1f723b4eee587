// What lies over the stage while there is no picture to see: an invitation, or what is wrong and what to do.

export class Poster {
  #element = document.getElementById("poster");
  #title = document.getElementById("title");
  #advice = document.getElementById("advice");
  #begin = document.getElementById("begin");
  #holdsFocus = false; // the button had the keyboard's focus when it was pressed
  #first = [this.#title.textContent, this.#advice.textContent];

  // begin() starts the camera.
  constructor(begin) {
    this.#begin.addEventListener("click", begin);
  }

  // Show what OwnCamera says; wanted: the camera comes by itself, so nothing needs to be pressed. The keyboard's
  // focus goes on to next where the button goes.
  show({ is, kind, text, advice }, wanted, next) {
    const [title, what] = is === "off" ? this.#first : [text, advice];
    this.#holdsFocus ||= document.activeElement === this.#begin;
    this.#element.hidden = is === "live";
    this.#element.dataset.is = is;
    this.#element.dataset.kind = kind;
    if (this.#title.textContent !== title) this.#title.textContent = title;
    this.#advice.textContent = what;
    this.#begin.hidden =
      wanted || ["waiting", "live"].includes(is) || ["insecure", "unsupported"].includes(kind);
    this.#passFocus(next);
  }

  #passFocus(next) {
    const target = this.#begin.hidden ? next : this.#begin;
    if (!this.#holdsFocus || target.closest("[hidden]")) return;
    this.#holdsFocus = false;
    target.focus();
  }

  focus() {
    this.#begin.focus();
  }
}
