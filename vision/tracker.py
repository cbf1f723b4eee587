"""Who is who from frame to frame, and each face's probabilities eased over time.

Faces are expected where their speed takes them, and paired by overlap, as in SORT (Bewley et al. 2016, arXiv
1602.00763); a fixed gain stands in for its Kalman filter, and the best pair first for its optimal assignment.
Those seen just now choose before those that are lost, as in DeepSORT (Wojke et al. 2017, arXiv 1703.07402).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.boxes import iou
from vision.emotions import EMOTIONS

MIN_IOU = 0.2  # less overlap than this is another face
KEEP_S = 2.5  # a face that is not found keeps its number this long
SHOW_S = 0.5  # and is shown this long where it was
SHOW_AFTER = 2  # sightings; a single one is more often a pattern than a face
LOST_AFTER_S = 0.12  # not found for longer, a face leaves the first choice to the others
COAST_S = 0.7  # a face that is not found goes on at its speed this long
REACH = 0.8  # of its side: how far from where it is expected a lost face may be found
RESIZE = 1.5  # and how many times larger or smaller
SPEED_EASE_S = 0.15
UNNUMBERED = 0  # a face that was seen once has no number yet
MARGIN = 0.10  # another emotion must lead, or a sure one fall below unsure_below, by this much
BOX_EASE_S = 0.06

Maps = NDArray[np.float32] | None


@dataclass(frozen=True)
class Track:
    """One face over time: box (x1, y1, x2, y2) px, eased probs (7,) float32, when it was last seen.

    sure is False while no emotion is probable enough to be named. maps (7, h, w) float32, where each emotion
    was seen, are there while they are asked for, eased as well.
    """

    track_id: int
    box: tuple[int, int, int, int]
    probs: NDArray[np.float32]
    emotion: str
    sure: bool
    seen_s: float
    maps: Maps = None

    @property
    def confidence(self) -> float:
        """The probability of the emotion that the label names."""
        return float(self.probs[EMOTIONS.index(self.emotion)])


@dataclass(eq=False)
class _State:
    track: Track
    exact_box: NDArray[np.float64]  # eased, to be drawn
    seen_box: NDArray[np.float64]  # as it was found
    speed: NDArray[np.float64]  # (2,) px/s
    sightings: int = 1

    def lost_s(self, t_s: float) -> float:
        return t_s - self.track.seen_s

    def expected(self, t_s: float) -> NDArray[np.float64]:
        """Return the box (4,) where the face should be."""
        return self.seen_box + np.tile(self.speed * min(self.lost_s(t_s), COAST_S), 2)

    def is_kept(self, t_s: float) -> bool:
        """Return whether the face may still be found again; what was seen once is given up sooner."""
        return 0 <= self.lost_s(t_s) <= (KEEP_S if self.sightings >= SHOW_AFTER else SHOW_S)


class Tracker:
    """Gives every face a number and one smoothed state of its own."""

    def __init__(self, smoothing_s: float, unsure_below: float) -> None:
        self.smoothing_s = smoothing_s
        self.unsure_below = unsure_below
        self._states: list[_State] = []
        self._next_id = 1
        self._last_at = -math.inf

    def update(
        self,
        boxes: NDArray[np.integer[Any]],
        probs: NDArray[np.float32],
        t_s: float,
        maps: Maps = None,
    ) -> list[Track]:
        """Take up the faces of one frame and return the tracks to show, oldest first.

        boxes is (n, 4) int xyxy px, probs (n, 7) float32, at the frame's time in s, maps (n, 7, h, w) float32.
        A track that was not found stays for SHOW_S where it was, and has its number again if it is found
        within KEEP_S.
        """
        self._states = [state for state in self._states if state.is_kept(t_s)]
        taken = self._match(boxes, t_s)
        self._last_at = t_s
        for row, box in enumerate(boxes):
            its_maps = None if maps is None else maps[row]
            if row in taken:
                self._ease(taken[row], box, probs[row], t_s, its_maps)
            else:
                self._states.append(self._begin(box, probs[row], t_s, its_maps))
        shown = [s.track for s in self._states if s.sightings >= SHOW_AFTER and s.lost_s(t_s) <= SHOW_S]
        return sorted(shown, key=lambda track: track.track_id)

    def _match(self, boxes: NDArray[np.integer[Any]], t_s: float) -> dict[int, _State]:
        """Pair rows of boxes with states: by overlap those seen just now, then by nearness the others."""
        pairs: dict[int, _State] = {}
        just_now_s = max(t_s - self._last_at, LOST_AFTER_S)
        for score, wait_s in ((_overlap, just_now_s), (_nearness, KEEP_S)):
            rows = [row for row in range(len(boxes)) if row not in pairs]
            states = [s for s in self._states if s.lost_s(t_s) <= wait_s and s not in pairs.values()]
            if not rows or not states:
                continue
            expected = np.array([state.expected(t_s) for state in states])
            for row, column in _best_pairs(score(boxes[rows], expected)):
                pairs[rows[row]] = states[column]
        return pairs

    def _begin(
        self, box: NDArray[np.integer[Any]], probs: NDArray[np.float32], t_s: float, maps: Maps
    ) -> _State:
        emotion, sure = EMOTIONS[int(probs.argmax())], bool(probs.max() >= self.unsure_below)
        track = Track(UNNUMBERED, _as_ints(box), probs, emotion, sure, t_s, maps)
        return _State(track, box.astype(np.float64), box.astype(np.float64), np.zeros(2))

    def _ease(
        self, state: _State, box: NDArray[np.integer[Any]], probs: NDArray[np.float32], t_s: float, maps: Maps
    ) -> None:
        old = state.track
        elapsed_s = t_s - old.seen_s
        if elapsed_s > 0:
            moved = box - state.seen_box
            measured = (moved[:2] + moved[2:]) / 2 / elapsed_s
            state.speed += _weight(elapsed_s, SPEED_EASE_S) * (measured - state.speed)
        state.seen_box = box.astype(np.float64)
        state.exact_box += _weight(elapsed_s, BOX_EASE_S) * (box - state.exact_box)
        weight = np.float32(_weight(elapsed_s, self.smoothing_s))
        eased = old.probs + weight * (probs - old.probs)
        if maps is not None and old.maps is not None:
            maps = old.maps + weight * (maps - old.maps)
        best = int(eased.argmax())
        before = EMOTIONS.index(old.emotion)
        named = best if eased[best] - eased[before] > MARGIN else before
        enough = self.unsure_below - (MARGIN if old.sure else 0)
        state.track = replace(
            old,
            track_id=self._next_id if old.track_id == UNNUMBERED else old.track_id,
            box=_as_ints(state.exact_box),
            probs=eased,
            emotion=EMOTIONS[named],
            sure=bool(eased[named] >= enough),
            seen_s=t_s,
            maps=maps,
        )
        self._next_id += old.track_id == UNNUMBERED
        state.sightings += 1


def _overlap(boxes: NDArray[Any], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, m) how much boxes (n, 4) overlap those expected (m, 4), 0 for less than MIN_IOU."""
    overlaps = iou(boxes, expected)
    return np.where(overlaps >= MIN_IOU, overlaps, 0)


