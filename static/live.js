"use strict";
// Shows the camera's state under the picture, and brings the picture back when its stream has died.

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
let pauseMs = FIRST_PAUSE_MS;

function reconnect() {
  lost = false;
  connectedAt = Date.now();
  // a new address each time, or the browser keeps the dead stream
  stream.src = `${stream.dataset.feed}?viewer=${viewer}&t=${connectedAt}`;
}

function show(is, text, detail) {
  lamp.dataset.is = is;
  if (headline.textContent !== text) headline.textContent = text;
  figures.textContent = detail;
}

function showState(state) {
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
    if (isDead(state)) reconnect();
    showState(state);
    pauseMs = FIRST_PAUSE_MS;
  } catch {
    lost = true;
    show("problem", "The server does not answer; trying again …", "");
    next = pauseMs;
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
  setTimeout(watch, next);
}

stream.addEventListener("error", () => { lost = true; });
addEventListener("pageshow", (event) => { if (event.persisted) reconnect(); });
reconnect();
watch();
