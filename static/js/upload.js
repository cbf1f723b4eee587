// Sends files as soon as they come, shows how far they are, and opens the page of what was read in them.
// Without this script the form works as forms do.

import { showThumbs } from "./thumbs.js";
import { receive } from "./ways.js";

const MAX_TRIES = 5;

const form = document.getElementById("upload");
const progress = document.getElementById("progress");
const thumbs = document.getElementById("thumbs");
const whole = document.getElementById("whole");
const sending = document.getElementById("sending");
const message = document.getElementById("message");
const again = document.getElementById("send");
const maxMb = Number(form.dataset.maxMb);

let files = [];
let isSending = false;

function tell(text, isProblem) {
  message.textContent = text;
  message.classList.toggle("problem", isProblem);
}

function sized(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${Number((bytes / 1e6).toFixed(1))} MB`;
}

function take(chosen) {
  if (isSending) return;
  files = chosen;
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  const names = files.length === 1 ? files[0].name : `${files.length} files`;
  again.hidden = true;
  progress.hidden = false;
  showThumbs(thumbs, files);
  if (bytes > maxMb * 1e6) {
    sending.hidden = true;
    tell(`${names}: ${sized(bytes)} is too much; the limit is ${maxMb} MB.`, true);
  } else {
    send(1, `${names}, ${sized(bytes)}`);
  }
}

// XMLHttpRequest, because fetch does not say how much was sent
function send(tries, what) {
  const request = new XMLHttpRequest();
  const body = new FormData();
  files.forEach((file) => body.append("files", file, file.name));
  if (whole.checked) body.append("whole", whole.value);
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.responseType = "json";
  request.upload.onprogress = (event) => {
    if (event.lengthComputable) sending.value = event.loaded / event.total;
  };
  request.upload.onload = () => {
    sending.removeAttribute("value");
    tell("Reading the faces …", false);
  };
  request.onload = () => {
    const answer = request.response || {};
    if (request.status === 200) {
      location.assign(answer.address);
    } else if (request.status === 503 && tries < MAX_TRIES) {
      tell("The server is busy; trying again …", false);
      setTimeout(send, 1000 * Number(request.getResponseHeader("Retry-After") || 5), tries + 1, what);
    } else {
      end(answer.error || `The server answers with ${request.status}.`);
    }
  };
  request.onerror = () =>
    end("The files did not arrive: the server does not answer, or they are too large for it.");
  isSending = true;
  again.hidden = true;
  sending.hidden = false;
  sending.value = 0;
  tell(`Sending ${what} …`, false);
  request.send(body);
}

function end(problem) {
  isSending = false;
  sending.hidden = true;
  again.hidden = false;
  tell(problem, true);
}

function reset() {
  isSending = false;
  files = [];
  progress.hidden = true;
  again.hidden = true;
  tell("", false);
}

again.textContent = "Try again";
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (files.length) take(files);
});
receive(take);
reset();
addEventListener("pageshow", (event) => event.persisted && reset()); // back from a result
