// A recording that stays in the page: what was seen, as rows of a CSV with the columns of the server's own export.

const BYTE_ORDER_MARK = "\ufeff"; // without one, Excel takes UTF-8 for another encoding
const FIRST = ["time", "unix_ms", "seconds", "source", "track_id", "x1", "y1", "x2", "y2", "emotion", "sure"];
const LAST = "rest_since"; // when the resting face was measured that a row is read against
const SOURCE = "my camera";
export const MAX_ROWS = 1_000_000; // some 150 MB of text

export class Rows {
  lastMs = 0; // of the recording's time so far
  #startedMs;
  #emotions = []; // as the first face has them, in the order of all CSV files
  #lines = [];
  #faces = new Set();

  // startedMs is in Unix ms.
  constructor(startedMs) {
    this.#startedMs = startedMs;
  }

  get count() {
    return this.#lines.length;
  }

  get faces() {
    return this.#faces.size;
  }

  get isFull() {
    return this.#lines.length >= MAX_ROWS;
  }

  // Take the faces of an answer that came at unixMs.
  add(faces, unixMs) {
    this.lastMs = unixMs - this.#startedMs;
    const time = [new Date(unixMs).toISOString(), unixMs, (this.lastMs / 1000).toFixed(4), SOURCE];
    for (const face of faces) {
      if (this.isFull) return;
      this.#faces.add(face.track_id);
      if (!this.#emotions.length) this.#emotions = Object.keys(face.probs);
      const probs = this.#emotions.map((name) => face.probs[name].toFixed(4));
      this.#lines.push(
        [...time, face.track_id, ...face.box, face.emotion, Number(face.sure), ...probs, restSince(face)].join(
          ",",
        ),
      );
    }
  }

  toBlob() {
    const text = [[...FIRST, ...this.#emotions, LAST].join(","), ...this.#lines, ""].join("\r\n");
    return new Blob([BYTE_ORDER_MARK, text], { type: "text/csv" });
  }

  // Return the name of the file, with the local time at which the recording began.
  get fileName() {
    return `my-camera-${stamp(this.#startedMs)}.csv`;
  }
}

function restSince({ rest }) {
  return rest?.since ? new Date(rest.since * 1000).toISOString() : "";
}

// Return a moment as 2026-11-26T14-03-59, in local time, for names of files.
export function stamp(unixMs) {
  const local = new Date(unixMs - new Date(unixMs).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replaceAll(":", "-");
}

// Have the browser save a blob under a name.
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
