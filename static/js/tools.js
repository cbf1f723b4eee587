// What the tools of every picture have in common (templates/tools.html).

// Give the stage the aspect of its picture, whose size is in px.
export function fitStage(stage, width, height) {
  if (width && height) stage.closest(".live").style.setProperty("--aspect", (width / height).toFixed(4));
}

// Show whether a switch or a button that stays pressed is on.
export function setOn(button, on) {
  const attribute = button.hasAttribute("aria-checked") ? "aria-checked" : "aria-pressed";
  if (button.getAttribute(attribute) !== String(on)) button.setAttribute(attribute, on);
}

export function isOn(button) {
  return button.matches("[aria-checked=true], [aria-pressed=true]");
}

// Give a tool another icon and another word.
export function relabel(button, symbol, words) {
  button.querySelector("use").setAttribute("href", `#i-${symbol}`);
  button.querySelector("span").textContent = words;
}

// Have a button show an element alone; it is hidden where the browser cannot.
export function offerFullScreen(button, element) {
  button.hidden = !document.fullscreenEnabled;
  button.addEventListener("click", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else element.requestFullscreen().catch(() => {});
  });
}

// Close the panel "More" by Escape and by a click elsewhere.
export function closePanels() {
  const open = () => document.querySelector(".more-tools[open]");
  document.addEventListener("click", (event) => {
    if (open() && !open().contains(event.target)) open().open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !open() || document.querySelector("dialog[open]")) return;
    const panel = open();
    panel.open = false;
    panel.querySelector("summary").focus();
  });
}
