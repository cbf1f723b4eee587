"""Classification of a video's faces, each only as often as its expression can change."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.background import BackgroundTask, InlineTask
from vision.boxes import iou
from vision.crops import Tilts
from vision.emotions import EMOTIONS

REREAD_S = 0.09  # the age at which probabilities are read again
KEEP_S = 0.5  # a face that is lost for no longer keeps its probabilities
SAME_PLACE_IOU = 0.5

# As EmotionClassifier.predict: gray, boxes and tilts in, probs (n, 7) out.
Predict = Callable[[NDArray[np.uint8], NDArray[np.integer[Any]], Tilts], NDArray[np.float32]]


@dataclass(frozen=True)
class Readings:
    """Probabilities with place and time: boxes (n, 4) int xyxy px, probs (n, 7) float32, t_s (n,) in s."""

    boxes: NDArray[np.integer[Any]]
    probs: NDArray[np.float32]
    t_s: NDArray[np.float64]

    def where(self, chosen: NDArray[np.bool_]) -> "Readings":
        """Return the readings where chosen (n,) is True."""
        return Readings(self.boxes[chosen], self.probs[chosen], self.t_s[chosen])

    def __add__(self, more: "Readings") -> "Readings":
        return Readings(
            np.concatenate((self.boxes, more.boxes)),
            np.concatenate((self.probs, more.probs)),
            np.concatenate((self.t_s, more.t_s)),
        )


class LiveClassifier:
    """A classifier that remembers the probabilities of each place and refreshes them when they are old.

    A new face is read at once. Known faces are read again in the background, so that no frame waits: none
    within REREAD_S, a third of them at a time, the oldest reading first.
    """

    def __init__(self, predict: Predict, in_background: bool = True) -> None:
        """Wrap `predict`, which is EmotionClassifier's.

        in_background=False is for videos that are not live: slower, with the same result in every run.
        """
        self._predict = predict
        self._known = Readings(
            np.empty((0, 4), dtype=np.int32), np.empty((0, len(EMOTIONS)), np.float32), np.empty(0)
        )
        kind = BackgroundTask if in_background else InlineTask
        self._rereading: BackgroundTask[Readings] = kind("classify")

    def predict(
        self,
        gray: NDArray[np.uint8],
        boxes: NDArray[np.integer[Any]],
        t_s: float,
        tilts_deg: Tilts = None,
    ) -> NDArray[np.float32]:
        """Return probabilities (n, 7) float32 of the faces in boxes of one frame.

        Args:
            gray: The frame's image (H, W) uint8.
            boxes: The faces (n, 4) int xyxy px.
            t_s: The frame's time in s.
            tilts_deg: The angles (n,) in degrees of their lines of the eyes, clockwise; NaN where unknown.
        """
        tilts = np.zeros(len(boxes)) if tilts_deg is None else tilts_deg
        now, lost = self._recall(boxes, t_s)
        new = np.isinf(now.t_s)
        if new.any():
            now.probs[new], now.t_s[new] = self._predict(gray, boxes[new], tilts[new]), t_s
        self._known = now + lost
        due = self._due(t_s - now.t_s)
        if len(due) and self._rereading.idle:
            self._rereading.start(lambda: self._read(gray, boxes[due], tilts[due], t_s))
        if reread := self._rereading.poll():
            self._known += reread
        return now.probs

    def close(self) -> None:
        """Join the background thread."""
        self._rereading.close()

    def _read(
        self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]], tilts_deg: Tilts, t_s: float
    ) -> Readings:
        return Readings(boxes, self._predict(gray, boxes, tilts_deg), np.full(len(boxes), t_s))

    def _recall(self, boxes: NDArray[np.integer[Any]], t_s: float) -> tuple[Readings, Readings]:
        """Return the newest readings in these boxes, and those of lost faces; t_s is -inf for a new face."""
        known = self._known.where((t_s - KEEP_S <= self._known.t_s) & (self._known.t_s <= t_s))
        now = Readings(boxes, np.zeros((len(boxes), len(EMOTIONS)), np.float32), np.full(len(boxes), -np.inf))
        here = iou(boxes, known.boxes) > SAME_PLACE_IOU
        if here.size:
            newest = np.where(here, known.t_s, -np.inf).argmax(axis=1)
            seen = here.any(axis=1)
            now.probs[seen], now.t_s[seen] = known.probs[newest[seen]], known.t_s[newest[seen]]
        return now, known.where(np.logical_not(here.any(axis=0)))

    def _due(self, age: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the rows to read again, the oldest first, of readings of age (n,) in s."""
        stale = int((age >= REREAD_S).sum())
        return np.argsort(-age, kind="stable")[: min(stale, math.ceil(len(age) / 3))]
