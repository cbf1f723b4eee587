// Screen mode (/?screen): the picture alone with large words, for halls and televisions.

import { Backdrop } from "./backdrop.js";
import { Circumplex, offerCircumplex } from "./circumplex.js";
import { adjective, percent } from "./words.js";

const IDLE_MS = 3000; // then the pointer goes
const ALONE_MS = 4000; // without a face, until somebody is asked to step closer
const MAX_CAPTIONS = 4;

export class Screen {
  #root = document.documentElement;
  #captions = document.getElementById("captions");
  #closer = document.getElementById("closer");
  #smileys = document.getElementById("card").dataset.smileys;
  #backdrop = new Backdrop();
  #circumplex = new Circumplex(document.querySelector(".stage .circumplex canvas"));
  #seenAt = Date.now();
  #idleTimer = 0;
  #lock = null;

  constructor() {
    const { searchParams } = new URL(location.href);
    offerCircumplex(document.getElementById("circumplex"));
    this.#root.classList.toggle("with-cards", searchParams.has("cards"));
    this.#root.classList.toggle("without-room", searchParams.get("room") === "0");
    document.getElementById("screen-mode").addEventListener("click", (event) => {
      event.preventDefault();
      this.#enter();
    });
    document.getElementById("leave").addEventListener("click", () => this.#leave());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOn && !document.querySelector("dialog[open]")) this.#leave();
    });
    document.addEventListener("fullscreenchange", () => {
      if (!document.fullscreenElement && this.isOn) this.#leave(); // Escape in full screen comes as this
    });
    for (const kind of ["pointermove", "pointerdown", "keydown"]) addEventListener(kind, () => this.#wake());
    addEventListener("popstate", () => this.#set(new URLSearchParams(location.search).has("screen")));
    document.addEventListener("visibilitychange", () => this.#keepAwake());
    this.#set(this.isOn);
  }

  get isOn() {
    return this.#root.classList.contains("screening");
  }

  // Show the faces of one event, as they stand from left to right; now is in ms.
  show(faces, now, flipped) {
    if (faces.length) this.#seenAt = now;
    this.#closer.hidden = now - this.#seenAt < ALONE_MS;
    if (!this.isOn) return;
    this.#backdrop.show(now);
    this.#circumplex.show(faces, now);
    const side = flipped ? -1 : 1;
    const shown = [...faces].sort((one, other) => size(other) - size(one)).slice(0, MAX_CAPTIONS);
    shown.sort((one, other) => side * (one.box[0] - other.box[0]));
    while (this.#captions.children.length > shown.length) this.#captions.lastElementChild.remove();
    while (this.#captions.children.length < shown.length) this.#captions.append(newCaption());
    shown.forEach((face, index) => this.#fill(this.#captions.children[index], face, shown.length > 1));
  }

  #fill(caption, face, several) {
    const label = face.sure ? face.emotion : "unsure";
    const [image, name, share] = caption.children;
    if (caption.dataset.label !== label) {
      caption.dataset.label = label;
      caption.className = `tone-${label}`;
      image.src = this.#smileys.replace("NAME", label);
    }
    name.textContent = several ? `${face.track_id} ${adjective(label)}` : adjective(label);
    share.textContent = face.sure ? percent(face.confidence) : "";
  }

  #enter() {
    this.#set(true);
    history.pushState(null, "", "?screen");
    this.#root.requestFullscreen?.().catch(() => {}); // the page alone is large enough
  }

  #leave() {
    this.#set(false);
    if (document.fullscreenElement) document.exitFullscreen();
    history.replaceState(null, "", location.pathname);
  }

  #set(on) {
    this.#root.classList.toggle("screening", on);
    this.#keepAwake();
    this.#wake();
  }

  async #keepAwake() {
    if (this.isOn && !document.hidden && navigator.wakeLock) {
      this.#lock = await navigator.wakeLock.request("screen").catch(() => null);
      if (this.isOn) return;
    }
    this.#lock?.release().catch(() => {});
    this.#lock = null;
  }

  #wake() {
    clearTimeout(this.#idleTimer);
    this.#root.classList.remove("idle");
    if (this.isOn) this.#idleTimer = setTimeout(() => this.#root.classList.add("idle"), IDLE_MS);
  }
}

function size({ box: [x1, y1, x2, y2] }) {
  return (x2 - x1) * (y2 - y1);
}

function newCaption() {
  const caption = document.createElement("li");
  const image = document.createElement("img");
  image.alt = "";
  caption.append(image, document.createElement("b"), document.createElement("span"));
  return caption;
}
