// Keeps the page's two streams, the pictures and what is seen in them: brings them back when one has died,
// and gives them back while nobody can see the page.

import { Controls } from "./controls.js";
import { Dashboard } from "./dashboard.js";
import { Demo } from "./demo.js";
import { offerDialogs, showJson } from "./dialogs.js";
import { announceLinks } from "./explaining.js";
import { MarkerLines } from "./marker_lines.js";
import { RecordingButton } from "./recording.js";
import { Room } from "./room.js";
import { Screen } from "./screen.js";
import { Stream, viewer } from "./stream.js";
import { fitStage, relabel, setOn } from "./tools.js";

const WATCH_MS = 5000;
const SILENCE_MS = 5000; // an event comes every second

const image = document.getElementById("stream");
const lamp = document.getElementById("lamp");
const headline = document.getElementById("headline");
const figures = document.getElementById("figures");
const note = document.getElementById("note");
const { state: stateUrl, events: eventsUrl } = document.getElementById("status").dataset;

const still = document.getElementById("still"); // the last picture, while the page is paused
const pause = document.getElementById("pause");

const markers = new MarkerLines();
const dashboard = new Dashboard((request) => controls.rest(request), markers);
const controls = new Controls(() => dashboard.clear(), takeSnapshot);
const recordingButton = new RecordingButton();
const demo = new Demo();
const screen = new Screen();
const room = new Room(() => screen.isOn, markers);
const stream = new Stream(image, image.dataset.feed, lose); // lost with the events: both come back together
let events = null;
let heardAt = 0;
let timer = 0;

function connect() {
  heardAt = Date.now();
  stream.open();
  events?.close();
  events = new EventSource(eventsUrl);
  events.onmessage = (message) => hear(JSON.parse(message.data));
  events.onerror = lose;
}

function lose() {
  events?.close(); // or the browser tries by itself, and the server is asked twice
  stream.lost = true;
  watchIn(0);
}

function watchIn(ms) {
  clearTimeout(timer);
  timer = setTimeout(watch, ms);
}

async function watch() {
  let next = WATCH_MS;
  try {
    const response = await fetch(`${stateUrl}?viewer=${viewer}`, {
      cache: "no-store",
      signal: AbortSignal.timeout(5000),
    });
    if (response.status === 401) return location.reload(); // logged out, perhaps in another tab: the page asks
    if (!response.ok) throw new Error(response.statusText);
    const state = await response.json();
    if (!isOn()) return;
    if (Date.now() - heardAt > SILENCE_MS) stream.lost = true;
    stream.hear(state.watching);
    if (stream.lost && !state.full && !stream.rest()) connect();
    if (stream.lost) {
      const why = state.full ? "All places are taken" : "The server sends no stream now";
      show("waiting", `${why}; this page tries again automatically …`, "");
      next = state.full ? WATCH_MS : Math.max(stream.rest(), 250);
    }
  } catch {
    if (!isOn()) return;
    stream.lost = true;
    show("problem", "The server does not answer; trying again …", "");
    dashboard.show([], Date.now()); // nobody is seen any more
    next = stream.pause.next();
  }
  watchIn(next);
}

function hear(state) {
  heardAt = Date.now();
  const parts = [
    () => {
      if (state.recording) markers.hear(state.recording, heardAt, state.time * 1000);
    },
    () => dashboard.show(state.faces, heardAt, state.view?.rests),
    () => screen.show(state.faces, heardAt, state.view?.flip),
    () => room.show(state.faces, heardAt),
    () => {
      if (!stream.lost) showState(state);
    },
    () => {
      if (state.view) controls.show(state.view);
    },
    () => {
      if (state.recording) recordingButton.show(state.recording);
    },
    () => showJson(state),
    fit,
  ];
  for (const part of parts) {
    try {
      part();
    } catch (error) {
      reportError(error); // and the others go on
    }
  }
}

function fit() {
  fitStage(document.getElementById("screen"), image.naturalWidth, image.naturalHeight);
}

function show(is, text, detail) {
  lamp.dataset.is = is;
  if (headline.textContent !== text) headline.textContent = text;
  figures.textContent = detail;
}

function showState(state) {
  if (note.textContent !== state.note) note.textContent = state.note;
  note.hidden = demo.show(state) || !state.note;
  const faces = dashboard.size === 1 ? "1 face" : `${dashboard.size} faces`;
  const detail = `${faces} · ${state.fps.toFixed(0)} fps · ${state.latency_ms.toFixed(0)} ms delay`;
  if (state.problem) show("problem", `No signal: ${state.problem}`, "");
  else if (state.running && state.frame !== null) show("live", state.seen, detail);
  else show("waiting", "Opening the camera …", "");
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
  } else if (image.naturalWidth) {
    still.width = image.naturalWidth;
    still.height = image.naturalHeight;
    still.getContext("2d").drawImage(image, 0, 0);
    still.hidden = false;
    stop();
    show("waiting", "Paused", "");
  }
  setOn(pause, isPaused());
  relabel(pause, isPaused() ? "play" : "pause", isPaused() ? "Resume" : "Pause");
}

// Save what this page shows; without a picture of its own to give, the link fetches the newest.
function takeSnapshot(link) {
  link.download = `faces-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.jpg`;
  if (isPaused()) link.href = still.toDataURL("image/jpeg", 0.92);
  else link.href = link.dataset.newest;
}

function start() {
  stream.pause.reset();
  connect();
  watchIn(WATCH_MS);
}

function stop() {
  clearTimeout(timer);
  stream.close();
  events?.close();
}

offerDialogs();
announceLinks();
pause.addEventListener("click", togglePause);
image.addEventListener("load", fit); // of the first picture at least, in every browser
document.addEventListener("visibilitychange", () => (isOn() ? start() : stop()));
addEventListener("pageshow", (event) => {
  if (event.persisted && isOn()) start();
});
if (isOn()) start();
