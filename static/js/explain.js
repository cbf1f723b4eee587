// Says that an explanation is being made, which takes seconds the first time; on the page for one picture it also
// sends what is chosen, dropped, pasted or taken.

import { receive } from "./ways.js";

const PATIENCE_MS = 3000;

const working = document.getElementById("working");
const form = document.getElementById("explain");

function announce() {
  working.textContent = "Looking closely …";
  working.classList.add("busy");
  setTimeout(() => {
    working.textContent =
      "Looking closely … the first one takes some seconds, because the network is being loaded.";
  }, PATIENCE_MS);
}

function send([file]) {
  const files = new DataTransfer();
  files.items.add(file);
  document.getElementById("files").files = files.files;
  announce();
  form.submit();
}

for (const link of document.querySelectorAll('a[href*="/explain/"]')) {
  link.addEventListener("click", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey) announce();
  });
}
if (form) {
  document.getElementById("send").hidden = true;
  receive(send);
}
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  working.textContent = "";
  working.classList.remove("busy");
});
