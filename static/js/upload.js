"use strict";
// Sends the chosen or dropped files, shows how far they are, and opens the page of what was read in them.
// Without this script the form works as forms do.

const form = document.getElementById("upload");
const drop = document.getElementById("drop");
const inputs = [document.getElementById("files"), document.getElementById("shot")];
const whole = document.getElementById("whole");
const sending = document.getElementById("sending");
const message = document.getElementById("message");
const button = form.querySelector("button");
const MOST_TRIES = 5;

function chosen() {
  return inputs.flatMap((input) => [...input.files]);
}

function tell(text, isProblem) {
  message.textContent = text;
  message.classList.toggle("problem", isProblem);
}

function sized(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${Number((bytes / 1e6).toFixed(1))} MB`;
}

function showChosen() {
  const files = chosen();
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  const names = files.length === 1 ? files[0].name : `${files.length} files`;
  const tooLarge = bytes > Number(form.dataset.maxMb) * 1e6;
  button.disabled = tooLarge;
  if (tooLarge) tell(`${names}: ${sized(bytes)} are too much, up to ${form.dataset.maxMb} MB go.`, true);
  else tell(files.length ? `${names}, ${sized(bytes)}` : "", false);
}

// XMLHttpRequest, because fetch does not say how much was sent
function send(tries) {
  const request = new XMLHttpRequest();
  const body = new FormData();
  chosen().forEach((file) => body.append("files", file, file.name));
  if (whole.checked) body.append("whole", whole.value);
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.responseType = "json";
  request.upload.onprogress = (event) => {
    if (event.lengthComputable) sending.value = event.loaded / event.total;
  };
  request.upload.onload = () => {
    sending.removeAttribute("value");
    tell("Reading …", false);
  };
  request.onload = () => {
    const answer = request.response || {};
    if (request.status === 200) {
      location.assign(answer.address);
    } else if (request.status === 503 && tries < MOST_TRIES) {
      tell("The server is busy; trying again …", false);
      setTimeout(send, 1000 * Number(request.getResponseHeader("Retry-After") || 5), tries + 1);
    } else {
      end(answer.error || `The server answers with ${request.status}.`);
    }
  };
  request.onerror = () =>
    end("The files did not arrive: the server does not answer, or they are too large for it.");
  sending.hidden = false;
  sending.value = 0;
  button.disabled = true;
  tell("Sending …", false);
  request.send(body);
}

function end(problem) {
  sending.hidden = true;
  button.disabled = false;
  tell(problem, true);
}

function dragOver(event) {
  event.preventDefault();
  drop.classList.toggle("over", event.type !== "dragleave");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (chosen().length) send(1);
  else tell("Choose a file first.", true);
});
inputs.forEach((input) => input.addEventListener("change", showChosen));
["dragenter", "dragover", "dragleave"].forEach((name) => drop.addEventListener(name, dragOver));
drop.addEventListener("drop", (event) => {
  dragOver(event);
  drop.classList.remove("over");
  inputs[0].files = event.dataTransfer.files;
  showChosen();
});
// back from a result: nothing is being sent any more
addEventListener("pageshow", () => {
  sending.hidden = true;
  showChosen();
});
