// The emotions' colours and smileys, for what is drawn on a canvas.

const found = new Map();
const smileys = new Map();

// Return an emotion's colour and the ink that is readable on it; the stylesheet tells them to elements only.
export function tones(emotion) {
  if (!found.has(emotion)) {
    const probe = document.createElement("i");
    probe.className = `tone-${emotion}`;
    document.body.append(probe);
    const style = getComputedStyle(probe);
    found.set(emotion, { tone: style.getPropertyValue("--tone"), ink: style.getPropertyValue("--tone-ink") });
    probe.remove();
  }
  return found.get(emotion);
}

// Return an emotion's smiley as an image, which is perhaps not yet loaded.
export function smiley(emotion) {
  if (!smileys.has(emotion)) {
    const image = new Image();
    image.src = new URL(`../../emoji/${emotion}.png`, import.meta.url);
    smileys.set(emotion, image);
  }
  return smileys.get(emotion);
}
