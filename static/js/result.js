// Shows which face of the list is which in the picture, and the moment of a video at which a face appears.

for (const face of document.querySelectorAll(".faces li[data-box]")) {
  const box = document.getElementById(face.dataset.box);
  if (!box) continue; // the whole picture is the face
  for (const one of [face, box]) {
    for (const [on, off] of [
      ["pointerenter", "pointerleave"],
      ["focusin", "focusout"],
    ]) {
      one.addEventListener(on, () => light(true));
      one.addEventListener(off, () => light(false));
    }
  }
  function light(isLit) {
    face.classList.toggle("lit", isLit);
    box.classList.toggle("lit", isLit);
  }
}

for (const link of document.querySelectorAll("a[data-video]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const video = document.getElementById(link.dataset.video);
    video.currentTime = Number(link.dataset.tS);
    video.scrollIntoView({ block: "nearest" });
    video.focus();
  });
}
