// The recording's markers as lines in the charts of the last minutes, whoever has set them.

const KEPT_MS = 5 * 60_000; // as long as the longest chart
const MAX_SPOKEN = 5;
const PAD_PX = 4;
const FLAG_PX = 15;

export class MarkerLines {
  #markers = new Map(); // by session and number: { at, label, key }

  #delayMs = Number.POSITIVE_INFINITY; // by both clocks, from a picture to this page; longer while none comes

  // Take what the server says of the recording with a picture of shownMs (Unix, ms, by the server's clock; 0 without
  // one), at now by this page's.
  hear(recording, now, shownMs) {
    if (shownMs) this.#delayMs = Math.min(this.#delayMs, now - shownMs);
    for (const { number, label, time } of recording.recent_markers ?? []) {
      const name = `${recording.session} ${number}`;
      if (this.#markers.has(name)) continue;
      const at = Math.min(time * 1000 + this.#delayMs, now); // where the picture of that moment is
      this.#markers.set(name, { at, label, key: recording.labels.indexOf(label) + 1 || "" });
    }
    for (const [name, { at }] of this.#markers) if (now - at > KEPT_MS) this.#markers.delete(name);
  }

  // The markers as { at (ms), label, key (1 to 9, or "") }, oldest first.
  get all() {
    return [...this.#markers.values()].sort((one, other) => one.at - other.at);
  }
}

// Draw markers as lines, each with a flag to its left where no newer flag lies: the label, or the key where only
// that has room. x(at) is a moment's place in px.
export function drawMarkers(pen, markers, x) {
  if (!markers.length) return;
  const scale = devicePixelRatio || 1;
  const { color, backgroundColor } = getComputedStyle(pen.canvas); // forced colours as well
  const lines = markers.map((marker) => ({ ...marker, place: x(marker.at) })).filter(({ place }) => place > 0);
  for (const [wide, colour] of [
    [4, backgroundColor],
    [2, color],
  ]) {
    pen.fillStyle = colour;
    for (const { place } of lines) pen.fillRect(place - (wide * scale) / 2, 0, wide * scale, pen.canvas.height);
  }
  pen.font = `600 ${11 * scale}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  let free = Number.POSITIVE_INFINITY; // up to here
  for (const { place, label, key } of lines.reverse()) {
    if (place > free) continue;
    const width = (words) => pen.measureText(words).width + 2 * PAD_PX * scale;
    const words = [label, key].find((some) => some && width(some) <= place);
    if (!words) continue;
    free = place - width(words) - 2 * scale;
    pen.fillStyle = color;
    pen.fillRect(place - width(words), 0, width(words), FLAG_PX * scale);
    pen.fillStyle = backgroundColor;
    pen.fillText(words, place - width(words) + PAD_PX * scale, (FLAG_PX * scale) / 2);
  }
}

// Return the newest of those markers in words: “stimulus on” 12 s ago; empty without one.
export function tellMarkers(markers, now) {
  const words = markers
    .slice(-MAX_SPOKEN)
    .map(({ at, label }) => `“${label}” ${Math.round((now - at) / 1000)} s ago`);
  return words.length ? `. Marked: ${words.join(", ")}` : "";
}
