// Takes one picture with this computer's camera. The picture stays in the browser until it is taken.

import { release } from "./camera.js";

const REASONS = {
  NotAllowedError: "The browser may not use the camera: allow it beside the page's address, and try again.",
  NotFoundError: "No camera was found on this computer.",
  NotReadableError: "The camera cannot be opened; perhaps another program uses it.",
  OverconstrainedError: "No camera was found on this computer.",
};
const NEEDS_HTTPS = "Browsers give the camera only to pages over HTTPS, or on localhost.";

// Opens the dialog when its button is pressed, and calls take([file]) with the picture.
export function openCamera(take) {
  const dialog = document.getElementById("camera");
  const preview = document.getElementById("preview");
  const shutter = document.getElementById("take");
  const problem = document.getElementById("camera-problem");
  let stream = null;

  async function open() {
    problem.hidden = true;
    shutter.disabled = true;
    dialog.showModal();
    try {
      if (!navigator.mediaDevices) throw new Error(NEEDS_HTTPS);
      const opened = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
      if (!dialog.open) return release(opened); // cancelled meanwhile
      stream = opened;
      preview.srcObject = stream;
      await preview.play();
      shutter.disabled = false;
      shutter.focus();
    } catch (error) {
      problem.textContent = REASONS[error.name] || error.message;
      problem.hidden = false;
    }
  }

  function shoot() {
    const picture = document.createElement("canvas");
    picture.width = preview.videoWidth;
    picture.height = preview.videoHeight;
    picture.getContext("2d").drawImage(preview, 0, 0);
    picture.toBlob(
      (blob) => {
        dialog.close();
        take([new File([blob], "camera.jpg", { type: "image/jpeg" })]);
      },
      "image/jpeg",
      0.92,
    );
  }

  document.getElementById("webcam").addEventListener("click", open);
  document.getElementById("leave").addEventListener("click", () => dialog.close());
  shutter.addEventListener("click", shoot);
  dialog.addEventListener("close", () => {
    release(stream);
    stream = null;
    preview.srcObject = null;
  });
}
