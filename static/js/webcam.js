// Takes one picture with this computer's camera. The picture stays in the browser until it is taken.

import { CameraProblem, openCamera, pageProblem, release } from "./camera.js";

// Opens the dialog when its button is pressed, and calls take([file]) with the picture.
export function offerWebcam(take) {
  const dialog = document.getElementById("camera");
  const preview = document.getElementById("preview");
  const shutter = document.getElementById("take");
  const problem = document.getElementById("camera-problem");
  let run = new AbortController(); // of the camera that is open or asked for

  async function start() {
    stop();
    run = new AbortController();
    const { signal } = run;
    problem.hidden = true;
    try {
      if (pageProblem()) throw pageProblem();
      preview.srcObject = await openCamera("", signal);
      await preview.play();
      shutter.disabled = false;
      shutter.focus();
    } catch (error) {
      if (signal.aborted) return;
      const { message, advice } = error instanceof CameraProblem ? error : new CameraProblem("broken");
      stop();
      problem.textContent = `${message} ${advice}`;
      problem.hidden = false;
    }
  }

  function stop() {
    run.abort();
    release(preview.srcObject);
    preview.srcObject = null;
    shutter.disabled = true;
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

  document.getElementById("webcam").addEventListener("click", () => {
    dialog.showModal();
    start();
  });
  document.getElementById("leave").addEventListener("click", () => dialog.close());
  shutter.addEventListener("click", shoot);
  dialog.addEventListener("close", stop);
  navigator.mediaDevices?.addEventListener?.("devicechange", () => {
    if (dialog.open && !problem.hidden) start(); // one was connected
  });
}
