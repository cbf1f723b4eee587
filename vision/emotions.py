"""The seven emotions in FER2013's order, which is the order of every array of seven in this project."""

from typing import NamedTuple


class Emotion(NamedTuple):
    """An emotion as code, people and pictures say it.

    name is FER2013's, for code, JSON, CSV and folders; adjective is for pages and pictures; search finds
    photographs. Colours lie at least 20 apart (CIE76) under normal sight and each colour blindness, and
    no two are alike in gray.
    """

    name: str
    adjective: str
    colour: str  # "#rrggbb"
    description: str
    search: str


_TABLE = (
    Emotion(
        "angry",
        "angry",
        "#b20105",
        "Brows drawn down and together, a hard stare, lips pressed or bared.",
        "angry person",
    ),
    Emotion(
        "disgust",
        "disgusted",
        "#5faf41",
        "Nose wrinkled, upper lip raised, as at a bad smell.",
        "disgusted face",
    ),
    Emotion(
        "fear",
        "afraid",
        "#3b2090",
        "Brows raised and pulled together, eyes wide, lips stretched back.",
        "frightened person",
    ),
    Emotion(
        "happy",
        "happy",
        "#efbc1e",
        "Corners of the mouth pulled up, cheeks raised, wrinkles at the eyes.",
        "smiling person",
    ),
    Emotion(
        "sad",
        "sad",
        "#2365a7",
        "Inner brows raised, eyelids heavy, corners of the mouth turned down.",
        "sad person",
    ),
    Emotion(
        "surprise",
        "surprised",
        "#f384de",
        "Brows high and arched, eyes wide open, jaw dropped.",
        "surprised person",
    ),
    Emotion(
        "neutral",
        "neutral",
        "#757e87",
        "Muscles at rest: no brow, eye or mouth movement stands out.",
        "portrait serious face",
    ),
)

UNSURE = "unsure"  # the label of a face that shows no emotion clearly
UNSURE_COLOUR = "#d9dde2"  # of such a face; far paler than neutral

EMOTIONS: tuple[str, ...] = tuple(emotion.name for emotion in _TABLE)
DETAILS: dict[str, Emotion] = {emotion.name: emotion for emotion in _TABLE}
