"use strict";
// Shows whether the session is recorded, and switches the recording without giving up the picture.
{
  const box = document.getElementById("recording");
  const notice = document.getElementById("recording-notice");
  const problem = document.getElementById("recording-problem");
  const form = document.getElementById("recording-form"); // not there where the public looks

  function show(recording) {
    box.dataset.on = recording.on;
    notice.hidden = !recording.on;
    const says = recording.on ? trouble(recording) : "";
    if (problem.textContent !== says) problem.textContent = says;
    problem.hidden = !says;
    if (!form) return;
    const button = form.elements.on;
    button.value = String(!recording.on);
    button.textContent = recording.on ? "Stop recording" : "Record";
  }

  function trouble({ problem, waiting, dropped }) {
    const lost = dropped ? `${dropped} sightings were lost.` : "";
    const kept = problem ? `${waiting} sightings wait to be written.` : "";
    return [problem, kept, lost].filter(Boolean).join(" ");
  }

  async function send(event) {
    event.preventDefault();
    const button = form.elements.on;
    button.disabled = true;
    try {
      const response = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams({ on: button.value }),
        signal: AbortSignal.timeout(5000),
      });
      if (!response.ok) throw new Error(response.statusText);
      show(await response.json());
    } catch {
      problem.textContent = "The server did not take that; try again.";
      problem.hidden = false;
    }
    button.disabled = false;
  }

  if (box) document.addEventListener("camerastate", (event) => { if (event.detail.recording) show(event.detail.recording); });
  if (form) form.addEventListener("submit", send);
}
