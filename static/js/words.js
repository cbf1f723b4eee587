// Emotions as people say them; vision/emotions.py has the same words.

const ADJECTIVES = { disgust: "disgusted", fear: "afraid", surprise: "surprised" }; // the others are their codes

export function adjective(emotion) {
  return ADJECTIVES[emotion] ?? emotion;
}

export function percent(share) {
  return `${Math.round(share * 100)}%`;
}
