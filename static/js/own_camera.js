// The visitor's own camera while it is on: its picture in a <video>, its frames to the server one at a time, and
// back what they show. It lets go while the page is hidden, and comes back by itself where that may help.

import { CameraProblem, listCameras, openCamera, pageProblem, release } from "./camera.js";
import { openLine, Refusal } from "./line.js";

const MAX_SIDE_PX = 640; // of the frames that are sent
const QUALITY = 0.8;
const PERIOD_MS = 66;
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 15000;
const RATE_MS = 2000;
const CURABLE = ["none", "lost", "busy", "broken"]; // a camera that is connected or let go may end these

export class OwnCamera {
  id = ""; // of the camera to open; empty for the one that faces the visitor
  isPersistent = () => false; // whether a problem with the camera is waited out, as where nobody attends the page
  #video;
  #urls;
  #on;
  #run = null; // the AbortController of what goes on now
  #wanted = false; // the visitor has switched it on
  #curable = false;
  #controls = {};
  #line = null;
  #asked = []; // of resting faces, each with its answer's resolve
  #canvas = document.createElement("canvas");

  // on has show({ is, kind, text, advice }), opened(cameras), answer(answer, { fps, delayMs }) and closed();
  // is: off, waiting, live or problem.
  constructor(video, urls, on) {
    this.#video = video;
    this.#urls = urls;
    this.#on = on;
    document.addEventListener("visibilitychange", () => this.#follow());
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", (event) => event.persisted && this.#follow());
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#curable && this.start());
  }

  get wanted() {
    return this.#wanted;
  }

  // Ask the server for heat maps or another smoothing: { heat, smoothing_s }.
  set(controls) {
    Object.assign(this.#controls, controls);
    this.#line?.tell(controls);
  }

  // Ask for a face's resting face; return why it was refused, empty if it was not.
  rest(request) {
    if (!this.#line) return Promise.resolve("Your camera is off.");
    return new Promise((resolve) => this.#asked.push({ request, resolve }));
  }

  // Say what stands in the way of any camera; return whether something does.
  check() {
    const problem = pageProblem();
    if (problem) this.#fail(problem);
    return Boolean(problem);
  }

  async start() {
    if (this.check()) return;
    this.#close();
    this.#run = new AbortController();
    const { signal } = this.#run;
    this.#wanted = true;
    this.#show("waiting", "Waiting for your camera …", "Your browser may ask you to allow it.");
    try {
      await this.#open(signal);
      await this.#read(signal);
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  end() {
    this.#close();
    this.#wanted = false;
    this.#show("off", "Your camera is off.");
  }

  #show(is, text, advice = "", kind = is) {
    this.#on.show({ is, kind, text, advice });
  }

  #fail(error) {
    const problem =
      error instanceof CameraProblem || error instanceof Refusal ? error : new CameraProblem("broken");
    this.#close();
    this.#curable = CURABLE.includes(problem.kind);
    this.#wanted = this.isPersistent() && this.#curable;
    this.#show("problem", problem.message, problem.advice, problem.kind);
    if (this.#wanted) {
      this.#run = new AbortController();
      const { signal } = this.#run;
      pause(MAX_PAUSE_MS / 3, signal).then(() => signal.aborted || this.start());
    }
  }

  // Nobody looks at a hidden page, so the camera is free meanwhile.
  #follow() {
    if (!this.#wanted) return;
    if (!document.hidden) this.start();
    else {
      this.#close();
      this.#show("waiting", "Your camera is off while this page is hidden.");
    }
  }

  #close() {
    this.#run?.abort();
    this.#run = null;
    this.#curable = false;
    release(this.#video.srcObject);
    this.#video.srcObject = null;
    this.#on.closed();
  }

  async #open(signal) {
    let stream;
    try {
      stream = await openCamera(this.id, signal);
    } catch (error) {
      if (!this.id || error.kind !== "none") throw error;
      this.id = ""; // the chosen one is gone, and another may be there
      stream = await openCamera("", signal);
    }
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => signal.aborted || this.#fail(new CameraProblem("lost")));
    this.#video.srcObject = stream;
    await this.#video.play();
    this.#on.opened(await listCameras(), track.getSettings().deviceId);
  }

  async #read(signal) {
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        this.#line = await openLine(this.#urls.socket, this.#urls.post, signal);
        if (Object.keys(this.#controls).length) this.#line.tell(this.#controls);
        await this.#ask(this.#line, signal, () => {
          pauseMs = FIRST_PAUSE_MS;
        });
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Refusal) || !error.again) throw error;
        this.#on.answer(null);
        this.#show("problem", error.message, "This page keeps trying.", error.kind);
        await pause(pauseMs, signal);
        pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
      } finally {
        this.#line = null;
        for (const { resolve } of this.#asked.splice(0)) resolve("The server does not answer; try again.");
      }
    }
  }

  // One frame after the other, each after the answer to the last one.
  async #ask(line, signal, succeed) {
    const answeredAt = [];
    while (!signal.aborted) {
      const startedAt = performance.now();
      const frame = await this.#grab();
      if (signal.aborted) return;
      const [asked] = this.#asked;
      const answer = await line.ask(frame, asked?.request);
      if (signal.aborted) return;
      if (asked) this.#asked.shift().resolve(answer.refusal ?? "");
      succeed();
      const now = performance.now();
      answeredAt.push(now);
      while (now - answeredAt[0] > RATE_MS) answeredAt.shift();
      const spanMs = Math.max(now - answeredAt[0], 1);
      const fps = answeredAt.length > 1 ? ((answeredAt.length - 1) * 1000) / spanMs : 0;
      this.#show("live", "Your camera is on.");
      this.#on.answer(answer, { fps, delayMs: now - startedAt });
      await pause(PERIOD_MS - (performance.now() - startedAt), signal);
    }
  }

  #grab() {
    const { videoWidth, videoHeight } = this.#video;
    const scale = Math.min(1, MAX_SIDE_PX / Math.max(videoWidth, videoHeight));
    this.#canvas.width = Math.round(videoWidth * scale);
    this.#canvas.height = Math.round(videoHeight * scale);
    const { width, height } = this.#canvas;
    this.#canvas.getContext("2d").drawImage(this.#video, 0, 0, width, height);
    return new Promise((resolve, reject) => {
      const take = (blob) => (blob ? resolve(blob) : reject(new CameraProblem("broken")));
      this.#canvas.toBlob(take, "image/jpeg", QUALITY);
    });
  }
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
