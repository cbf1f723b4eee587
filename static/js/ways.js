// The ways by which files come into a page: chosen, dropped anywhere, pasted, or taken with a camera.

import { offerWebcam } from "./webcam.js";

// Calls take(files) with an array of one File or more, however they come.
export function receive(take) {
  const inputs = [document.getElementById("files"), document.getElementById("shot")];
  for (const input of inputs) {
    input.addEventListener("change", () => input.files.length && take([...input.files]));
  }
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    take(files);
  });
  receiveDrops(document.getElementById("veil"), take);
  offerWebcam(take);
  // back from a result: the same file can be chosen again
  addEventListener("pageshow", () => {
    for (const input of inputs) input.value = "";
  });
}

function receiveDrops(veil, take) {
  let inside = 0; // elements that a drag has entered and not left: each of them tells
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const on = (name, act) =>
    document.addEventListener(name, (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      act(event);
      veil.hidden = inside < 1;
    });
  on("dragenter", () => inside++);
  on("dragleave", () => inside--);
  on("dragover", () => {});
  on("drop", (event) => {
    inside = 0;
    const files = [...event.dataTransfer.files];
    if (files.length) take(files);
  });
}
