"""The sample faces of each emotion, with the network's probabilities for each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from settings import StartError
from vision.emotions import EMOTIONS
from vision.jpeg import load_gray
from vision.live_classifier import Predict


class SamplesError(StartError):
    """A sample picture is missing or cannot be read; the message says which, in one sentence."""


def load_samples(folder: Path) -> dict[str, list[Path]]:
    """Return the sample pictures of every emotion in folder/<emotion>/; SamplesError if one has none."""
    samples = {emotion: sorted((folder / emotion).glob("*.jpg")) for emotion in EMOTIONS}
    if missing := [emotion for emotion, paths in samples.items() if not paths]:
        raise SamplesError(f"no sample pictures in {folder} for {', '.join(missing)}")
    return samples


def read_gray(path: Path) -> NDArray[np.uint8]:
    """Return a sample picture as gray (s, s) uint8; SamplesError if it cannot be read."""
    image = load_gray(path)
    if image is None:
        raise SamplesError(f"{path} is not a picture that OpenCV can read")
    return image


@dataclass(frozen=True)
class Sample:
    """A sample picture: its file below static/, and the network's probs (7,) float32 for it."""

    file: str
    probs: NDArray[np.float32]

    def reading(self) -> list[tuple[str, float]]:
        """Return each emotion with its probability, the most probable first."""
        return sorted(zip(EMOTIONS, self.probs.tolist(), strict=True), key=lambda pair: -pair[1])


class Samples:
    """The samples of every emotion, each emotion's read once, when its page is first requested."""

    def __init__(self, folder: Path, load_predict: Callable[[], Predict]) -> None:
        """Find the pictures in folder/<emotion>/; `load_predict` is called with the first request.

        Raises SamplesError if an emotion has no pictures.
        """
        self._paths = load_samples(folder)
        self._load_predict = cache(load_predict)
        self._read = cache(self._read_emotion)

    def of(self, emotion: str) -> list[Sample]:
        """Return the samples of one of EMOTIONS; SamplesError if a picture cannot be read."""
        return self._read(emotion)

    def files(self, emotion: str) -> list[str]:
        """Return the files of an emotion's samples, below static/."""
        return [_file(path) for path in self._paths[emotion]]

    def pick(self, emotion: str) -> int:
        """Return the number, from 1, of the sample that stands for an emotion: another person for each."""
        return EMOTIONS.index(emotion) % len(self.files(emotion)) + 1

    def _read_emotion(self, emotion: str) -> list[Sample]:
        return [self._read_one(path) for path in self._paths[emotion]]

    def _read_one(self, path: Path) -> Sample:
        gray = read_gray(path)
        whole = np.array([[0, 0, gray.shape[1], gray.shape[0]]])
        probs = self._load_predict()(gray, whole, None, np.zeros(1, dtype=np.bool_))
        return Sample(_file(path), probs[0])


def _file(path: Path) -> str:
    """Return a sample's file below static/."""
    return f"samples/{path.parent.name}/{path.name}"
