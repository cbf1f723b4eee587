// The photo strip: seven faces on paper, as from a booth, drawn in the page and stored nowhere.

import { smiley, tones } from "./tones.js";
import { percent } from "./words.js";

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
const PHOTO_PX = 400;
const FRAME_PX = 18; // of white around a photo
const CAPTION_PX = 92; // below it
const GAP_PX = 34;
const TURNS_DEG = [-2, 1.4, -1, 2.2, 1.2, -1.8, 0.8, -1.4];
const [PAPER, INK, SOFT] = ["#fbf3e4", "#2b211b", "#6d5d50"];

// Cut a face out of a video, mirrored, with some room around its box (px of the video); return a canvas.
export function cutPhoto(video, [x1, y1, x2, y2]) {
  const { videoWidth: width, videoHeight: height } = video;
  const side = Math.min(1.75 * Math.max(x2 - x1, y2 - y1), width, height);
  const x = Math.max(0, Math.min((x1 + x2 - side) / 2, width - side));
  const y = Math.max(0, Math.min((y1 + y2 - side) / 2, height - side));
  const photo = Object.assign(document.createElement("canvas"), { width: PHOTO_PX, height: PHOTO_PX });
  const pen = photo.getContext("2d");
  pen.setTransform(-1, 0, 0, 1, PHOTO_PX, 0);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(video, x, y, side, side, 0, 0, PHOTO_PX, PHOTO_PX);
  return photo;
}

// Draw the strip: shots are { emotion, adjective, photo, share }, photo null where a face was skipped.
export function drawStrip(canvas, shots, { columns, title, date, site }) {
  const [wide, high] = [PHOTO_PX + 2 * FRAME_PX, PHOTO_PX + FRAME_PX + CAPTION_PX];
  const rows = Math.ceil((shots.length + 1) / columns);
  canvas.width = columns * (wide + GAP_PX) + GAP_PX;
  canvas.height = rows * (high + GAP_PX) + GAP_PX;
  const pen = canvas.getContext("2d");
  pen.fillStyle = PAPER;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  [null, ...shots].forEach((shot, place) => {
    pen.save();
    const [column, row] = [place % columns, Math.floor(place / columns)];
    pen.translate(GAP_PX + column * (wide + GAP_PX) + wide / 2, GAP_PX + row * (high + GAP_PX) + high / 2);
    if (shot) {
      pen.rotate((TURNS_DEG[place % TURNS_DEG.length] * Math.PI) / 180);
      drawShot(pen, shot, wide, high);
    } else drawTitle(pen, wide, { title, date, site });
    pen.restore();
  });
}

function drawTitle(pen, wide, { title, date, site }) {
  const lines = [
    [title, 700, 56, INK, 10],
    [date, 400, 34, SOFT, 88],
    [site, 400, 29, SOFT, 140],
  ];
  for (const [text, weight, size, colour, y] of lines) {
    pen.fillStyle = colour;
    write(pen, text, weight, size, 0, y, wide);
  }
  ["happy", "surprise", "angry"].forEach((emotion, place) =>
    drawSmiley(pen, emotion, (place - 1) * 130 - 60, -180 + Math.abs(place - 1) * 16, 120),
  );
}

function drawShot(pen, { emotion, adjective, photo, share }, wide, high) {
  const { tone, ink } = tones(emotion);
  const [left, top] = [-wide / 2, -high / 2];
  pen.shadowColor = "rgb(60 40 20 / 35%)";
  pen.shadowBlur = 22;
  pen.shadowOffsetY = 6;
  pen.fillStyle = "#fff";
  pen.fillRect(left, top, wide, high);
  pen.shadowColor = "transparent";
  const [x, y] = [left + FRAME_PX, top + FRAME_PX];
  if (photo) pen.drawImage(photo, x, y, PHOTO_PX, PHOTO_PX);
  else drawEmpty(pen, emotion, x, y);
  pen.fillStyle = tone;
  pen.beginPath();
  pen.roundRect(x, y + PHOTO_PX + 16, PHOTO_PX, CAPTION_PX - 32, 12);
  pen.fill();
  pen.fillStyle = ink;
  const words = photo ? `${adjective} ${percent(share)}` : adjective;
  const [middle, room] = photo ? [54, PHOTO_PX - 124] : [0, PHOTO_PX - 20]; // beside the smiley
  write(pen, words, 700, 36, middle, high / 2 - CAPTION_PX / 2 + 2, room);
  if (photo) drawSmiley(pen, emotion, x - 8, y + PHOTO_PX - 34, 116);
}

function drawEmpty(pen, emotion, x, y) {
  pen.fillStyle = "#efe6d8";
  pen.fillRect(x, y, PHOTO_PX, PHOTO_PX);
  pen.globalAlpha = 0.55;
  drawSmiley(pen, emotion, x + 100, y + 70, 200);
  pen.globalAlpha = 1;
  pen.fillStyle = SOFT;
  write(pen, "next time", 400, 30, 0, y + 320, PHOTO_PX);
}

function drawSmiley(pen, emotion, x, y, side) {
  const picture = smiley(emotion);
  if (picture.complete && picture.naturalWidth) pen.drawImage(picture, x, y, side, side);
}

function write(pen, text, weight, size, x, y, wide) {
  pen.font = `${weight} ${size}px ${FONT}`;
  pen.fillText(text, x, y, wide);
}
