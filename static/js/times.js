"use strict";
// Times are written in UTC; here they become the reader's own.
for (const time of document.querySelectorAll("time")) {
  time.title = time.textContent.trim();
  time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
