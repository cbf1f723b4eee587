"""The seven emotions in FER2013's order, which is the order of every array of seven in this project."""

from typing import NamedTuple


class Emotion(NamedTuple):
    """An emotion with its colour, a description of a face that shows it, and words for an image search."""

    name: str
    colour: str  # "#rrggbb"; readable under white or black text, told apart by colour-blind eyes
    description: str
    search: str


_TABLE = (
    Emotion(
        "angry",
        "#d7301f",
        "Brows drawn down and together, a hard stare, lips pressed or bared.",
        "angry person",
    ),
    Emotion(
        "disgust",
        "#7a9a01",
        "Nose wrinkled, upper lip raised, as at a bad smell.",
        "disgusted face",
    ),
    Emotion(
        "fear",
        "#8856a7",
        "Brows raised and pulled together, eyes wide, lips stretched back.",
        "frightened person",
    ),
    Emotion(
        "happy",
        "#e6a700",
        "Corners of the mouth pulled up, cheeks raised, wrinkles at the eyes.",
        "smiling person",
    ),
    Emotion(
        "sad",
        "#2b7bba",
        "Inner brows raised, eyelids heavy, corners of the mouth turned down.",
        "sad person",
    ),
    Emotion(
        "surprise",
        "#e7548c",
        "Brows high and arched, eyes wide open, jaw dropped.",
        "surprised person",
    ),
    Emotion(
        "neutral",
        "#7f8c8d",
        "Muscles at rest: no brow, eye or mouth movement stands out.",
        "portrait serious face",
    ),
)

UNSURE_COLOUR = "#ccd1d7"  # for a face that shows no emotion clearly; far paler than neutral

EMOTIONS: tuple[str, ...] = tuple(emotion.name for emotion in _TABLE)
DETAILS: dict[str, Emotion] = {emotion.name: emotion for emotion in _TABLE}
