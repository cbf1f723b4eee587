// Draws faces over a picture: boxes, labels, bars, heat maps, smileys, and hides them. The same drawing lies over
// the live video, is part of a snapshot and of a photo.

import { smiley, tones } from "./tones.js";
import { adjective, percent } from "./words.js";

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
const COVER = 1.25; // of a box's side: a smiley is larger than the box
const BLOCKS = 8; // a side of a hidden face
const HEAT = 0.7; // the opacity of a map in its hottest place
const PANEL = "rgb(27 31 36 / 75%)";

// Draw faces as Glide gives them on a pen's whole canvas, over a picture that is there already or lies below.
// look: { boxes, labels, bars, heat, blur, emoji, flip }; source: what is pixelated, unmirrored.
export function paint(pen, faces, look, source) {
  const { width, height } = pen.canvas;
  const text = Math.max(Math.min(width, height) / 24, 13 * (devicePixelRatio || 1));
  const placed = faces.map((face) => ({ ...face, box: toPixels(face.box, look.flip, width, height) }));
  placed.sort((one, other) => one.box[2] - one.box[0] - (other.box[2] - other.box[0])); // near ones last
  const draw = (part) =>
    placed.forEach((face) => {
      pen.globalAlpha = face.opacity;
      part(face);
    });
  if (look.blur) draw((face) => pixelate(pen, face.box, look.flip, source));
  if (look.heat) draw((face) => face.heat && layHeat(pen, face, look.flip));
  if (look.boxes) draw((face) => drawBox(pen, face));
  if (look.emoji) draw((face) => laySmiley(pen, face));
  if (look.bars) draw((face) => drawBars(pen, face, text * 0.66));
  if (look.labels) draw((face) => drawLabel(pen, face, text, faces.length > 1));
  pen.globalAlpha = 1;
}

// What a face's label says; among several, the number says which card is whose.
export function labelText(face, several) {
  const label = face.sure ? `${adjective(face.emotion)} ${percent(face.confidence)}` : "unsure";
  return several ? `${face.track_id} ${label}` : label;
}

// Return where a label of a size lies: above the box, or in it where there is no room, always in the picture.
export function labelPlace(box, wide, high, width, height) {
  const x = Math.max(0, Math.min(box[0], width - wide));
  const y = box[1] - high >= 0 ? box[1] - high : Math.min(Math.max(box[1], 0), height - high);
  return [x, y];
}

function toPixels([x1, y1, x2, y2], flip, width, height) {
  const [left, right] = flip ? [1 - x2, 1 - x1] : [x1, x2];
  return [left * width, y1 * height, right * width, y2 * height];
}

function named(face) {
  return face.sure ? face.emotion : "unsure";
}

function drawBox(pen, { box: [x1, y1, x2, y2], ...face }) {
  const { tone, ink } = tones(named(face));
  const line = Math.max(2, Math.min(pen.canvas.width, pen.canvas.height) / 180);
  const radius = Math.min((x2 - x1) / 8, line * 5);
  for (const [colour, wide] of [
    [ink, line * 2],
    [tone, line * 1.25],
  ]) {
    pen.strokeStyle = colour;
    pen.lineWidth = wide;
    pen.beginPath();
    pen.roundRect(x1, y1, x2 - x1, y2 - y1, radius);
    pen.stroke();
  }
}

function drawLabel(pen, face, text, several) {
  const { tone, ink } = tones(named(face));
  const words = labelText(face, several);
  pen.font = `600 ${text}px ${FONT}`;
  const [wide, high] = [pen.measureText(words).width + text * 0.8, text * 1.45];
  const [x, y] = labelPlace(face.box, wide, high, pen.canvas.width, pen.canvas.height);
  pen.fillStyle = tone;
  pen.strokeStyle = ink;
  pen.lineWidth = Math.max(1, text / 24);
  pen.beginPath();
  pen.roundRect(x, y, wide, high, text * 0.3);
  pen.fill();
  pen.stroke();
  pen.fillStyle = ink;
  pen.textBaseline = "middle";
  pen.fillText(words, x + text * 0.4, y + high * 0.53);
}

