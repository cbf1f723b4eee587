// All cameras side by side: tiles come and go with them, and a stream that has ended is opened again.

const PERIOD_MS = 1000;
const MOST_STREAMS = 4; // over HTTP/1.1 a browser opens six connections a host; further tiles are a picture a second
const LONGEST_PAUSE_MS = 15000;

const wall = document.getElementById("wall");
const problem = document.getElementById("problem");
const nobody = document.getElementById("nobody");
const template = document.getElementById("tile");
const tiles = new Map();
let lost = false; // the server did not answer, so every stream of it has ended
let pauseMs = PERIOD_MS;
let timer = 0;

function say(sentence) {
  problem.hidden = !sentence;
  if (problem.textContent !== sentence) problem.textContent = sentence;
}

function add(name) {
  const tile = template.content.firstElementChild.cloneNode(true);
  const picture = tile.querySelector("img");
  picture.alt = `Live picture of the camera ${name}; every face is boxed and named by its emotion`;
  picture.addEventListener("error", () => { tile.dataset.ended = "yes"; });
  tile.querySelector("a").href = `cameras/${encodeURIComponent(name)}/`;
  tile.querySelector("strong").textContent = name;
  tile.dataset.streams = isManyAtOnce() || streams() < MOST_STREAMS ? "yes" : "no";
  tiles.set(name, tile);
  connect(name, tile);
  const later = [...tiles].filter(([other]) => other > name).sort(([a], [b]) => (a < b ? -1 : 1))[0];
  wall.insertBefore(tile, later ? later[1] : null);
}

function streams() {
  return [...tiles.values()].filter((tile) => tile.dataset.streams === "yes").length;
}

function isManyAtOnce() {
  const [page] = performance.getEntriesByType("navigation");
  return !/^http\/[01]/.test(page?.nextHopProtocol ?? "http/1.1");
}

function connect(name, tile) {
  delete tile.dataset.ended;
  const camera = encodeURIComponent(name);
  const path = tile.dataset.streams === "yes" ? `video_feed/${camera}` : `cameras/${camera}/snapshot.jpg`;
  // a new address each time, or the browser keeps the dead stream
  tile.querySelector("img").src = `${path}?t=${Date.now()}`;
}

function remove(name) {
  const tile = tiles.get(name);
  tile.querySelector("img").removeAttribute("src"); // which ends the connection
  tile.remove();
  tiles.delete(name);
}

function show({ cameras, problem: sentence }) {
  say(sentence);
  if (sentence) return; // the streams say so themselves, and go on by themselves
  const there = new Map(cameras.map((camera) => [camera.name, camera]));
  for (const name of tiles.keys()) if (!there.has(name)) remove(name);
  for (const [name, camera] of there) {
    if (!tiles.has(name)) add(name);
    const tile = tiles.get(name);
    const waits = tile.dataset.streams === "no" && tile.querySelector("img").complete;
    if (lost || tile.dataset.ended || waits) connect(name, tile);
    tile.querySelector("span").textContent = describe(camera);
  }
  lost = false;
  nobody.hidden = tiles.size > 0;
}

function describe({ source, fps, faces, problem: trouble }) {
  if (trouble) return "no signal";
  if (fps == null) return ""; // nobody watches it yet, or its process is away
  return `${source} · ${faces.length === 1 ? "1 face" : `${faces.length} faces`} · ${fps.toFixed(0)} fps`;
}

async function watch() {
  clearTimeout(timer);
  try {
    const response = await fetch(wall.dataset.cameras, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    show(await response.json());
    pauseMs = PERIOD_MS;
  } catch {
    lost = true;
    say("The server does not answer; trying again …");
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
  if (!document.hidden) timer = setTimeout(watch, pauseMs);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden) for (const name of [...tiles.keys()]) remove(name);
  else watch();
});
watch();
