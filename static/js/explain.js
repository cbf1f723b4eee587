// The pages that explain or lead to explanations; the one for a picture also sends what is chosen, dropped, pasted
// or taken.

import { announce, announceLinks } from "./explaining.js";
import { receive } from "./ways.js";

const form = document.getElementById("explain");

function send([file]) {
  const files = new DataTransfer();
  files.items.add(file);
  document.getElementById("files").files = files.files;
  announce();
  form.submit();
}

announceLinks();
if (form) {
  document.getElementById("send").hidden = true;
  receive(send);
}