function drawBars(pen, face, text) {
  const { width, height } = pen.canvas;
  const names = Object.keys(face.probs);
  const [wide, step] = [text * 10.6, text * 1.5];
  const high = step * names.length + text * 0.5;
  const [x1, y1, x2, y2] = face.box;
  const gap = text * 0.5;
  const right = x2 + gap + wide <= width ? x2 + gap : x1 - gap - wide;
  const x = right >= 0 ? right : Math.max(0, Math.min(x1, width - wide));
  const under = right >= 0 ? Math.max(y1, y2 - high) : y2 + gap;
  const y = Math.max(0, Math.min(under, height - high));
  pen.fillStyle = PANEL;
  pen.beginPath();
  pen.roundRect(x, y, wide, high, text * 0.4);
  pen.fill();
  pen.font = `${text}px ${FONT}`;
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  pen.strokeStyle = "#fff";
  names.forEach((name, row) => {
    const middle = y + text * 0.25 + step * (row + 0.5);
    pen.fillStyle = "#fff";
    pen.fillText(adjective(name), x + text * 0.4, middle);
    pen.fillStyle = tones(name).tone;
    pen.beginPath();
    pen.roundRect(
      x + text * 5.7,
      middle - step * 0.32,
      Math.max(text * 4.5 * face.probs[name], 2),
      step * 0.64,
      2,
    );
    pen.fill();
    pen.stroke();
  });
}

function laySmiley(pen, face) {
  const picture = smiley(named(face));
  if (!picture.complete || !picture.naturalWidth) return;
  const [x1, y1, x2, y2] = face.box;
  const side = Math.max(x2 - x1, y2 - y1) * COVER;
  pen.drawImage(picture, (x1 + x2 - side) / 2, (y1 + y2 - side) / 2, side, side);
}

const blocks = document.createElement("canvas");

function pixelate(pen, [x1, y1, x2, y2], flip, source) {
  const { width, height } = pen.canvas;
  const [wide, high] = [source.videoWidth || source.width, source.videoHeight || source.height];
  const margin = (x2 - x1) * 0.1;
  const [left, top] = [Math.max(x1 - margin, 0), Math.max(y1 - margin, 0)];
  const [right, bottom] = [Math.min(x2 + margin, width), Math.min(y2 + margin, height)];
  if (left >= right || top >= bottom || !wide) return;
  const from = flip ? width - right : left;
  blocks.width = blocks.height = BLOCKS;
  const [across, down] = [wide / width, high / height];
  const part = [from * across, top * down, (right - left) * across, (bottom - top) * down];
  const small = blocks.getContext("2d");
  if (flip) small.setTransform(-1, 0, 0, 1, BLOCKS, 0);
  small.drawImage(source, ...part, 0, 0, BLOCKS, BLOCKS);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(blocks, left, top, right - left, bottom - top);
  pen.imageSmoothingEnabled = true;
}

const map = document.createElement("canvas");

// Hot places are bright and dense, cold ones are not there.
function layHeat(pen, { heat, box: [x1, y1, x2, y2] }, flip) {
  const [high, wide] = [heat.length, heat[0].length];
  map.width = wide;
  map.height = high;
  const small = map.getContext("2d");
  const picture = small.createImageData(wide, high);
  heat.forEach((row, y) => {
    row.forEach((share, x) => {
      const at = 4 * (y * wide + (flip ? wide - 1 - x : x));
      picture.data.set([...glow(share / 100), (255 * HEAT * share) / 100], at);
    });
  });
  small.putImageData(picture, 0, 0);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(map, x1, y1, x2 - x1, y2 - y1);
}

// Return the colour of a share of heat, as the colour map Inferno has it: from black over red to light yellow.
const INFERNO = [
  [0, 0, 4],
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
];

function glow(share) {
  const at = Math.min(Math.max(share, 0), 1) * (INFERNO.length - 1);
  const [low, part] = [Math.floor(at), at % 1];
  const high = INFERNO[Math.min(low + 1, INFERNO.length - 1)];
  return INFERNO[low].map((value, i) => value + (high[i] - value) * part);
}
