"use strict";
// Times are written in UTC; here they become the reader's own.
for (const time of document.querySelectorAll("time")) {
  const at = new Date(time.dateTime);
  if (time.matches(".clock")) {
    time.textContent = at.toLocaleTimeString();
  } else {
    time.title = time.textContent.trim();
    time.textContent = at.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
}
