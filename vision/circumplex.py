"""Valence and arousal of a face, placed by its seven probabilities, not measured.

They are the mean of published coordinates of the emotions, weighted by the probabilities: pleasure and arousal
of the words happy, angry and so on, -1 to 1, as the subjects of Russell and Mehrabian rated them ("Evidence for
a three-factor theory of emotions", Journal of Research in Personality 11, 273-294, 1977). The table was read
where others quote it, not in the paper: in a program that names the paper as its source, and in several by
other authors with the same twelve numbers. It has no word for a neutral face, which is put in the middle.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vision.emotions import EMOTIONS

AXES = ("valence", "arousal")  # unpleasant to pleasant, calm to excited
COORDINATES = {
    "angry": (-0.51, 0.59),
    "disgust": (-0.60, 0.35),
    "fear": (-0.64, 0.60),
    "happy": (0.81, 0.51),
    "sad": (-0.63, -0.27),
    "surprise": (0.40, 0.67),
    "neutral": (0.0, 0.0),
}
_TABLE = np.array([COORDINATES[name] for name in EMOTIONS])  # (7, 2)


def valence_arousal(probs: ArrayLike) -> NDArray[np.float64]:
    """Return the valence and arousal (..., 2), -1 to 1, of probabilities (..., 7) in the order of EMOTIONS."""
    placed: NDArray[np.float64] = np.asarray(probs, dtype=np.float64) @ _TABLE
    return placed
