// What lies over the local video: faces that glide between answers, drawn anew before each picture of the screen.

import { Glide } from "./glide.js";
import { paint } from "./paint.js";
import { smiley } from "./tones.js";

const SNAPSHOT_QUALITY = 0.92;

export class Overlay {
  look = { boxes: true, labels: true, bars: false, heat: false, blur: false, emoji: false, flip: true };
  #frame;
  #video;
  #pen;
  #glide = new Glide();
  #request = 0; // of requestAnimationFrame; 0 while nothing is drawn
  #faces = [];

  // frame is told the picture's aspect and whether it is flipped.
  constructor(frame, video, canvas) {
    this.#frame = frame;
    this.#video = video;
    this.#pen = canvas.getContext("2d");
    this.#mark();
  }

  // Change what is drawn: { boxes: false }.
  set(look) {
    Object.assign(this.look, look);
    this.#mark();
  }

  #mark() {
    this.#frame.classList.toggle("flipped", this.look.flip);
  }

  start() {
    const { videoWidth, videoHeight } = this.#video;
    this.#frame.style.setProperty("--aspect", (videoWidth / videoHeight).toFixed(4));
    this.#request ||= requestAnimationFrame((now) => this.#draw(now));
  }

  stop() {
    cancelAnimationFrame(this.#request);
    this.#request = 0;
    this.#glide.clear();
    this.#faces = [];
    this.#pen.clearRect(0, 0, this.#pen.canvas.width, this.#pen.canvas.height);
  }

  // Take an answer of the server, or null for nobody.
  hear(answer) {
    for (const face of answer?.faces ?? []) smiley(face.emotion); // so that it is there when it is wanted
    this.#glide.hear(answer);
  }

  // Return the picture with what is drawn over it, as a JPEG.
  snapshot() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const pen = canvas.getContext("2d");
    if (this.look.flip) pen.setTransform(-1, 0, 0, 1, width, 0);
    pen.drawImage(this.#video, 0, 0);
    pen.resetTransform();
    paint(pen, this.#faces, this.look, this.#video);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", SNAPSHOT_QUALITY));
  }

  #draw(now) {
    this.#request = requestAnimationFrame((later) => this.#draw(later));
    const { canvas } = this.#pen;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((px) =>
      Math.round(px * devicePixelRatio),
    );
    const had = this.#faces.length;
    this.#faces = this.#glide.at(now);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    if (had || this.#faces.length) {
      this.#pen.clearRect(0, 0, width, height);
      paint(this.#pen, this.#faces, this.look, this.#video);
    }
  }
}
