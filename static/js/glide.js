// Faces that glide from one answer of the server to the next, some of which come ten times a second.

const BOX_MS = 70; // in which a box goes two thirds of its way
const PROBS_MS = 140;
const FADE_MS = 220; // in which a face comes or goes

export class Glide {
  #faces = new Map(); // track_id -> { face, box, probs, opacity, here }
  #at = 0;

  // Take an answer of the server, or null for nobody.
  hear(answer) {
    for (const state of this.#faces.values()) state.here = false;
    for (const face of answer?.faces ?? []) {
      const box = toShares(face.box, answer);
      const state = this.#faces.get(face.track_id) ?? { box, probs: { ...face.probs }, opacity: 0 };
      this.#faces.set(face.track_id, Object.assign(state, { face, target: box, here: true }));
    }
  }

  clear() {
    this.#faces.clear();
  }

  // Return the faces at a moment in ms, each with box [x1, y1, x2, y2] in shares of the picture and its opacity.
  at(now) {
    const elapsed = Math.min(now - this.#at, 100);
    this.#at = now;
    for (const [id, state] of this.#faces) {
      state.box = state.box.map((side, i) => ease(side, state.target[i], elapsed, BOX_MS));
      for (const name of Object.keys(state.probs))
        state.probs[name] = ease(state.probs[name], state.face.probs[name], elapsed, PROBS_MS);
      state.opacity = Math.max(0, Math.min(1, state.opacity + ((state.here ? 1 : -1) * elapsed) / FADE_MS));
      if (!state.here && !state.opacity) this.#faces.delete(id);
    }
    return [...this.#faces.values()].map(({ face, box, probs, opacity }) => ({ ...face, box, probs, opacity }));
  }
}

function toShares([x1, y1, x2, y2], { width, height }) {
  return [x1 / width, y1 / height, x2 / width, y2 / height];
}

function ease(from, to, elapsed, ms) {
  return to + (from - to) * Math.exp(-elapsed / ms);
}
