// The room bar (templates/room.html): the share of each emotion in all faces, now and over the last minutes.

import { drawMarkers, tellMarkers } from "./marker_lines.js";
import { tones } from "./tones.js";
import { adjective, percent } from "./words.js";

const NOW_MS = 3000;
const SPANS_MIN = [1, 2, 5]; // the first that holds all there is
const SPAN_MS = SPANS_MIN.at(-1) * 60_000;
const BIN_MS = 2000;
const DRAW_MS = 500;
const SEVERAL = 2;

export class Room {
  #place = document.getElementById("room");
  #shares = [...this.#place.querySelectorAll("[data-emotion]")];
  #canvas = document.getElementById("bands");
  #since = document.getElementById("since");
  #emotions = this.#shares.map((share) => share.dataset.emotion);
  #recent = []; // { at, sums } of the events of the last NOW_MS
  #bins = []; // { at, sums }, oldest first: at is in whole BIN_MS
  #severalAt = -SPAN_MS; // when there were several faces last
  #drawnAt = 0;
  #always;
  #markers;

  // With always it is shown for one face, too; markers: MarkerLines, or what has `all` as that has.
  constructor(always = () => false, markers = { all: [] }) {
    this.#always = always;
    this.#markers = markers;
  }

  // Take the faces of one event; now is in ms.
  show(faces, now) {
    const sums = this.#emotions.map((name) => faces.reduce((sum, face) => sum + face.probs[name], 0));
    if (faces.length >= SEVERAL) this.#severalAt = now;
    if (faces.length) {
      this.#recent.push({ at: now, sums });
      this.#add(Math.floor(now / BIN_MS) * BIN_MS, sums);
    }
    this.#recent = this.#recent.filter(({ at }) => now - at < NOW_MS);
    this.#bins = this.#bins.filter(({ at }) => now - at < SPAN_MS);
    this.#place.hidden = !this.#bins.length || !(this.#always() || now - this.#severalAt < SPAN_MS);
    if (this.#place.hidden || now - this.#drawnAt < DRAW_MS) return;
    this.#drawnAt = now;
    this.#showNow();
    this.#drawBands(now);
  }

  #add(at, sums) {
    const last = this.#bins.at(-1);
    if (last?.at !== at) this.#bins.push({ at, sums: [...sums] });
    else for (const [index, sum] of sums.entries()) last.sums[index] += sum;
  }

  #showNow() {
    const shares = sharesOf(this.#recent.map(({ sums }) => sums));
    this.#shares.forEach((element, index) => {
      const share = shares?.[index] ?? 0;
      element.style.setProperty("--grow", share.toFixed(3));
      element.querySelector("span").textContent = percent(share);
    });
  }

  #drawBands(now) {
    const scale = devicePixelRatio || 1;
    const [width, height] = [this.#canvas.clientWidth * scale, this.#canvas.clientHeight * scale].map(
      Math.round,
    );
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const pen = this.#canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    const minutes = SPANS_MIN.find((span) => now - this.#bins[0].at < span * 60_000) ?? SPANS_MIN.at(-1);
    this.#since.textContent = minutes === 1 ? "one minute ago" : `${minutes} minutes ago`;
    const x = (at) => Math.round(width * (1 - Math.max(now - at, 0) / (minutes * 60_000)));
    for (const { at, sums } of this.#bins) {
      let top = 0;
      for (const [index, share] of sharesOf([sums]).entries()) {
        const bottom = top + share * height;
        pen.fillStyle = tones(this.#emotions[index]).tone;
        pen.fillRect(x(at), top, Math.max(x(at + BIN_MS) - x(at), 1), bottom - top);
        if (index) {
          pen.fillStyle = "#fff"; // two bands are told apart whatever their colours
          pen.fillRect(x(at), top - scale / 2, Math.max(x(at + BIN_MS) - x(at), 1), scale);
        }
        top = bottom;
      }
    }
    const markers = this.#markers.all;
    drawMarkers(pen, markers, x);
    const mean = sharesOf(this.#bins.map(({ sums }) => sums));
    const words = this.#emotions.map((name, index) => `${adjective(name)} ${percent(mean[index])}`);
    const marked = tellMarkers(markers, now);
    this.#canvas.setAttribute("aria-label", `The last minutes: ${words.join(", ")}${marked}`);
  }
}

// Return the share of each place in all sums together; null for none.
function sharesOf(all) {
  if (!all.length) return null;
  const totals = all[0].map((_, index) => all.reduce((sum, sums) => sum + sums[index], 0));
  const whole = totals.reduce((sum, total) => sum + total, 0);
  return whole ? totals.map((total) => total / whole) : null;
}
