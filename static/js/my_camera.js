// The page of the visitor's own camera.

import { Dashboard } from "./dashboard.js";
import { Keys } from "./keys.js";
import { Overlay } from "./overlay.js";
import { OwnCamera } from "./own_camera.js";
import { OwnRecording } from "./own_recording.js";
import { Poster } from "./poster.js";
import { Room } from "./room.js";
import { save, stamp } from "./rows.js";
import { Screen } from "./screen.js";
import { closePanels, isOn, offerFullScreen, setOn } from "./tools.js";

const stage = document.getElementById("stage");
const video = document.getElementById("video");
const lamp = document.getElementById("lamp");
const headline = document.getElementById("headline");
const figures = document.getElementById("figures");
const stop = document.getElementById("stop");
const snapshot = document.getElementById("snapshot");
const record = document.getElementById("record");
const cameras = document.getElementById("cameras");
const tools = document.getElementById("tools");

new Keys();
closePanels();
const dashboard = new Dashboard((request) => camera.rest(request));
const overlay = new Overlay(document.getElementById("live"), video, document.getElementById("drawing"));
const recording = new OwnRecording();
const screen = new Screen();
const room = new Room(() => screen.isOn);
const camera = new OwnCamera(video, stage.dataset, { show, opened, answer, closed });
const poster = new Poster(() => camera.start());

// Show what goes on: over the stage while there is no picture to see, else below it.
function show(state) {
  const { is, text } = state;
  lamp.dataset.is = is;
  if (headline.textContent !== text) headline.textContent = text;
  headline.classList.toggle("unseen", is !== "live"); // the poster says it
  figures.hidden = is !== "live";
  stop.hidden = !camera.wanted;
  snapshot.disabled = is !== "live";
  record.disabled = is !== "live" && !recording.on;
  poster.show(state, camera.wanted, stop);
}

function opened(found, current) {
  cameras.replaceChildren(...found.map(({ id, name }) => new Option(name, id)));
  cameras.value = current;
  document.getElementById("choice").hidden = found.length < 2;
  overlay.start();
}

function answer(seen, rates) {
  overlay.hear(seen);
  const faces = seen?.faces ?? [];
  dashboard.show(faces, Date.now(), seen?.rests);
  for (const part of [screen, room]) part.show(faces, Date.now(), overlay.look.flip);
  if (!seen) return;
  recording.add(faces);
  const count = dashboard.size === 1 ? "1 face" : `${dashboard.size} faces`; // as many as there are cards
  figures.textContent = `${count} · ${rates.fps.toFixed(0)} fps · ${rates.delayMs.toFixed(0)} ms delay`;
}

function closed() {
  overlay.stop();
  dashboard.clear();
}

function change(toggle) {
  const on = !isOn(toggle);
  setOn(toggle, on);
  overlay.set({ [toggle.name]: on });
  if (toggle.name === "heat") camera.set({ heat: on });
}

function ease(slider) {
  const seconds = Number(slider.value);
  slider.nextElementSibling.value = `${seconds.toFixed(1)}\u202fs`;
  return { smoothing_s: seconds };
}

stop.addEventListener("click", () => {
  camera.end();
  poster.focus();
});
snapshot.addEventListener("click", async () =>
  save(await overlay.snapshot(), `my-camera-${stamp(Date.now())}.jpg`),
);
cameras.addEventListener("change", () => {
  camera.id = cameras.value;
  camera.start();
});
for (const toggle of tools.querySelectorAll("[role=switch]"))
  toggle.addEventListener("click", () => change(toggle));
const slider = tools.querySelector("[name=smoothing_s]");
slider.addEventListener("input", () => camera.set(ease(slider)));
ease(slider);
offerFullScreen(document.getElementById("full"), stage);

camera.isPersistent = () => screen.isOn;
document.getElementById("screen-mode").addEventListener("click", () => camera.wanted || camera.start());
if (screen.isOn || new URLSearchParams(location.search).has("start")) camera.start();
else camera.check();
