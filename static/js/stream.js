// A stream of pictures in an <img>, and the way it is brought back. Chromium fires no event when one ends, so
// the page gives the server its name along, and asks whether the server still sends to it.

const SETTLE_MS = 3000; // until a new stream has begun, and every web process has heard of it
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15000;

export const viewer = crypto.getRandomValues(new Uint32Array(2)).join("-"); // this page's name

// The time until the next try; it doubles while tries fail.
export class Pause {
  #ms = FIRST_PAUSE_MS;

  next() {
    const ms = this.#ms;
    this.#ms = Math.min(ms * 2, LONGEST_PAUSE_MS);
    return ms;
  }

  reset() {
    this.#ms = FIRST_PAUSE_MS;
  }
}

export class Stream {
  lost = false; // known to be dead
  pause = new Pause();
  #image;
  #address;
  #goodAt = 0; // when it was opened, or was not known to have ended
  #retryAt = 0;

  // onLost() is called when the browser does notice.
  constructor(image, address, onLost = () => {}) {
    this.#image = image;
    this.#address = address;
    image.addEventListener("error", () => {
      if (!image.hasAttribute("src")) return;
      this.lost = true;
      onLost();
    });
  }

  open() {
    this.lost = false;
    this.#goodAt = Date.now();
    this.#retryAt = this.#goodAt + this.pause.next();
    // a new address each time, or the browser keeps the dead stream
    this.#image.src = `${this.#address}?viewer=${viewer}&t=${this.#goodAt}`;
  }

  close() {
    this.#image.removeAttribute("src"); // which ends the connection
  }

  // Hear whether the server still sends to it: true, false, or null if it cannot know.
  hear(watching) {
    if (watching !== false) this.#goodAt = Date.now();
    else if (Date.now() - this.#goodAt > SETTLE_MS) this.lost = true;
    if (watching && !this.lost) this.pause.reset();
  }

  // Return how many ms remain until it may be opened again.
  rest() {
    return Math.max(this.#retryAt - Date.now(), 0);
  }
}
