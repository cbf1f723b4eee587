"""The words by which data sets and other people's networks call the seven emotions."""

from texts import shorten
from vision.emotions import EMOTIONS

_OTHERS = {
    "angry": ("anger", "an"),
    "disgust": ("disgusted", "di"),
    "fear": ("fearful", "afraid", "scared", "fe"),
    "happy": ("happiness", "joy", "joyful", "ha"),
    "sad": ("sadness", "sa"),
    "surprise": ("surprised", "su"),
    "neutral": ("calm", "ne"),
}
BY_NAME = {name: emotion for emotion in EMOTIONS for name in (emotion, *_OTHERS[emotion])}


def find_emotion(name: str) -> str | None:
    """Return the emotion that a word means in any case ("Happiness": "happy"), or None."""
    return BY_NAME.get(name.strip().lower())


def parse_classes(text: str) -> tuple[str, ...]:
    """Return the emotions in comma-separated words, in their order; ValueError unless each is there once."""
    found = tuple(find_emotion(word) or word.strip() for word in text.split(","))
    if sorted(found) != sorted(EMOTIONS):
        raise ValueError(
            f"must be the emotions {', '.join(EMOTIONS)} in the network's order, not {shorten(text)!r}"
        )
    return found
