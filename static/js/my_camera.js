// The visitor's own camera: frames go to the server one at a time, and what it saw is drawn over the local video.

import { Dashboard } from "./dashboard.js";
import { openLine, Refusal } from "./line.js";

const WIDTH_PX = 640; // of the frames that are sent
const QUALITY = 0.8;
const PERIOD_MS = 66;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15000;
const RATE_MS = 2000;

const video = document.getElementById("video");
const stage = document.getElementById("stage");
const boxes = document.getElementById("boxes");
const lamp = document.getElementById("lamp");
const headline = document.getElementById("headline");
const figures = document.getElementById("figures");
const button = document.getElementById("switch");
const cameras = document.getElementById("cameras");
const choice = document.getElementById("choice");
const { socket: socketUrl, post: postUrl } = document.getElementById("mirror").dataset;

const REFUSALS = {
  NotAllowedError: "The camera was not allowed. Allow it in the browser's address bar, and start again.",
  NotFoundError: "No camera was found. Connect one, and start again.",
  NotReadableError:
    "The camera is in use by another program, or does not answer. Close that program, and start again.",
};

const dashboard = new Dashboard();
const canvas = document.createElement("canvas");
let run = null; // the AbortController of what goes on now
let wanted = false; // the visitor has switched the mirror on

function show(is, text, detail = "") {
  lamp.dataset.is = is;
  if (headline.textContent !== text) headline.textContent = text;
  figures.textContent = detail;
}

async function start() {
  stop();
  run = new AbortController();
  const { signal } = run;
  wanted = true;
  button.textContent = "Stop";
  show("waiting", "Waiting for your camera …");
  try {
    const stream = await openCamera(signal);
    await listCameras(stream);
    await mirror(signal);
  } catch (error) {
    if (signal.aborted) return;
    end(
      "problem",
      REFUSALS[error.name] ??
        (error instanceof Refusal ? error.message : `The camera does not work: ${error.message}`),
    );
  }
}

// Let the camera and the server go; it may be started again.
function stop() {
  run?.abort();
  run = null;
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  stage.hidden = true;
  boxes.replaceChildren();
  dashboard.clear();
}

function end(is, sentence) {
  stop();
  wanted = false;
  button.textContent = "Start my camera";
  show(is, sentence);
}

async function openCamera(signal) {
  const which = cameras.value ? { deviceId: { exact: cameras.value } } : { facingMode: "user" };
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { width: { ideal: WIDTH_PX }, height: { ideal: 480 }, frameRate: { ideal: 30 }, ...which },
  });
  if (signal.aborted) {
    for (const track of stream.getTracks()) track.stop();
    signal.throwIfAborted();
  }
  stream.getVideoTracks()[0].addEventListener("ended", () => end("problem", "The camera was disconnected."));
  video.srcObject = stream;
  await video.play();
  stage.hidden = false;
  return stream;
}

// Browsers name the cameras only after one was allowed.
async function listCameras(stream) {
  const all = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
  const current = stream.getVideoTracks()[0].getSettings().deviceId;
  const name = (camera, index) => camera.label || `Camera ${index + 1}`;
  cameras.replaceChildren(...all.map((camera, index) => new Option(name(camera, index), camera.deviceId)));
  cameras.value = current;
  choice.hidden = all.length < 2;
}

async function mirror(signal) {
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const line = await openLine(socketUrl, postUrl, signal);
      await reflect(line, signal, () => {
        pauseMs = FIRST_PAUSE_MS;
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Refusal) || !error.again) throw error;
      boxes.replaceChildren();
      show("problem", `${error.message} Trying again …`);
      await pause(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
}

// One frame after the other, each after the answer to the last one.
async function reflect(line, signal, succeed) {
  const answeredAt = [];
  while (!signal.aborted) {
    const startedAt = performance.now();
    const frame = await grab();
    if (signal.aborted) return;
    const answer = await line.ask(frame);
    if (signal.aborted) return;
    succeed();
    const now = performance.now();
    answeredAt.push(now);
    while (now - answeredAt[0] > RATE_MS) answeredAt.shift();
    draw(answer, answeredAt.length / (RATE_MS / 1000), now - startedAt);
    await pause(PERIOD_MS - (performance.now() - startedAt), signal);
  }
}

async function grab() {
  canvas.width = Math.min(video.videoWidth, WIDTH_PX);
  canvas.height = Math.round((video.videoHeight * canvas.width) / video.videoWidth);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  stage.style.setProperty("--aspect", `${canvas.width / canvas.height}`);
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("it gives no picture"))),
      "image/jpeg",
      QUALITY,
    );
  });
}

function draw(answer, fps, tookMs) {
  boxes.replaceChildren(...answer.faces.map((face) => drawn(face, answer)));
  dashboard.show(answer.faces, Date.now());
  const faces = answer.faces.length === 1 ? "1 face" : `${answer.faces.length} faces`;
  show("live", "Your mirror is on.", `${faces} · ${fps.toFixed(0)} fps · ${tookMs.toFixed(0)} ms delay`);
}

// A face's box with its bars, and its label; right and left change places, as in a mirror.
function drawn(face, { faces, width, height }) {
  const [x1, y1, x2, y2] = face.box;
  const words = face.sure ? `${face.emotion} ${Math.round(face.confidence * 100)}\u202f%` : "unsure";
  const drawing = element("div", `face tone-${face.sure ? face.emotion : "unsure"}`);
  const percents = {
    left: 1 - x2 / width,
    top: y1 / height,
    width: (x2 - x1) / width,
    height: (y2 - y1) / height,
  };
  for (const [side, share] of Object.entries(percents))
    drawing.style.setProperty(`--${side}`, `${share * 100}%`);
  const label = element("div", "label");
  // among several, the number says which card is whose
  label.append(element("b", "", faces.length > 1 ? `${face.track_id} ${words}` : words));
  const box = element("div", "box");
  const bars = element("div", "meter");
  for (const [emotion, share] of Object.entries(face.probs)) {
    const bar = element("i", `tone-${emotion}`);
    bar.style.width = `${share * 100}%`;
    bars.append(bar);
  }
  box.append(bars);
  drawing.append(box, label);
  return drawing;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, Math.max(ms, 0));
    signal.addEventListener("abort", finish);
  });
}

button.addEventListener("click", () => (wanted ? end("waiting", "Your camera is off.") : start()));
cameras.addEventListener("change", start);
// nobody looks into a hidden mirror, so the camera is free meanwhile
document.addEventListener("visibilitychange", () => {
  if (wanted && document.hidden) {
    stop();
    show("waiting", "Your camera is off while this page is hidden.");
  } else if (wanted) start();
});
addEventListener("pagehide", stop);
addEventListener("pageshow", (event) => {
  if (event.persisted && wanted) start();
});

if (!window.isSecureContext) {
  button.disabled = true;
  show(
    "problem",
    "Browsers give a camera only to pages on https:// or on this very machine (localhost), and this page is neither.",
  );
} else if (!navigator.mediaDevices?.getUserMedia) {
  button.disabled = true;
  show("problem", "This browser gives pages no camera.");
}
