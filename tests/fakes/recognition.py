"""Detectors and classifiers without a network."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model import EmotionClassifier, preprocess
from tests.fakes.images import make_track
from tests.fakes.waiting import PATIENCE_S
from uploads.recognizer import Recognizer
from vision.crops import Tilts
from vision.detector import Detections
from vision.emotions import EMOTIONS
from vision.frames import Image
from vision.live_classifier import LiveClassifier
from vision.pipeline import Pipeline
from vision.tracker import Tracker


class BrightFaces:
    """A detector to which whatever is bright is a face: one at the most."""

    def detect(self, image: Image) -> Detections:
        bright = image.max(axis=2) > 150
        rows, columns = (np.flatnonzero(bright.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return Detections()
        box = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        return Detections.of_boxes(np.array([box], dtype=np.int32))

    def close(self) -> None:
        """There is nothing to end."""


class AlwaysHappy(EmotionClassifier):
    """A classifier that counts its batches."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(crops))
        return np.tile(make_track(1, (0, 0, 1, 1), "happy").probs, (len(crops), 1))

    def explain_crops(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See happiness in the upper left corner, and nothing else anywhere."""
        maps = np.zeros((len(crops), 7, 6, 6), dtype=np.float32)
        maps[:, EMOTIONS.index("happy"), :2, :2] = 1
        return self.classify(crops), maps

    def explain_both_ways(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.explain_crops(crops)

    def crop(
        self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]], tilts_deg: Tilts = None
    ) -> NDArray[np.uint8]:
        return preprocess(gray, boxes, tilts_deg)


def fake_recognizer(classifier: AlwaysHappy | None = None) -> Recognizer:
    return Recognizer(BrightFaces, classifier or AlwaysHappy(), unsure_below=0.4)


def fake_pipeline() -> Pipeline:
    live = LiveClassifier(AlwaysHappy().predict, in_background=False)
    return Pipeline(BrightFaces(), live, Tracker(0.3, 0.4), 80)


class OneFace:
    def detect(self, image: Image) -> Detections:
        assert image.ndim == 3
        return Detections.of_boxes(np.array([[10, 10, 90, 90]], dtype=np.int32))

    def close(self) -> None:
        pass


class LyingFaces(BrightFaces):
    """A detector to which whatever is bright is a face on its side, tilted clockwise by 90 degrees."""

    def detect(self, image: Image) -> Detections:
        faces = super().detect(image)
        landmarks = np.zeros((len(faces), 5, 2), dtype=np.float32)
        landmarks[:, 1] = (0, 20)  # the right eye is below the left one
        return Detections(faces.boxes, landmarks)


class AlwaysSad:
    def predict(
        self,
        gray: NDArray[np.uint8],
        boxes: NDArray[np.integer[Any]],
        _tilts_deg: Tilts = None,
        _mirrored: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float32]:
        assert gray.ndim == 2
        return np.tile(np.eye(7, dtype=np.float32)[4], (len(boxes), 1))


class Gated(BrightFaces):
    """A detector that waits until the test lets it go on."""

    def __init__(self) -> None:
        self.searching = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def detect(self, image: Image) -> Detections:
        self.searching.release()
        assert self.go_on.acquire(timeout=PATIENCE_S)
        return super().detect(image)
