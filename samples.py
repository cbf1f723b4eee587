"""The sample faces of an emotion, each with the network's own reading of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifier import Classifier
from demo import load_samples, read_gray
from emotions import EMOTIONS


@dataclass(frozen=True)
class Sample:
    """One sample picture: its file below static/, and probs (7,) float32, what the network reads in it."""

    file: str
    probs: NDArray[np.float32]

    def reading(self) -> list[tuple[str, float]]:
        """Return (emotion, probability), the most probable first."""
        return sorted(zip(EMOTIONS, self.probs.tolist(), strict=True), key=lambda pair: -pair[1])


class Samples:
    """Reads each emotion's samples once, when its page is first asked for."""

    def __init__(self, folder: Path, make_classifier: Callable[[], Classifier]) -> None:
        """The classifier is asked for when the first page is."""
        self._paths = load_samples(folder)
        self._make_classifier = cache(make_classifier)
        self._read = cache(self._read_emotion)

    def of(self, emotion: str) -> list[Sample]:
        """Return the samples of one of EMOTIONS."""
        return self._read(emotion)

    def _read_emotion(self, emotion: str) -> list[Sample]:
        return [self._read_one(path) for path in self._paths[emotion]]

    def _read_one(self, path: Path) -> Sample:
        gray = read_gray(path)
        whole = np.array([[0, 0, gray.shape[1], gray.shape[0]]])
        return Sample(
            f"samples/{path.parent.name}/{path.name}", self._make_classifier().predict(gray, whole)[0]
        )
