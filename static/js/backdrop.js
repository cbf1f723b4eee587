// Fills what a picture leaves free beside it in screen mode: the same picture, coarse, dim and slow.

const PERIOD_MS = 500;
const SHARE = 0.3; // of the newest picture, so that colours change slowly

export class Backdrop {
  #picture = document.querySelector("#stream, #video");
  #pen = document.querySelector(".backdrop").getContext("2d");
  #drawnAt = 0;

  // Take the picture that is shown now; now is in ms.
  show(now) {
    const { naturalWidth, videoWidth } = this.#picture;
    if (now - this.#drawnAt < PERIOD_MS || !(naturalWidth || videoWidth)) return;
    const { width, height } = this.#pen.canvas;
    this.#pen.globalAlpha = this.#drawnAt ? SHARE : 1;
    this.#pen.filter = "blur(2px)";
    this.#pen.drawImage(this.#picture, -2, -2, width + 4, height + 4); // the blur's edge lies outside
    this.#drawnAt = now;
  }
}
