// Draws a face's last minute: the colour says which emotion was named, the height how probable it was.

import { drawMarkers } from "./marker_lines.js";
import { tones } from "./tones.js";

export const MINUTE_MS = 60_000;
const LONGEST_GAP_MS = 1200; // a longer one is a time in which the face was not seen

// moments are { at (ms), emotion, share (0 to 1) }, oldest first; the right edge is now. markers: MarkerLines.all.
export function drawMinute(canvas, moments, now, markers) {
  const scale = devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  const x = (at) => Math.round(width * (1 - (now - at) / MINUTE_MS));
  moments.forEach((moment, number) => {
    const next = moments[number + 1]?.at ?? now;
    const until = next - moment.at > LONGEST_GAP_MS ? moment.at + 100 : next;
    const top = Math.round(height * (1 - moment.share));
    pen.fillStyle = tones(moment.emotion).tone;
    pen.fillRect(x(moment.at), top, Math.max(x(until) - x(moment.at), 1), height - top);
    if (moments[number - 1]?.emotion === moment.emotion) return;
    pen.fillStyle = "#fff"; // between two emotions, of whichever colours
    pen.fillRect(x(moment.at), top, scale, height - top);
  });
  drawMarkers(pen, markers, x);
}
