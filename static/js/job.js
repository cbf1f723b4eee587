"use strict";
// Shows how far a job is, and its results when it has ended.

const POLL_MS = 1000;

const bar = document.getElementById("progress");
const percent = document.getElementById("percent");
const doing = document.getElementById("doing");

function show(status) {
  bar.value = status.progress;
  percent.textContent = `${Math.round(status.progress * 100)}%`;
  doing.textContent = status.state === "waiting" ? "Waiting for its turn." : status.doing;
}

async function follow() {
  try {
    const response = await fetch(doing.dataset.progress, {
      cache: "no-store",
      signal: AbortSignal.timeout(5000),
    });
    if (response.status === 404) return location.reload(); // deleted elsewhere
    const status = await response.json();
    if (status.state !== "waiting" && status.state !== "running") return location.reload();
    show(status);
  } catch {
    doing.textContent = "The server does not answer; trying again …";
  }
  setTimeout(follow, POLL_MS);
}

follow();
