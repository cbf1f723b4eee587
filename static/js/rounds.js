// The rules of "Show me …": how long a face has been held, and whether it is clear enough.

export const HOLD_MS = 2000;
const LEAK = 0.5; // while it is not shown, the bar empties at half the speed
const MAX_GAP_MS = 500; // between two answers, counted as held
const PATIENCE_MS = 8000; // after which less and less is enough, as faces differ and the network errs
const EASIER_MS = 16000; // after which half is enough

// The probability from which an emotion counts. On FER2013's faces that most of FER+'s people agree on, four of
// five reach it, and of the faces with another label one in ten at most does.
const NEEDED = { happy: 0.6, surprise: 0.5, sad: 0.4, angry: 0.4, disgust: 0.3, fear: 0.3, neutral: 0.45 };

// In an entertaining order: an easy one first, hard ones after one another's opposite, rest at the end.
export const ORDER = ["happy", "surprise", "angry", "sad", "disgust", "fear", "neutral"];

// One emotion that is asked for; times are in ms of one clock.
export class Round {
  held = 0; // 0 to 1
  level = 0; // of what is needed, 1 and above is enough
  #emotion;
  #begunAt;
  #at;

  constructor(emotion, now) {
    this.#emotion = emotion;
    this.#begunAt = this.#at = now;
  }

  // Take the player's probabilities, or null while nobody is seen; return whether the emotion was held.
  hear(probs, now) {
    const elapsed = Math.min(now - this.#at, MAX_GAP_MS);
    this.#at = now;
    this.level = probs ? probs[this.#emotion] / this.#needed(now) : 0;
    this.held += ((this.level >= 1 ? 1 : -LEAK) * elapsed) / HOLD_MS;
    this.held = Math.max(0, Math.min(1, this.held));
    return this.held === 1;
  }

  #needed(now) {
    const over = Math.max(0, now - this.#begunAt - PATIENCE_MS) / EASIER_MS;
    return NEEDED[this.#emotion] * (1 - 0.5 * Math.min(over, 1));
  }
}

// Return the largest face, whose turn it is, or null.
export function playerOf(faces) {
  const area = ({ box: [x1, y1, x2, y2] }) => (x2 - x1) * (y2 - y1);
  return faces.reduce((best, face) => (best && area(best) >= area(face) ? best : face), null);
}
