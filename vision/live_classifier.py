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

# As EmotionClassifier.predict: gray, boxes, tilts and which faces are mirrored in, probs (n, 7) out.
Predict = Callable[[NDArray[np.uint8], NDArray[np.integer[Any]], Tilts, NDArray[np.bool_]], NDArray[np.float32]]


@dataclass(frozen=True)
class Readings:
    """The last two readings of each place, one of the face as it is and one of it mirrored.

    Attributes:
        boxes: The places (n, 4) int xyxy px.
        probs: The probabilities (n, 2, 7) float32, those of the mirrored face second.
        mirrored: Whether the newer reading (n,) is that of the mirrored face.
        t_s: The time (n,) of the newer reading in s.
    """

    boxes: NDArray[np.integer[Any]]
    probs: NDArray[np.float32]
    mirrored: NDArray[np.bool_]
    t_s: NDArray[np.float64]

    def at(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Readings":
        """Return the readings at the chosen rows, given as (n,) bool or as indices."""
        return Readings(self.boxes[chosen], self.probs[chosen], self.mirrored[chosen], self.t_s[chosen])

    def __add__(self, more: "Readings") -> "Readings":
        return Readings(
            np.concatenate((self.boxes, more.boxes)),
            np.concatenate((self.probs, more.probs)),
            np.concatenate((self.mirrored, more.mirrored)),
            np.concatenate((self.t_s, more.t_s)),
        )


class LiveClassifier:
    """A classifier that remembers the probabilities of each place and refreshes them when they are old.

    A new face is read at once. Known faces are read again in the background, so that no frame waits: none
    within REREAD_S, a third of them at a time, the oldest reading first. Every other reading is of the mirrored
    face, and what counts is the mean of the last two: that gains a point of accuracy and costs nothing.
    """

    def __init__(self, predict: Predict, in_background: bool = True) -> None:
        """Wrap `predict`, which is EmotionClassifier's.

        in_background=False is for videos that are not live: slower, with the same result in every run.
        """
        self._predict = predict
        self._known = _unread(np.empty((0, 4), dtype=np.int32))
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
        if reread := self._rereading.poll():  # first, so that it counts in this frame, and the next may start
            self._known += reread
        now, lost = self._recall(boxes, t_s)
        new = np.isinf(now.t_s)
        if new.any():
            read = self._predict(gray, boxes[new], tilts[new], now.mirrored[new])
            now.probs[new], now.t_s[new] = read[:, None], t_s  # for both ways, until it is seen mirrored
        self._known = now + lost
        due = self._due(t_s - now.t_s)
        if len(due) and self._rereading.idle:
            self._rereading.start(lambda: self._reread(gray, now.at(due), tilts[due], t_s))
        return np.asarray(now.probs.mean(axis=1))

    def close(self) -> bool:
        """Join the background thread; False if it does not end in time."""
        return self._rereading.close()

    def _reread(self, gray: NDArray[np.uint8], readings: Readings, tilts_deg: Tilts, t_s: float) -> Readings:
        """Return the readings of the same places with the older of the two read again."""
        mirrored, probs = np.logical_not(readings.mirrored), readings.probs.copy()
        read = self._predict(gray, readings.boxes, tilts_deg, mirrored)
        probs[np.arange(len(probs)), mirrored.astype(int)] = read
        return Readings(readings.boxes, probs, mirrored, np.full(len(probs), t_s))

    def _recall(self, boxes: NDArray[np.integer[Any]], t_s: float) -> tuple[Readings, Readings]:
        """Return the newest readings in these boxes, and those of lost faces; t_s is -inf for a new face."""
        known = self._known.at((t_s - KEEP_S <= self._known.t_s) & (self._known.t_s <= t_s))
        now = _unread(boxes)
        here = iou(boxes, known.boxes) > SAME_PLACE_IOU
        if here.size:
            newest = np.where(here, known.t_s, -np.inf).argmax(axis=1)
            seen = here.any(axis=1)
            last = known.at(newest[seen])
            now.probs[seen], now.mirrored[seen], now.t_s[seen] = last.probs, last.mirrored, last.t_s
        return now, known.at(np.logical_not(here.any(axis=0)))

    def _due(self, age: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the rows to read again, the oldest first, of readings of age (n,) in s."""
        stale = int((age >= REREAD_S).sum())
        return np.argsort(-age, kind="stable")[: min(stale, math.ceil(len(age) / 3))]


def _unread(boxes: NDArray[np.integer[Any]]) -> Readings:
    """Return readings of boxes (n, 4) that wait for their first, with a time of -inf."""
    n = len(boxes)
    probs = np.zeros((n, 2, len(EMOTIONS)), np.float32)
    return Readings(boxes, probs, np.zeros(n, dtype=np.bool_), np.full(n, -np.inf))
