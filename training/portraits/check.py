"""Checks the portraits: each is found, is read as it is meant, and is close to nobody's photograph."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from model import EmotionClassifier
from training.portraits.align import Aligned
from training.portraits.brushes import CANVAS_LEFT, CANVAS_TOP, Painting
from training.portraits.canvas import SIDE, Plane, detail, mirrored
from vision.boxes import iou
from vision.detector import Detector
from vision.emotions import EMOTIONS
from vision.samples import FACE_BOX

MAX_LIKENESS = 0.80  # correlation of the detail of a portrait's face and of a photograph's
LEAST_OVERLAP = 0.5  # of a detector's box with FACE_BOX


class PortraitError(Exception):
    """The portraits are not what they must be; the message says why in one sentence."""


def photographs(aligned: Aligned) -> NDArray[np.float32]:
    """Return the detail (2n, 1344) of all faces that could be aligned, and of their mirror images."""
    canvases = [aligned.place(int(row))[0] for row in np.flatnonzero(aligned.scores > 0)]
    return np.array([detail(either) for canvas in canvases for either in (canvas, mirrored(canvas))])


def likeness(portraits: Sequence[Painting], photos: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the correlation (n,) of each portrait's face with the photograph nearest to it."""
    faces = [canvas_of(portrait) for portrait in portraits]
    return np.array([(photos @ detail(face)).max() for face in faces], dtype=np.float32)


def check_likeness(nearest: NDArray[np.float32]) -> None:
    """Raise PortraitError if a likeness of `nearest` (n,) is MAX_LIKENESS or more."""
    if nearest.max() >= MAX_LIKENESS:
        raise PortraitError(
            f"a portrait's face is too close to one photograph: their details correlate with "
            f"{nearest.max():.2f}, and {MAX_LIKENESS:.2f} is the limit"
        )


def canvas_of(portrait: Painting) -> Plane:
    """Return the gray canvas (256, 256) that lies in a portrait."""
    gray = _gray(portrait).astype(np.float32)
    return gray[CANVAS_TOP : CANVAS_TOP + SIDE, CANVAS_LEFT : CANVAS_LEFT + SIDE]


def _gray(portrait: Painting) -> NDArray[np.uint8]:
    gray = cv2.cvtColor(np.round(portrait).astype(np.uint8), cv2.COLOR_BGR2GRAY)
    return gray.astype(np.uint8, copy=False)


def check_reading(
    portraits: Sequence[Painting], emotion: str, classifier: EmotionClassifier
) -> NDArray[np.float32]:
    """Return the probabilities (n,) of an emotion in its portraits; PortraitError if another is read."""
    probs = np.concatenate([classifier.predict(_gray(one), np.array([FACE_BOX])) for one in portraits])
    for number, read in enumerate(probs.argmax(axis=1), start=1):
        if EMOTIONS[read] != emotion:
            raise PortraitError(f"portrait {number} of {emotion} is read as {EMOTIONS[read]}")
    return np.asarray(probs[:, EMOTIONS.index(emotion)])


def check_detection(portrait: Painting, detectors: Sequence[Detector], name: str) -> None:
    """Raise PortraitError unless every detector finds exactly the face in the portrait of this name."""
    for detector in detectors:
        boxes = detector.detect(np.round(portrait).astype(np.uint8)).boxes
        found = type(detector).__name__
        if len(boxes) != 1:
            raise PortraitError(f"{found} finds {len(boxes)} faces in the portrait {name}")
        if iou(boxes[0], np.array(FACE_BOX)).item() < LEAST_OVERLAP:
            raise PortraitError(
                f"{found} finds the face in the portrait {name} elsewhere, at {boxes[0].tolist()}"
            )
