// Reads a session's chart under the pointer, the finger or the slider, and chooses a stretch of it.

import { clock } from "./durations.js";

const DRAG_PX = 6; // less is a click

class SessionChart {
  #place;
  #means; // by bin: how many sightings, and the emotions' percents
  #markers; // [seconds, label]
  #words; // the emotions
  #startedMs;
  #firstS;
  #lengthS;
  #count;
  #bin = -1;
  #from = null; // the x in px at which dragging began
  #slider = document.getElementById("moment");
  #reading = document.getElementById("reading");
  #form = document.getElementById("stretch-form");
  #buttons = document.getElementById("stretch-buttons");

  constructor(place) {
    this.#place = place;
    const data = place.dataset;
    this.#means = new Map(JSON.parse(data.means).map(([bin, ...values]) => [bin, values]));
    this.#markers = JSON.parse(data.markers);
    this.#words = data.emotions.split(",");
    [this.#startedMs, this.#firstS, this.#lengthS, this.#count] = [
      data.startedMs,
      data.firstS,
      data.lengthS,
      data.count,
    ].map(Number);
    place.addEventListener("pointerdown", (event) => this.#press(event));
    place.addEventListener("pointermove", (event) => this.#move(event));
    place.addEventListener("pointerup", (event) => this.#release(event));
    place.addEventListener("pointercancel", () => this.#choose(null));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.#choose(null));
    for (const happens of ["focus", "input"])
      this.#slider.addEventListener(happens, () => this.#read(Number(this.#slider.value)));
    this.#buttons.addEventListener("click", (event) => this.#take(event.target.dataset.field));
  }

  #press(event) {
    if (event.button !== 0) return;
    this.#read(this.#binAt(event.clientX));
    if (event.pointerType === "touch") return; // a finger reads; the two buttons choose
    this.#from = event.clientX;
    this.#place.setPointerCapture(event.pointerId);
  }

  #move(event) {
    this.#read(this.#binAt(event.clientX));
    if (this.#from !== null) this.#choose(this.#dragged(event.clientX));
  }

  #release(event) {
    const bins = this.#from === null ? null : this.#dragged(event.clientX);
    this.#from = null;
    if (!bins) return;
    const [first, last] = bins;
    this.#form.elements.from.value = this.#secondOf(first);
    this.#form.elements.to.value = this.#secondOf(last + 1);
    this.#form.requestSubmit();
  }

  // The first and the last bin between the place where dragging began and x; null if that is too near.
  #dragged(x) {
    if (this.#from === null || Math.abs(x - this.#from) < DRAG_PX) return null;
    return [this.#binAt(this.#from), this.#binAt(x)].sort((a, b) => a - b);
  }

  #choose(bins) {
    if (!bins) this.#from = null;
    const [first, last] = bins ?? [0, -1];
    for (const rect of this.#place.querySelectorAll(".chosen")) {
      rect.setAttribute("x", first);
      rect.setAttribute("width", last - first + 1);
    }
  }

  #take(field) {
    if (!field) return;
    this.#form.elements[field].value = this.#secondOf(this.#bin + (field === "to" ? 1 : 0));
  }

  #binAt(x) {
    const shown = [...this.#place.querySelectorAll("svg")].find((svg) => svg.getClientRects().length);
    const box = shown.getBoundingClientRect();
    const bin = Math.floor(((x - box.left) / box.width) * this.#count);
    return Math.min(Math.max(bin, 0), this.#count - 1);
  }

  #secondOf(bin) {
    return this.#firstS + bin * this.#lengthS;
  }

  #read(bin) {
    if (bin === this.#bin) return;
    this.#bin = bin;
    const [begins, ends] = [this.#secondOf(bin), this.#secondOf(bin + 1)];
    const at = this.#startedMs + begins * 1000;
    const span = this.#lengthS > 1 ? `, mean of ${this.#lengthS} s` : "";
    const when = `${new Date(at).toLocaleTimeString()} (${clock(begins)}${span})`;
    const [seen, ...shares] = this.#means.get(bin) ?? [0];
    const labels = this.#markers.filter(([s]) => s >= begins && s < ends).map(([, label]) => label);
    for (const line of this.#place.querySelectorAll(".cursor")) line.setAttribute("d", `M${bin + 0.5} 0v100`);
    document.getElementById("reading-when").textContent = when;
    document.getElementById("reading-marks").textContent = labels.length ? `Markers: ${labels.join("; ")}` : "";
    document.getElementById("reading-nobody").hidden = seen > 0;
    [...document.querySelectorAll("#reading-values b")].forEach((value, column) => {
      value.textContent = seen ? `${shares[column]}\u202f%` : "–";
    });
    this.#link(at);
    this.#reading.hidden = this.#buttons.hidden = false;
    this.#slider.value = bin;
    const values = shares.map((share, column) => `${this.#words[column]} ${share} %`).join(", ");
    const markers = labels.length ? `; markers: ${labels.join(", ")}` : "";
    this.#slider.setAttribute("aria-valuetext", `${when}: ${seen ? values : "no face"}${markers}`);
  }

  #link(at) {
    const url = new URL(location.href);
    url.searchParams.set("at", at / 1000);
    url.hash = "timeline";
    document.getElementById("reading-link").href = url;
  }
}

const place = document.getElementById("chart");
if (place) new SessionChart(place);
