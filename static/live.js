// Keeps the page's two streams, the pictures and what is seen in them: brings them back when they have died,
// and gives them back while nobody can see the page.

import { Controls } from "./controls.js";
import { Dashboard } from "./dashboard.js";
import { RecordingButton } from "./recording.js";

const WATCH_MS = 5000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15000;
const SETTLE_MS = 3000; // a new stream may take this long to begin
const SILENCE_MS = 5000; // an event comes every second

const stream = document.getElementById("stream");
const lamp = document.getElementById("lamp");
const headline = document.getElementById("headline");
const figures = document.getElementById("figures");
const note = document.getElementById("note");
const { state: stateUrl, events: eventsUrl } = document.getElementById("status").dataset;

const still = document.getElementById("still"); // the last picture, while the page is paused
const pause = document.getElementById("pause");

const dashboard = new Dashboard();
const controls = new Controls(() => dashboard.clear(), takeSnapshot);
const recordingButton = new RecordingButton();
const viewer = crypto.getRandomValues(new Uint32Array(2)).join("-"); // so that the server knows this page's stream
let events = null;
let lost = false; // a stream is known to be dead
let connectedAt = 0;
let heardAt = 0;
let pauseMs = FIRST_PAUSE_MS; // until the next try; doubles while tries fail
let retryAt = 0;
let timer = 0;

function backOff() {
  const pause = pauseMs;
  pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  return pause;
}

function connect() {
  lost = false;
  connectedAt = heardAt = Date.now();
  retryAt = connectedAt + backOff();
  // a new address each time, or the browser keeps the dead stream
  stream.src = `${stream.dataset.feed}?viewer=${viewer}&t=${connectedAt}`;
  events?.close();
  events = new EventSource(eventsUrl);
  events.onmessage = (message) => hear(JSON.parse(message.data));
  events.onerror = lose;
}

function lose() {
  events?.close(); // or the browser tries by itself, and the server is asked twice
  lost = true;
  watchIn(0);
}

function watchIn(ms) {
  clearTimeout(timer);
  timer = setTimeout(watch, ms);
}

// Chromium fires no event when a picture stream ends, so the page asks the server whether it still sends to it.
async function watch() {
  let next = WATCH_MS;
  try {
    const response = await fetch(`${stateUrl}?viewer=${viewer}`, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error(response.statusText);
    const state = await response.json();
    if (!isOn()) return;
    if (state.watching && !lost) pauseMs = FIRST_PAUSE_MS;
    if (isDead(state) && Date.now() >= retryAt) connect();
    if (lost) show("waiting", "The server gives no stream now; trying again …", "");
    if (isDead(state)) next = Math.max(retryAt - Date.now(), 250);
  } catch {
    if (!isOn()) return;
    lost = true;
    show("problem", "The server does not answer; trying again …", "");
    dashboard.show([], Date.now()); // nobody is seen any more
    next = backOff();
  }
  watchIn(next);
}

function isDead(state) {
  const now = Date.now();
  const settled = now - connectedAt > SETTLE_MS;
  return lost || now - heardAt > SILENCE_MS || (settled && !state.watching);
}

function hear(state) {
  heardAt = Date.now();
  if (!lost) showState(state);
  if (state.view) controls.show(state.view);
  if (state.recording) recordingButton.show(state.recording);
  dashboard.show(state.faces, heardAt);
}

function show(is, text, detail) {
  lamp.dataset.is = is;
  if (headline.textContent !== text) headline.textContent = text;
  figures.textContent = detail;
}

function showState(state) {
  if (note.textContent !== state.note) note.textContent = state.note;
  note.hidden = !state.note;
  const faces = state.faces.length === 1 ? "1 face" : `${state.faces.length} faces`;
  const detail = `${faces} · ${state.fps.toFixed(0)} fps · ${state.latency_ms.toFixed(0)} ms delay`;
  if (state.problem) show("problem", `No signal: ${state.problem}`, "");
  else if (state.running && state.frame !== null) show("live", `Live: ${state.source}`, detail);
  else show("waiting", "Opening the source …", "");
}

function isPaused() {
  return !still.hidden;
}

function isOn() {
  return !document.hidden && !isPaused();
}

function togglePause() {
  if (isPaused()) {
    still.hidden = true;
    start();
  } else if (stream.naturalWidth) {
    still.width = stream.naturalWidth;
    still.height = stream.naturalHeight;
    still.getContext("2d").drawImage(stream, 0, 0);
    still.hidden = false;
    stop();
    show("waiting", "Paused", "");
  }
  pause.setAttribute("aria-pressed", isPaused());
}

// Save what this page shows; without a picture of its own to give, the link fetches the newest.
function takeSnapshot(link) {
  link.download = `faces-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.jpg`;
  if (isPaused()) link.href = still.toDataURL("image/jpeg", 0.92);
  else link.href = link.dataset.newest;
}

function start() {
  pauseMs = FIRST_PAUSE_MS;
  connect();
  watchIn(WATCH_MS);
}

function stop() {
  clearTimeout(timer);
  stream.removeAttribute("src"); // which ends the connection
  events?.close();
}

pause.addEventListener("click", togglePause);
stream.addEventListener("error", () => { if (stream.hasAttribute("src")) lose(); });
document.addEventListener("visibilitychange", () => (isOn() ? start() : stop()));
addEventListener("pageshow", (event) => { if (event.persisted && isOn()) start(); });
if (isOn()) start();
