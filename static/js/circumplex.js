// Valence and arousal as a dot in a square for each face, with a trail of the last seconds. The server places it by
// the seven probabilities (vision/circumplex.py).

import { stored } from "./storage.js";
import { tones } from "./tones.js";
import { isOn, setOn } from "./tools.js";

const TRAIL_MS = 6000;
const TELL_MS = 5000; // a screen reader is told no oftener
const STORED = "circumplex"; // in localStorage: "shown"

// Have a button show and hide the squares of this page, and remember it; ?circumplex shows them at once.
export function offerCircumplex(button) {
  const show = (on) => {
    setOn(button, on);
    document.documentElement.classList.toggle("with-circumplex", on);
  };
  button.addEventListener("click", () => {
    show(!isOn(button));
    stored((storage) => storage.setItem(STORED, isOn(button) ? "shown" : ""));
  });
  const isAsked = new URLSearchParams(location.search).has("circumplex");
  show(isAsked || stored((storage) => storage.getItem(STORED)) === "shown");
}

export class Circumplex {
  #canvas;
  #trails = new Map(); // track_id -> { face, points: [{ at, valence, arousal }] }, oldest first
  #toldAt = 0;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  // Take the faces of one event, and draw; now is in ms.
  show(faces, now) {
    for (const face of faces) {
      const { points } = this.#trails.get(face.track_id) ?? { points: [] };
      points.push({ at: now, valence: face.valence, arousal: face.arousal });
      this.#trails.set(face.track_id, { face, points: points.filter(({ at }) => now - at < TRAIL_MS) });
    }
    const seen = new Set(faces.map((face) => face.track_id));
    for (const id of this.#trails.keys()) if (!seen.has(id)) this.#trails.delete(id);
    if (!this.#canvas.clientWidth) return; // not shown
    this.#draw(now);
    if (now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    this.#canvas.setAttribute("aria-label", tell(faces));
  }

  #draw(now) {
    const scale = devicePixelRatio || 1;
    const side = Math.round(this.#canvas.clientWidth * scale);
    if (this.#canvas.width !== side) this.#canvas.width = this.#canvas.height = side;
    const pen = this.#canvas.getContext("2d");
    const { color, backgroundColor } = getComputedStyle(this.#canvas); // forced colours as well
    pen.clearRect(0, 0, side, side);
    drawCross(pen, side, scale, color);
    const dot = 5 * scale;
    const place = ({ valence, arousal }) =>
      [valence, -arousal].map((value) => side / 2 + value * (side / 2 - 2 * dot));
    pen.strokeStyle = color;
    pen.lineWidth = 2 * scale;
    for (const { face, points } of this.#trails.values()) {
      points.forEach((point, index) => {
        pen.globalAlpha = 0.7 * (1 - (now - point.at) / TRAIL_MS);
        pen.beginPath();
        pen.moveTo(...place(points[Math.max(index - 1, 0)]));
        pen.lineTo(...place(point));
        pen.stroke();
      });
      pen.globalAlpha = 1;
      const [x, y] = place(points.at(-1));
      for (const [radius, colour] of [
        [dot + 2 * scale, backgroundColor],
        [dot + scale, color],
        [dot, tones(face.sure ? face.emotion : "unsure").tone],
      ]) {
        pen.fillStyle = colour;
        pen.beginPath();
        pen.arc(x, y, radius, 0, 2 * Math.PI);
        pen.fill();
      }
      if (this.#trails.size > 1) drawNumber(pen, face.track_id, x, y, dot, scale, color);
    }
  }
}

function drawCross(pen, side, scale, color) {
  const [text, edge] = [Math.max(11 * scale, side / 16), 4 * scale];
  pen.strokeStyle = pen.fillStyle = color;
  pen.lineWidth = scale;
  pen.globalAlpha = 0.3;
  pen.beginPath();
  pen.moveTo(0, side / 2);
  pen.lineTo(side, side / 2);
  pen.moveTo(side / 2, text + 2 * edge);
  pen.lineTo(side / 2, side - text - 2 * edge);
  pen.stroke();
  pen.globalAlpha = 0.8;
  pen.font = `${text}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "top";
  pen.fillText("excited", side / 2, edge);
  pen.textBaseline = "bottom";
  pen.fillText("calm", side / 2, side - edge);
  pen.textAlign = "left";
  pen.fillText("unpleasant", edge, side / 2 - edge / 2);
  pen.textAlign = "right";
  pen.fillText("pleasant", side - edge, side / 2 - edge / 2);
  pen.globalAlpha = 1;
}

function drawNumber(pen, number, x, y, dot, scale, color) {
  pen.font = `700 ${14 * scale}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "bottom";
  pen.fillStyle = color;
  pen.fillText(number, x, y - dot - 2 * scale);
}

function tell(faces) {
  const several = faces.length > 1;
  const places = faces.map(({ track_id: id, valence, arousal }) => {
    const whose = several ? `Face ${id}: ` : "";
    return `${whose}valence ${valence.toFixed(1)}, arousal ${arousal.toFixed(1)}`;
  });
  return `${places.join("; ") || "No face"} (from −1 to 1), calculated from the seven probabilities, not measured`;
}
