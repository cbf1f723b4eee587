// A card for each face: its number, its label, the seven probabilities as sorted bars, and its last minute.

import { drawMinute, MINUTE_MS } from "./timeline.js";

const GONE_MS = 1000; // a face that was not seen for this long fades
const FORGOTTEN_MS = 6000; // and then its card goes
const SPEAK_MS = 2000; // a screen reader is told no oftener

export class Dashboard {
  #cards = new Map();
  #place = document.getElementById("cards");
  #template = document.getElementById("card");
  #nobody = document.getElementById("nobody");
  #announcer = document.getElementById("announcer");
  #news = new Map(); // label changes that wait to be spoken, the newest of each face
  #spokenAt = 0;

  // Show the faces of one event; now is in ms.
  show(faces, now) {
    for (const face of faces) {
      const card = this.#cards.get(face.track_id) ?? this.#add(face.track_id);
      if (card.show(face, now)) this.#news.set(face.track_id, `Face ${face.track_id}: ${card.label}`);
    }
    for (const [id, card] of this.#cards) {
      if (now - card.seenAt > FORGOTTEN_MS) this.#remove(id, card);
      else card.draw(now);
    }
    this.#nobody.hidden = this.#cards.size > 0;
    this.#speak(now);
  }

  // Forget everybody: the numbers begin again.
  clear() {
    for (const [id, card] of this.#cards) this.#remove(id, card);
    this.#news.clear();
    this.#nobody.hidden = false;
  }

  #add(id) {
    const card = new FaceCard(id, this.#template.content.firstElementChild.cloneNode(true));
    const later = [...this.#cards].filter(([other]) => other > id).sort(([a], [b]) => a - b)[0];
    this.#place.insertBefore(card.element, later ? later[1].element : null);
    this.#cards.set(id, card);
    return card;
  }

  #remove(id, card) {
    card.element.remove();
    this.#cards.delete(id);
    this.#news.delete(id);
  }

  #speak(now) {
    if (!this.#news.size || now - this.#spokenAt < SPEAK_MS) return;
    this.#announcer.textContent = [...this.#news.values()].join(". ");
    this.#news.clear();
    this.#spokenAt = now;
  }
}

class FaceCard {
  label = "";
  seenAt = 0;
  #rows;
  #says;
  #canvas;
  #moments = []; // { at, emotion, share }, of the last minute
  #toldAt = 0;

  constructor(id, element) {
    this.element = element;
    this.#rows = [...element.querySelectorAll("[data-emotion]")];
    this.#says = element.querySelector(".says");
    this.#canvas = element.querySelector(".minute");
    element.querySelector(".number").textContent = `Face ${id}`;
    element.dataset.face = id;
  }

  // Show a face; return whether its label has changed.
  show(face, now) {
    const label = face.sure ? face.emotion : "unsure";
    const changed = label !== this.label;
    this.label = label;
    this.seenAt = now;
    this.#says.textContent = face.sure ? `${label} ${percent(face.confidence)}` : label;
    this.#says.className = `says tone-${label}`;
    this.#rank(face.probs);
    this.#moments.push({ at: now, emotion: label, share: face.confidence });
    return changed;
  }

  // Draw the last minute up to now; a face that is no longer seen fades.
  draw(now) {
    this.element.classList.toggle("gone", now - this.seenAt > GONE_MS);
    this.#moments = this.#moments.filter((moment) => now - moment.at < MINUTE_MS);
    drawMinute(this.#canvas, this.#moments, now);
    if (now - this.#toldAt > 5000) {
      this.#canvas.setAttribute("aria-label", `The last minute: ${summary(this.#moments)}`);
      this.#toldAt = now;
    }
  }

  #rank(probs) {
    for (const row of this.#rows) {
      const share = probs[row.dataset.emotion];
      row.style.setProperty("--fill", share);
      row.lastElementChild.textContent = percent(share);
    }
    // by whole percents, equals as they were, so that the last ones do not change places all the time
    const whole = (row) => Math.round(probs[row.dataset.emotion] * 100);
    this.#rows.sort((a, b) => whole(b) - whole(a));
    this.#rows.forEach((row, rank) => row.style.setProperty("--rank", rank));
  }
}

function percent(share) {
  return `${Math.round(share * 100)}\u202f%`;
}

function summary(moments) {
  const counts = new Map();
  for (const { emotion } of moments) counts.set(emotion, (counts.get(emotion) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([emotion, count]) => `${emotion} ${percent(count / moments.length)}`).join(", ");
}
