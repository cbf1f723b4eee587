// Small pictures of chosen files. They are drawn on canvases, because the page may show no blob: addresses.

const MAX_SHOWN = 12;
const SIDE_PX = 160;

// Shows the first files in a list, and how many more there are.
export function showThumbs(list, files) {
  list.replaceChildren(...files.slice(0, MAX_SHOWN).map(thumb));
  if (files.length > MAX_SHOWN) {
    const more = document.createElement("li");
    more.className = "more-files";
    more.textContent = `and ${files.length - MAX_SHOWN} more`;
    list.append(more);
  }
}

function thumb(file) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  name.textContent = file.name;
  item.append(name);
  if (file.type.startsWith("image/")) draw(file).then((canvas) => canvas && item.prepend(canvas));
  return item;
}

async function draw(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return null; // not a picture that this browser reads; the server may
  }
  const scale = Math.min(SIDE_PX / Math.max(bitmap.width, bitmap.height), 1);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(Math.round(bitmap.width * scale), 1);
  canvas.height = Math.max(Math.round(bitmap.height * scale), 1);
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas;
}