def _nearness(boxes: NDArray[Any], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, m) how near boxes (n, 4) are to those expected (m, 4), 1 to 0: out of reach, or too unlike."""
    sides = (boxes[:, 2] - boxes[:, 0])[:, None] / (expected[:, 2] - expected[:, 0])
    apart = (boxes[:, None, :2] + boxes[:, None, 2:] - expected[:, :2] - expected[:, 2:]) / 2
    far = np.hypot(apart[..., 0], apart[..., 1]) / (REACH * (expected[:, 2] - expected[:, 0]))
    return np.where((sides >= 1 / RESIZE) & (sides <= RESIZE), 1 - far, 0).clip(min=0)


def _best_pairs(scores: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """Yield (row, column) of scores (n, m) above 0, the highest first, each row and column once."""
    scores = scores.copy()
    while scores.max() > 0:
        row, column = np.unravel_index(scores.argmax(), scores.shape)
        yield int(row), int(column)
        scores[row, :] = scores[:, column] = 0


def _weight(elapsed_s: float, ease_s: float) -> float:
    """Return how far to go to the new value, so that easing depends on time and not on the frame rate."""
    return 1 - math.exp(-elapsed_s / ease_s) if ease_s > 0 else 1.0


def _as_ints(box: NDArray[Any]) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = (round(float(value)) for value in box)
    return x1, y1, x2, y2
