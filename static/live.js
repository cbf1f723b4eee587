"use strict";
// Shows the camera's state under the picture, brings the picture back when its stream has died, and gives
// the stream back while nobody can see the page.

const POLL_MS = 1000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15000;

const stream = document.getElementById("stream");
const lamp = document.getElementById("lamp");
const headline = document.getElementById("headline");
const figures = document.getElementById("figures");
const note = document.getElementById("note");
const stateUrl = document.getElementById("status").dataset.state;

const viewer = crypto.getRandomValues(new Uint32Array(2)).join("-"); // so that the server knows this page's stream
let lost = false; // the stream is known to be dead
let connectedAt = Date.now();
let pauseMs = FIRST_PAUSE_MS; // until the next try; doubles while tries fail
let retryAt = 0;
let timer = 0;

function backOff() {
  const pause = pauseMs;
  pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  return pause;
}

function reconnect() {
  lost = false;
  connectedAt = Date.now();
  retryAt = connectedAt + backOff();
  // a new address each time, or the browser keeps the dead stream
  stream.src = `${stream.dataset.feed}?viewer=${viewer}&t=${connectedAt}`;
}

function show(is, text, detail) {
  lamp.dataset.is = is;
  if (headline.textContent !== text) headline.textContent = text;
  figures.textContent = detail;
}

function showState(state) {
  document.dispatchEvent(new CustomEvent("camerastate", { detail: state }));
  note.textContent = state.note;
  note.hidden = !state.note;
  const faces = state.faces.length === 1 ? "1 face" : `${state.faces.length} faces`;
  const detail = `${faces} · ${state.fps.toFixed(0)} fps · ${state.latency_ms.toFixed(0)} ms`;
  if (state.problem) show("problem", `${state.source}: no signal. ${state.problem}`, "");
  else if (state.running && state.frame !== null) show("live", `Live: ${state.source}`, detail);
  else show("waiting", "Opening the source …", "");
}

// Chromium fires no event when a stream ends, so the page asks the server whether it still sends to it.
function isDead(state) {
  const settled = Date.now() - connectedAt > 3000;
  return lost || (settled && !state.watching);
}

async function watch() {
  let next = POLL_MS;
  try {
    const response = await fetch(`${stateUrl}?viewer=${viewer}`, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error(response.statusText);
    const state = await response.json();
    if (state.watching && !lost) pauseMs = FIRST_PAUSE_MS;
    if (isDead(state) && Date.now() >= retryAt) reconnect();
    if (lost) show("waiting", "The server gives no stream now; trying again …", "");
    else showState(state);
  } catch {
    lost = true;
    show("problem", "The server does not answer; trying again …", "");
    next = backOff();
  }
  if (!document.hidden) timer = setTimeout(watch, next);
}

function start() {
  clearTimeout(timer);
  pauseMs = FIRST_PAUSE_MS;
  reconnect();
  watch();
}

function stop() {
  clearTimeout(timer);
  stream.removeAttribute("src"); // which ends the connection
}

stream.addEventListener("error", () => { lost = true; });
document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
addEventListener("pageshow", (event) => { if (event.persisted) start(); });
if (!document.hidden) start();
