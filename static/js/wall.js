// All cameras side by side: tiles come and go with them, and a stream that has ended is opened again.

import { showRec } from "./recording.js";
import { Pause, Stream, viewer } from "./stream.js";

const PERIOD_MS = 1000;
const MOST_STREAMS = 4; // over HTTP/1.1 a browser opens six connections a host; further tiles are a picture a second
const PATIENCE_MS = 15000; // with one of those pictures

const wall = document.getElementById("wall");
const problem = document.getElementById("problem");
const nobody = document.getElementById("nobody");
const template = document.getElementById("tile");
const tiles = new Map();
const pause = new Pause();
const title = document.title;
let timer = 0;

class Tile {
  element = template.content.firstElementChild.cloneNode(true);
  stream = null; // or it is a picture a second
  #image = this.element.querySelector("img");
  #snapshot = "";
  #askedAt = 0;

  constructor(name, streams) {
    const camera = encodeURIComponent(name);
    this.#image.alt = `Live picture of the camera ${name}; every face has a box and an emotion`;
    this.element.querySelector("a").href = `cameras/${camera}/`;
    this.element.querySelector("strong").textContent = name;
    if (streams) this.stream = new Stream(this.#image, `video_feed/${camera}`);
    else this.#snapshot = `cameras/${camera}/snapshot.jpg`;
    if (this.stream) this.stream.open();
    else this.#renew();
  }

  show(camera) {
    if (this.stream) this.#keep(camera.watching);
    else if (this.#image.complete || Date.now() - this.#askedAt > PATIENCE_MS) this.#renew();
    showRec(this.element.querySelector(".rec"), camera.recording);
    this.element.querySelector("figcaption span").textContent = this.stream?.lost
      ? "trying again …"
      : describe(camera);
  }

  #keep(watching) {
    this.stream.hear(watching);
    if (this.stream.lost && !this.stream.rest()) this.stream.open();
  }

  #renew() {
    this.#askedAt = Date.now();
    this.#image.src = `${this.#snapshot}?t=${this.#askedAt}`;
  }

  remove() {
    this.#image.removeAttribute("src"); // which ends the connection
    this.element.remove();
  }
}

function say(sentence) {
  problem.hidden = !sentence;
  if (problem.textContent !== sentence) problem.textContent = sentence;
}

function add(name) {
  const tile = new Tile(name, isManyAtOnce() || streams() < MOST_STREAMS);
  tiles.set(name, tile);
  const later = [...tiles].filter(([other]) => other > name).sort(([a], [b]) => (a < b ? -1 : 1))[0];
  wall.insertBefore(tile.element, later ? later[1].element : null);
}

function remove(name) {
  tiles.get(name).remove();
  tiles.delete(name);
}

function streams() {
  return [...tiles.values()].filter((tile) => tile.stream).length;
}

function isManyAtOnce() {
  const [page] = performance.getEntriesByType("navigation");
  return !/^http\/[01]/.test(page?.nextHopProtocol ?? "http/1.1");
}

function show({ cameras, problem: sentence }) {
  say(sentence);
  if (sentence) {
    // the streams say so themselves, and go on by themselves
    for (const tile of tiles.values()) tile.stream?.hear(null);
    return;
  }
  const there = new Map(cameras.map((camera) => [camera.name, camera]));
  for (const name of tiles.keys()) if (!there.has(name)) remove(name);
  for (const [name, camera] of there) {
    if (!tiles.has(name)) add(name);
    tiles.get(name).show(camera);
  }
  nobody.hidden = tiles.size > 0;
  document.title = cameras.some(({ recording }) => recording?.on) ? `● REC – ${title}` : title;
}

function describe({ source, fps, faces, problem: trouble }) {
  if (trouble) return "no signal";
  if (fps == null) return ""; // nobody watches it yet, or its process is away
  return `${source} · ${faces.length === 1 ? "1 face" : `${faces.length} faces`} · ${fps.toFixed(0)} fps`;
}

async function watch() {
  let next = PERIOD_MS;
  try {
    const address = `${wall.dataset.cameras}?viewer=${viewer}`;
    const response = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (response.status === 401) return location.reload(); // logged out: the page asks
    const payload = await response.json();
    if (document.hidden) return;
    show(payload);
    pause.reset();
  } catch {
    if (document.hidden) return;
    say("The server does not answer; trying again …");
    next = pause.next();
  }
  watchIn(next);
}

function watchIn(ms) {
  clearTimeout(timer);
  timer = setTimeout(watch, ms);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden) for (const name of [...tiles.keys()]) remove(name);
  else watch();
});
watch();
