// A card for each face: its smiley, its label, the seven probabilities in one order, and its last minute.

import { Circumplex } from "./circumplex.js";
import { tellMarkers } from "./marker_lines.js";
import { RestingFace } from "./rest.js";
import { drawMinute, MINUTE_MS } from "./timeline.js";
import { adjective, percent } from "./words.js";

const GONE_MS = 400; // a face that was not seen for this long fades
const FORGOTTEN_MS = 1500; // and then its card goes
const SPEAK_MS = 2000; // a screen reader is told no oftener
const SAID_MS = 8000;

export class Dashboard {
  #cards = new Map();
  #place = document.getElementById("cards");
  #template = document.getElementById("card");
  #nobody = document.getElementById("nobody");
  #announcer = document.getElementById("announcer");
  #restTimer = 0;
  #restNews = document.getElementById("rest-news");
  #askRest;
  #news = new Map(); // label changes that wait to be spoken, the newest of each face
  #spokenAt = 0;
  #markers;

  // askRest({ track_id, action, name }) returns why a resting face was refused, empty if it was not.
  // markers: MarkerLines, or what has `all` as that has.
  constructor(askRest, markers = { all: [] }) {
    this.#askRest = askRest;
    this.#markers = markers;
  }

  // The number of cards.
  get size() {
    return this.#cards.size;
  }

  // Show the faces of one event; now is in ms, and rests are the names of resting faces to use again.
  show(faces, now, rests = []) {
    for (const face of faces) {
      const card = this.#cards.get(face.track_id) ?? this.#add(face.track_id);
      if (card.show(face, now)) this.#news.set(face.track_id, card.label);
      card.rest.show(face.rest, rests, now);
    }
    const markers = this.#markers.all;
    for (const [id, card] of this.#cards) {
      if (now - card.seenAt > FORGOTTEN_MS) this.#lose(id, card);
      else card.draw(now, markers);
    }
    this.#count();
    this.#speak(now);
  }

  // Forget everybody: the numbers begin again.
  clear() {
    for (const [id, card] of this.#cards) this.#remove(id, card);
    this.#news.clear();
    this.#count();
  }

  #count() {
    this.#nobody.hidden = this.size > 0;
    this.#place.dataset.count = Math.min(this.size, 3);
  }

  #add(id) {
    const card = new FaceCard(id, this.#template, this.#askRest);
    const later = [...this.#cards].filter(([other]) => other > id).sort(([a], [b]) => a - b)[0];
    this.#place.insertBefore(card.element, later ? later[1].element : null);
    this.#cards.set(id, card);
    return card;
  }

  #lose(id, card) {
    if (card.rest.isMeasuring) {
      this.#restNews.textContent = `Face ${id} disappeared before its resting face was measured.`;
      clearTimeout(this.#restTimer);
      this.#restTimer = setTimeout(() => this.#restNews.replaceChildren(), SAID_MS);
    }
    this.#remove(id, card);
  }

  #remove(id, card) {
    card.element.remove();
    this.#cards.delete(id);
    this.#news.delete(id);
  }

  #speak(now) {
    if (!this.#news.size || now - this.#spokenAt < SPEAK_MS) return;
    const several = this.size > 1;
    const spoken = [...this.#news].map(
      ([id, label]) => `${several ? `Face ${id}` : "The face"}: ${adjective(label)}`,
    );
    this.#announcer.textContent = spoken.join(". ");
    this.#news.clear();
    this.#spokenAt = now;
  }
}

class FaceCard {
  label = "";
  seenAt = 0;
  #rows;
  #says;
  #share;
  #smiley;
  #smileys;
  #canvas;
  #circumplex;
  #moments = []; // { at, emotion, share }, of the last minute
  #toldAt = 0;

  constructor(id, template, askRest) {
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.dataset.face = id;
    this.#rows = [...this.element.querySelectorAll("[data-emotion]")];
    this.#says = this.element.querySelector(".says");
    this.#share = this.element.querySelector(".share");
    this.#smiley = this.element.querySelector(".smiley");
    this.#canvas = this.element.querySelector(".minute");
    this.#circumplex = new Circumplex(this.element.querySelector(".circumplex canvas"));
    this.#smileys = template.dataset.smileys;
    this.rest = new RestingFace(this.element.querySelector(".rest"), id, askRest);
    this.element.querySelector(".number").textContent = `Face ${id}`;
    const explain = this.element.querySelector(".explain");
    if (explain) explain.href = explain.href.replace(/0$/, id);
  }

  // Show a face; return whether its label has changed.
  show(face, now) {
    const label = face.sure ? face.emotion : "unsure";
    const changed = label !== this.label;
    this.seenAt = now;
    if (changed) this.#name(label);
    this.#share.textContent = face.sure ? percent(face.confidence) : "";
    for (const row of this.#rows) {
      const share = face.probs[row.dataset.emotion];
      row.style.setProperty("--fill", share);
      row.lastElementChild.textContent = percent(share);
    }
    this.#circumplex.show([face], now);
    this.#moments.push({ at: now, emotion: label, share: face.confidence });
    return changed;
  }

  #name(label) {
    this.label = label;
    this.element.className = `card tone-${label}`;
    this.#says.textContent = adjective(label);
    this.#smiley.src = this.#smileys.replace("NAME", label);
    for (const row of this.#rows) row.classList.toggle("leads", row.dataset.emotion === label);
  }

  // Draw the last minute up to now, with its markers; a face that is no longer seen fades.
  draw(now, markers) {
    this.element.classList.toggle("gone", now - this.seenAt > GONE_MS);
    this.#moments = this.#moments.filter((moment) => now - moment.at < MINUTE_MS);
    drawMinute(this.#canvas, this.#moments, now, markers);
    if (now - this.#toldAt > 5000) {
      const recent = markers.filter(({ at }) => now - at < MINUTE_MS);
      this.#canvas.setAttribute(
        "aria-label",
        `The last minute: ${summary(this.#moments)}${tellMarkers(recent, now)}`,
      );
      this.#toldAt = now;
    }
  }
}

function summary(moments) {
  const counts = new Map();
  for (const { emotion } of moments) counts.set(emotion, (counts.get(emotion) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted
    .map(([emotion, count]) => `${adjective(emotion)} ${percent(count / moments.length)}`)
    .join(", ");
}
