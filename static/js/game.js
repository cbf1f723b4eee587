// "Show me …": the page asks for each of the seven emotions, and makes a photo strip of the player's faces.

import { clock, lengthOfTime } from "./durations.js";
import { Overlay } from "./overlay.js";
import { OwnCamera } from "./own_camera.js";
import { Poster } from "./poster.js";
import { ORDER, playerOf, Round } from "./rounds.js";
import { save, stamp } from "./rows.js";
import { cutPhoto, drawStrip } from "./strip.js";
import { percent } from "./words.js";

const CHEER_MS = 1300; // between a photo and the next question
const MAX_GAP_MS = 1000; // between two answers, counted as played
const SMOOTHING_S = 0.3;
const CHEERS = ["Got it!", "Lovely!", "That's the one!", "Great!", "Perfect!", "Bravo!", "Well done!"];

const find = (id) => document.getElementById(id);
const [game, prompt, hold, feedback, time, end] = ["game", "prompt", "hold", "feedback", "time", "end"].map(
  find,
);
const [announcer, flash, skip, strip, video, stage] = [
  "announcer",
  "flash",
  "skip",
  "strip",
  "video",
  "stage",
].map(find);
const items = new Map([...find("photos").children].map((item) => [item.dataset.emotion, item]));
for (const emotion of ORDER) find("photos").append(items.get(emotion)); // as they are asked for

const overlay = new Overlay(game, video, find("drawing"));
overlay.set({ labels: false });
const camera = new OwnCamera(video, stage.dataset, { show, opened: () => overlay.start(), answer, closed });
const poster = new Poster(() => camera.start());
camera.set({ smoothing_s: SMOOTHING_S });

let shots = []; // { emotion, adjective, photo, share }, of the rounds that are over
let round = null;
let shot = null; // the best of this round
let playedMs = 0;
let answeredAt = 0;
let timer = 0; // until the next question

function show(state) {
  if (state.is === "live") play();
  poster.show(state, camera.wanted, skip);
}

// Begin, or go on after the camera was away.
function play() {
  if (game.dataset.is === "playing") return;
  reset();
  game.dataset.is = "playing";
  prompt.hidden = false;
  ask();
}

function reset() {
  clearTimeout(timer);
  shots = [];
  round = null;
  playedMs = answeredAt = 0;
  time.textContent = clock(0);
  end.hidden = true;
  flash.hidden = true;
  find("play").hidden = false;
  for (const item of items.values()) {
    item.className = `tone-${item.dataset.emotion}`;
    item.querySelector("canvas")?.remove();
  }
}

function ask() {
  const emotion = ORDER[shots.length];
  const item = items.get(emotion);
  const { adjective, hint } = item.dataset;
  round = new Round(emotion, performance.now());
  shot = { emotion, adjective, photo: null, share: 0 };
  flash.hidden = true;
  prompt.className = `prompt tone-${emotion}`;
  find("smiley").src = item.querySelector("img").src;
  find("wanted").textContent = adjective;
  find("hint").textContent = hint;
  item.classList.add("asked");
  fill(0);
  announcer.textContent = `Show me ${adjective}. ${hint}`;
}

function answer(seen) {
  const now = performance.now();
  if (answeredAt) playedMs += Math.min(now - answeredAt, MAX_GAP_MS);
  answeredAt = now;
  const player = playerOf(seen?.faces ?? []);
  overlay.hear(seen && { ...seen, faces: player ? [player] : [] });
  if (game.dataset.is !== "playing") return;
  time.textContent = clock(playedMs / 1000);
  if (!round) return;
  const held = round.hear(player?.probs, now);
  if (player && round.level >= 1) keepBest(player, seen);
  fill(round.held);
  say(!player ? "Where are you? Step into the picture." : advice(round.level));
  if (held) succeed();
}

function advice(level) {
  if (level >= 1) return "Hold it …";
  return level > 0.6 ? "Nearly there!" : level > 0.25 ? "A bit more …" : "Try it: exaggerate!";
}

function say(text) {
  if (feedback.textContent !== text) feedback.textContent = text;
}

function fill(held) {
  hold.style.setProperty("--held", held);
  hold.setAttribute("aria-valuenow", Math.round(held * 100));
}

function keepBest({ box, probs }, { width }) {
  const share = probs[shot.emotion];
  if (share <= shot.share) return;
  const scale = video.videoWidth / width;
  Object.assign(shot, {
    share,
    photo: cutPhoto(
      video,
      box.map((side) => side * scale),
    ),
  });
}

function succeed() {
  const cheer = CHEERS[shots.length % CHEERS.length];
  const item = items.get(shot.emotion);
  item.append(shot.photo);
  item.classList.add("shown");
  flash.textContent = cheer;
  flash.hidden = false;
  say(cheer);
  announcer.textContent = `${cheer} ${shot.adjective}, ${percent(shot.share)}.`;
  next(CHEER_MS);
}

function next(ms) {
  items.get(shot.emotion).classList.remove("asked");
  shots.push(shot);
  round = null;
  timer = setTimeout(shots.length < ORDER.length ? ask : finish, ms);
}

function finish() {
  game.dataset.is = "done";
  camera.end();
  prompt.hidden = true;
  find("play").hidden = true;
  end.hidden = false;
  const made = shots.filter(({ photo }) => photo).length;
  const length = lengthOfTime(playedMs / 1000);
  find("result").textContent =
    made === ORDER.length ? `All seven, in ${length}!` : `${made} of 7 faces, in ${length}`;
  draw();
  find("result").focus();
}

function draw() {
  const columns = matchMedia("(orientation: portrait)").matches ? 2 : 4;
  const date = new Date().toLocaleDateString(undefined, { dateStyle: "long" });
  drawStrip(strip, shots, { columns, title: "My seven faces", date, site: game.dataset.site });
  const faces = shots.map(({ adjective, photo, share }) =>
    photo ? `${adjective} ${percent(share)}` : `${adjective} skipped`,
  );
  strip.setAttribute("aria-label", `Your photo strip: ${faces.join(", ")}`);
}

function closed() {
  overlay.stop();
  answeredAt = 0;
}

function quit() {
  camera.end();
  reset();
  prompt.hidden = true;
  game.dataset.is = "intro";
  poster.focus();
}

skip.addEventListener("click", () => {
  if (!round) return;
  shot.photo = null;
  items.get(shot.emotion).classList.add("skipped");
  next(0);
});
find("quit").addEventListener("click", quit);
find("again").addEventListener("click", () => {
  quit();
  camera.start();
});
find("save").addEventListener("click", () =>
  strip.toBlob((blob) => save(blob, `my-seven-faces-${stamp(Date.now())}.png`)),
);
find("print").addEventListener("click", () => print());
addEventListener("resize", () => game.dataset.is === "done" && draw());
camera.check();
