"""The sample portraits of each emotion, with the network's probabilities for each.

A portrait is 320x400 px; it holds one average face, painted by code (training.portraits), always at one place.
"""

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from settings import StartError
from vision.emotions import EMOTIONS
from vision.frames import Image
from vision.jpeg import decode_jpeg
from vision.live_classifier import Predict

PORTRAIT_WIDTH, PORTRAIT_HEIGHT = 320, 400
GRID_PX = 8  # between two nodes of a grid of displacements
GRIDS_FILE = "grids.npz"
GRID_UNIT_PX = 1 / 8  # of the int16 in the file
FACE_BOX = (71, 87, 249, 265)  # xyxy px of a portrait's face, as the detectors find it


class SamplesError(StartError):
    """A sample picture is missing or cannot be read; the message says which, in one sentence."""


def load_samples(folder: Path) -> dict[str, list[Path]]:
    """Return the sample pictures of every emotion in folder/<emotion>/; SamplesError if one has none."""
    samples = {emotion: sorted((folder / emotion).glob("*.jpg")) for emotion in EMOTIONS}
    if missing := [emotion for emotion, paths in samples.items() if not paths]:
        raise SamplesError(f"no sample pictures in {folder} for {', '.join(missing)}")
    return samples


def read_colour(path: Path) -> Image:
    """Return a portrait as (400, 320, 3) uint8 BGR; SamplesError if it cannot be read or has another size."""
    try:
        image = decode_jpeg(path.read_bytes())
    except OSError:
        image = None
    if image is None:
        raise SamplesError(f"{path} is not a picture that OpenCV can read")
    if image.shape[:2] != (PORTRAIT_HEIGHT, PORTRAIT_WIDTH):
        raise SamplesError(f"{path} is not a portrait of {PORTRAIT_WIDTH}x{PORTRAIT_HEIGHT} px")
    return image


def read_gray(path: Path) -> NDArray[np.uint8]:
    """Return a portrait as gray (400, 320) uint8; SamplesError as `read_colour` raises it."""
    return np.asarray(cv2.cvtColor(read_colour(path), cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def read_face(path: Path) -> NDArray[np.uint8]:
    """Return a portrait's face alone as gray (178, 178) uint8; SamplesError as `read_colour` raises it."""
    left, top, right, bottom = FACE_BOX
    return read_gray(path)[top:bottom, left:right]


def load_grids(folder: Path) -> NDArray[np.float32]:
    """Return each portrait's displacements (people, 7, 51, 41, 2) in px; SamplesError if they cannot be read.

    A node, GRID_PX px from the next, holds how far that place of the mean resting face is moved, x and y, in
    the picture of a person with an emotion.
    """
    path = folder / GRIDS_FILE
    shape = (len(EMOTIONS), PORTRAIT_HEIGHT // GRID_PX + 1, PORTRAIT_WIDTH // GRID_PX + 1, 2)
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            grids = arrays["grids"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        raise SamplesError(f"{path} is missing, or is no file of displacements") from None
    if grids.dtype != np.int16 or grids.shape[1:] != shape:
        raise SamplesError(f"{path} is no file of displacements of {PORTRAIT_WIDTH}x{PORTRAIT_HEIGHT} px")
    return np.asarray(grids * np.float32(GRID_UNIT_PX), dtype=np.float32)


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
        probs = self._load_predict()(gray, np.array([FACE_BOX]), None, np.zeros(1, dtype=np.bool_))
        return Sample(_file(path), probs[0])


def _file(path: Path) -> str:
    """Return a sample's file below static/."""
    return f"samples/{path.parent.name}/{path.name}"
