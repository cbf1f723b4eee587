// Says that an explanation is being made, which takes seconds the first time, and has the network loaded as soon as
// somebody is about to ask for one.

const PATIENCE_MS = 3000;
const LINK = 'a[href*="/explain/"]';

const working = document.getElementById("working");

// Say that an explanation is being made.
export function announce() {
  working.textContent = "Looking closely …";
  working.classList.add("busy");
  setTimeout(() => {
    working.textContent =
      "Looking closely … the first one takes some seconds, because the network is being loaded.";
  }, PATIENCE_MS);
}

// Announce it at each click on a link to an explanation, also on one that comes later.
export function announceLinks() {
  if (!working) return; // as where nothing is explained
  document.addEventListener("click", (event) => {
    const leaves = event.ctrlKey || event.metaKey || event.shiftKey;
    if (!leaves && event.target.closest(LINK)) announce();
  });
  for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, warmUp);
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    working.textContent = "";
    working.classList.remove("busy");
  });
}

function warmUp({ target }) {
  const address = working.dataset.warmUp; // a page that loads the network when it is asked for
  if (!address || !target.closest?.(LINK)) return;
  delete working.dataset.warmUp; // once
  fetch(address, { method: "HEAD" }).catch(() => {});
}
