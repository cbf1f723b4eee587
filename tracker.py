"""Who is who from frame to frame, and each face's probabilities eased over time."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxes import iou
from emotions import EMOTIONS

MIN_IOU = 0.2  # less overlap than this is another face
KEEP_S = 0.5  # a face that is not found keeps its number this long
SHOW_AFTER = 2  # sightings; a single one is more often a pattern than a face
MARGIN = 0.10  # another emotion must lead, or a sure one fall below unsure_below, by this much
BOX_EASE_S = 0.06


@dataclass(frozen=True)
class Track:
    """One face over time: box (x1, y1, x2, y2) px, eased probs (7,) float32, when it was last seen.

    sure is False while no emotion is probable enough to be named.
    """

    track_id: int
    box: tuple[int, int, int, int]
    probs: NDArray[np.float32]
    emotion: str
    sure: bool
    seen_at: float

    @property
    def confidence(self) -> float:
        """The probability of the emotion that the label names."""
        return float(self.probs[EMOTIONS.index(self.emotion)])


@dataclass
class _State:
    track: Track
    exact_box: NDArray[np.float64]
    sightings: int = 1


class Tracker:
    """Gives every face a number and one smoothed state of its own."""

    def __init__(self, smoothing_s: float, unsure_below: float) -> None:
        self.smoothing_s = smoothing_s
        self.unsure_below = unsure_below
        self._states: list[_State] = []
        self._next_id = 1

    def update(self, boxes: NDArray[np.integer[Any]], probs: NDArray[np.float32], at: float) -> list[Track]:
        """Take up the faces of one frame and return the tracks to show, oldest first.

        boxes is (n, 4) int xyxy px, probs (n, 7) float32, at the frame's time in s. A track that was
        not found stays for KEEP_S where it was.
        """
        self._states = [s for s in self._states if 0 <= at - s.track.seen_at <= KEEP_S]
        taken = self._match(boxes)
        for row, box in enumerate(boxes):
            if row in taken:
                self._ease(taken[row], box, probs[row], at)
            else:
                self._states.append(self._begin(box, probs[row], at))
        return [state.track for state in self._states if state.sightings >= SHOW_AFTER]

    def _match(self, boxes: NDArray[np.integer[Any]]) -> dict[int, _State]:
        """Pair rows of boxes with the states they overlap most, best pair first."""
        pairs: dict[int, _State] = {}
        if not self._states or not len(boxes):
            return pairs
        overlaps = iou(boxes, np.array([state.exact_box for state in self._states]))
        while overlaps.max() >= MIN_IOU:
            row, column = np.unravel_index(overlaps.argmax(), overlaps.shape)
            pairs[int(row)] = self._states[column]
            overlaps[row, :] = overlaps[:, column] = 0
        return pairs

    def _begin(self, box: NDArray[np.integer[Any]], probs: NDArray[np.float32], at: float) -> _State:
        emotion, sure = EMOTIONS[int(probs.argmax())], bool(probs.max() >= self.unsure_below)
        track = Track(self._next_id, _as_ints(box), probs, emotion, sure, at)
        self._next_id += 1
        return _State(track, box.astype(np.float64))

    def _ease(
        self, state: _State, box: NDArray[np.integer[Any]], probs: NDArray[np.float32], at: float
    ) -> None:
        old = state.track
        elapsed_s = at - old.seen_at
        state.exact_box += _weight(elapsed_s, BOX_EASE_S) * (box - state.exact_box)
        eased = old.probs + np.float32(_weight(elapsed_s, self.smoothing_s)) * (probs - old.probs)
        best = int(eased.argmax())
        before = EMOTIONS.index(old.emotion)
        named = best if eased[best] - eased[before] > MARGIN else before
        enough = self.unsure_below - (MARGIN if old.sure else 0)
        state.track = replace(
            old,
            box=_as_ints(state.exact_box),
            probs=eased,
            emotion=EMOTIONS[named],
            sure=bool(eased[named] >= enough),
            seen_at=at,
        )
        state.sightings += 1


def _weight(elapsed_s: float, ease_s: float) -> float:
    """Return how far to go to the new value, so that easing depends on time and not on the frame rate."""
    return 1 - math.exp(-elapsed_s / ease_s) if ease_s > 0 else 1.0


def _as_ints(box: NDArray[Any]) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = (round(float(value)) for value in box)
    return x1, y1, x2, y2
