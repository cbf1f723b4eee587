// Emotions as people say them, from the rows of the page's card (templates/faces.html).

const rows = document.getElementById("card")?.content.querySelectorAll("[data-emotion]") ?? [];
const adjectives = new Map([...rows].map((row) => [row.dataset.emotion, row.querySelector("b").textContent]));

export function adjective(emotion) {
  return adjectives.get(emotion) ?? emotion;
}

export function percent(share) {
  return `${Math.round(share * 100)}%`;
}
