"""Tracking: faces matched from frame to frame, each with its probabilities eased over time.

Boxes are matched by overlap with the places that each track's speed predicts, as in SORT (Bewley et al. 2016,
arXiv 1602.00763), with a fixed gain instead of its Kalman filter and the best pair first instead of its optimal
assignment. Tracks seen just now are matched before lost ones, as in DeepSORT (Wojke et al. 2017, arXiv
1703.07402).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from texts import shorten
from vision.boxes import iou
from vision.emotions import EMOTIONS, UNSURE
from vision.resting_face import (
    MAX_NAMES,
    MEASURE,
    NAME,
    USE,
    Measurement,
    RestError,
    RestingFace,
    RestRequest,
    read_against,
    read_without,
)

MIN_IOU = 0.2  # less overlap than this is another face
KEEP_S = 2.5  # a lost face keeps its number this long
SHOW_S = 0.5  # a lost face is shown this long, in its last place
MAX_GAP_S = 12.0  # between two frames of a slow camera, after which a face of the one is sought in the other
SHOW_AFTER = 2  # sightings; a single one is more often a pattern than a face
LOST_AFTER_S = 0.12  # a face not found for longer is matched after the others
COAST_S = 0.7  # a lost face is expected to move on at its speed this long
MAX_DISTANCE = 0.8  # of the face's side, between a lost face's expected place and the box it is found in
MAX_RESIZE = 1.5  # times larger or smaller that a lost face may be found
SPEED_EASE_S = 0.15
BOX_EASE_S = 0.06
UNNUMBERED = 0  # a face that was seen once has no number yet
MARGIN = 0.13  # another emotion must lead, or a sure one fall below unsure_below, by this much
UNSURE_AFTER_S = 0.5  # below; a hand before the mouth, or the way from one emotion to the next, takes less

Maps = NDArray[np.float32] | None
Points = NDArray[np.float32] | None


@dataclass(frozen=True)
class Track:
    """One face over time.

    Attributes:
        track_id: The face's number, from 1.
        box: Its eased box (x1, y1, x2, y2) px.
        probs: Its eased probabilities (7,) float32, in the order of EMOTIONS.
        emotion: The emotion of its label.
        sure: Whether that emotion is probable enough to be named.
        seen_s: The time of the last frame in which it was found, in s.
        maps: Each emotion's eased class activation map (7, h, w) float32; None while no maps are computed.
        landmarks: Its eyes, nose and corners of the mouth (5, 2) float32 px, moved with the eased box; None
            where the detector finds none.
        rest: Its resting face, against which probs are read; None if none was measured.
        rest_progress: The share of its resting face that is measured, 0 to 1; None while none is.
    """

    track_id: int
    box: tuple[int, int, int, int]
    probs: NDArray[np.float32]
    emotion: str
    sure: bool
    seen_s: float
    maps: Maps = None
    landmarks: Points = None
    rest: RestingFace | None = None
    rest_progress: float | None = None

    @property
    def label(self) -> str:
        """The emotion, or UNSURE if none is probable enough to be named."""
        return self.emotion if self.sure else UNSURE

    @property
    def confidence(self) -> float:
        """The probability of `emotion`, 0 to 1."""
        return float(self.probs[EMOTIONS.index(self.emotion)])

    @property
    def tilt_deg(self) -> float:
        """The angle in degrees of the line of its eyes, clockwise in the image; 0 where that is unknown."""
        if self.landmarks is None:
            return 0.0
        across, down = (self.landmarks[1] - self.landmarks[0]).tolist()
        return math.degrees(math.atan2(down, across))


@dataclass(eq=False)
class _State:
    """A track and the values that predict its next box."""

    track: Track
    exact_box: NDArray[np.float64]  # eased, to be drawn
    seen_box: NDArray[np.float64]  # as it was found
    speed: NDArray[np.float64]  # (2,) px/s
    sure_s: float  # when its emotion was probable enough to be named
    sightings: int = 1
    measurement: Measurement | None = None

    def lost_s(self, t_s: float) -> float:
        """Return how many seconds the face has not been found."""
        return t_s - self.track.seen_s

    def expected(self, t_s: float) -> NDArray[np.float64]:
        """Return the box (4,) float64 xyxy px in which the face is expected."""
        return self.seen_box + np.tile(self.speed * min(self.lost_s(t_s), COAST_S), 2)

    def is_kept(self, t_s: float) -> bool:
        """Return whether the face may be found again: within SHOW_S if it was seen once, else within KEEP_S."""
        return 0 <= self.lost_s(t_s) <= (KEEP_S if self.sightings >= SHOW_AFTER else SHOW_S)


class Tracker:
    """A tracker that gives each face a number and eases its box and probabilities; for one thread."""

    def __init__(self, smoothing_s: float, unsure_below: float) -> None:
        """Create a tracker without faces.

        Args:
            smoothing_s: The time constant in s with which probabilities are eased; 0 for no easing.
            unsure_below: The probability below which a face's emotion is not named; a name that was given is
                kept until it is MARGIN below for UNSURE_AFTER_S.
        """
        self.smoothing_s = smoothing_s
        self.unsure_below = unsure_below
        self.everybodys_rest: RestingFace | None = None  # for files that show one person
        self._states: list[_State] = []
        self._next_id = 1
        self._last_s = -math.inf
        self._last_gap_s = 0.0
        self._rest_requests: dict[int, RestRequest] = {}  # the last of each face, until the next frame
        self._named_rests: dict[str, RestingFace] = {}

    def rest(self, request: RestRequest) -> None:
        """Measure, use, name or forget a face's resting face from the next frame on; called by any thread.

        A resting face goes with its track, and dies with the track's number; one with a name can be used again
        for the same person's next track. Until the next frame a later request replaces that of the same face.
        Raises RestError if there is no such face or name.
        """
        track = next((it.track for it in self._states if it.track.track_id == request.track_id), None)
        names = self.named_rests()
        if track is None:
            raise RestError(f"Face {shorten(request.track_id)} is not in the picture now.")
        if request.action == USE and request.name not in names:
            raise RestError(f"There is no resting face with the name “{request.name}”.")
        if request.action == NAME and track.rest is None:
            raise RestError(f"Face {request.track_id} has no resting face to name; measure it first.")
        if request.name and request.name not in names and len(names) >= MAX_NAMES:
            raise RestError(
                f"{MAX_NAMES} resting faces have names already, which is the limit; a reset forgets them."
            )
        self._rest_requests[request.track_id] = request

    def named_rests(self) -> list[str]:
        """Return the names of the resting faces that can be used again, sorted; called by any thread."""
        return sorted(self._named_rests.copy())

    def update(
        self,
        boxes: NDArray[np.integer[Any]],
        probs: NDArray[np.float32],
        t_s: float,
        maps: Maps = None,
        landmarks: Points = None,
    ) -> list[Track]:
        """Match the faces of one frame with the tracks, and update them.

        Args:
            boxes: The faces (n, 4) int xyxy px.
            probs: Their probabilities (n, 7) float32.
            t_s: The frame's time in s.
            maps: Their class activation maps (n, 7, h, w) float32, if they are drawn.
            landmarks: Their landmarks (n, 5, 2) float32 px, if there are any; NaN for a face without.

        Returns:
            The tracks to show, the oldest first: those seen at least SHOW_AFTER times, or once where the frames
            come more than SHOW_S apart. A lost face stays for SHOW_S in its last place, and keeps its number if
            it is found again within KEEP_S.

        Raises:
            IndexError: probs, maps or landmarks have fewer rows than boxes.
        """
        self._states = [
            state for state in self._states if state.is_kept(t_s) or self._was_just_seen(state, t_s)
        ]
        self._apply_rest_requests()
        matched = self._match(boxes, t_s)
        gap_s = t_s - self._last_s if math.isfinite(self._last_s) else 0.0
        alone = min(gap_s, self._last_gap_s) > SHOW_S  # each frame is as a picture by itself
        self._last_s, self._last_gap_s = t_s, gap_s
        for row, box in enumerate(boxes):
            face_maps = None if maps is None else maps[row]
            points = None if landmarks is None or np.isnan(landmarks[row, 0, 0]) else landmarks[row]
            if row in matched:
                self._ease(matched[row], box, probs[row], t_s, face_maps, points)
            else:
                state = self._begin(box, probs[row], t_s, face_maps, points)
                self._states.append(state)
                if alone:
                    self._number(state)
        shown = [s.track for s in self._states if s.sightings >= SHOW_AFTER and s.lost_s(t_s) <= SHOW_S]
        return sorted(shown, key=lambda track: track.track_id)

    def _was_just_seen(self, state: _State, t_s: float) -> bool:
        """Return whether a face was found in the last frame, which of a slow camera is seconds old."""
        return state.track.seen_s == self._last_s and 0 <= t_s - self._last_s <= MAX_GAP_S

    def _match(self, boxes: NDArray[np.integer[Any]], t_s: float) -> dict[int, _State]:
        """Return the state for each matched row of boxes: by overlap if seen just now, then by nearness."""
        pairs: dict[int, _State] = {}
        just_now_s = max(t_s - self._last_s, LOST_AFTER_S)
        for score, max_lost_s in ((_overlap, just_now_s), (_nearness, KEEP_S)):
            rows = [row for row in range(len(boxes)) if row not in pairs]
            states = [s for s in self._states if s.lost_s(t_s) <= max_lost_s and s not in pairs.values()]
            if not rows or not states:
                continue
            expected = np.array([state.expected(t_s) for state in states])
            for row, column in _best_pairs(score(boxes[rows], expected)):
                pairs[rows[row]] = states[column]
        return pairs

    def _begin(
        self,
        box: NDArray[np.integer[Any]],
        probs: NDArray[np.float32],
        t_s: float,
        maps: Maps,
        landmarks: Points,
    ) -> _State:
        """Return the state of a new face, which has no number yet."""
        if self.everybodys_rest:
            probs = read_against(probs, self.everybodys_rest.probs)
        emotion, sure = EMOTIONS[int(probs.argmax())], bool(probs.max() >= self.unsure_below)
        track = Track(
            UNNUMBERED, _as_ints(box), probs, emotion, sure, t_s, maps, landmarks, self.everybodys_rest
        )
        return _State(track, box.astype(np.float64), box.astype(np.float64), np.zeros(2), t_s)

    def _ease(
        self,
        state: _State,
        box: NDArray[np.integer[Any]],
        probs: NDArray[np.float32],
        t_s: float,
        maps: Maps,
        landmarks: Points,
    ) -> None:
        """Update a state with the face's new box (4,), probs (7,), maps (7, h, w) and landmarks (5, 2)."""
        elapsed_s = t_s - state.track.seen_s
        probs = self._read_rest(state, probs, elapsed_s)
        old = state.track
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
        best, previous = int(eased.argmax()), EMOTIONS.index(old.emotion)
        named = best if eased[best] - eased[previous] > MARGIN else previous
        is_kept = old.sure and named == previous
        sure = bool(eased[named] >= self.unsure_below - (MARGIN if is_kept else 0))
        if sure:
            state.sure_s = t_s
        elif old.sure and t_s - state.sure_s < UNSURE_AFTER_S:
            named, sure = previous, True
        state.track = replace(
            old,
            box=_as_ints(state.exact_box),
            probs=eased,
            emotion=EMOTIONS[named],
            sure=sure,
            seen_s=t_s,
            maps=maps,
            landmarks=None if landmarks is None else _carried(landmarks, box, state.exact_box),
        )
        state.sightings += 1
        if old.track_id == UNNUMBERED:
            self._number(state)

    def _apply_rest_requests(self) -> None:
        """Begin, end or replace resting faces as other threads have asked for, except for lost faces."""
        states = {state.track.track_id: state for state in self._states}
        while self._rest_requests:
            track_id, request = self._rest_requests.popitem()
            if track_id in states:
                self._apply_rest_request(states[track_id], request)

    def _apply_rest_request(self, state: _State, request: RestRequest) -> None:
        """Begin, end, name or replace the resting face of one track."""
        if request.action == NAME:
            if state.track.rest:  # else it was taken back meanwhile
                named = replace(state.track.rest, name=request.name)
                self._named_rests[request.name] = named
                state.track = replace(state.track, rest=named)
            return
        state.measurement = Measurement(request.name) if request.action == MEASURE else None
        rest = self._named_rests[request.name] if request.action == USE else None
        state.track = replace(_reread(state.track, rest), rest_progress=None)

    def _read_rest(self, state: _State, probs: NDArray[np.float32], elapsed_s: float) -> NDArray[np.float32]:
        """Return probs (7,) read against the face's rest, if it has one; measure it if that was asked for."""
        if state.measurement:
            measured = state.measurement.add(probs, elapsed_s)
            state.track = replace(state.track, rest_progress=state.measurement.progress)
            if measured:
                state.measurement = None
                state.track = replace(_reread(state.track, measured), rest_progress=None)
                if measured.name:
                    self._named_rests[measured.name] = measured
        return read_against(probs, state.track.rest.probs) if state.track.rest else probs

    def _number(self, state: _State) -> None:
        """Give a face its number, from which on it is shown."""
        state.track = replace(state.track, track_id=self._next_id)
        state.sightings = max(state.sightings, SHOW_AFTER)
        self._next_id += 1


def _reread(track: Track, rest: RestingFace | None) -> Track:
    """Return the track with its probabilities, eased so far, read against another rest, or none."""
    plain = read_without(track.probs, track.rest.probs) if track.rest else track.probs
    return replace(track, probs=read_against(plain, rest.probs) if rest else plain, rest=rest)


def _overlap(boxes: NDArray[Any], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the overlap (n, m) of boxes (n, 4) with those expected (m, 4); 0 below MIN_IOU."""
    overlaps = iou(boxes, expected)
    return np.where(overlaps >= MIN_IOU, overlaps, 0)


def _nearness(boxes: NDArray[Any], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nearness (n, m), 0 to 1, of boxes (n, 4) to those expected (m, 4).

    It is 1 in the expected place, and 0 beyond MAX_DISTANCE or MAX_RESIZE.
    """
    sides = (boxes[:, 2] - boxes[:, 0])[:, None] / (expected[:, 2] - expected[:, 0])
    apart = (boxes[:, None, :2] + boxes[:, None, 2:] - expected[:, :2] - expected[:, 2:]) / 2
    far = np.hypot(apart[..., 0], apart[..., 1]) / (MAX_DISTANCE * (expected[:, 2] - expected[:, 0]))
    return np.where((sides >= 1 / MAX_RESIZE) & (sides <= MAX_RESIZE), 1 - far, 0).clip(min=0)


def _best_pairs(scores: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """Yield the (row, column) of each score (n, m) above 0, the highest first, each row and column once."""
    scores = scores.copy()
    while scores.max() > 0:
        row, column = np.unravel_index(scores.argmax(), scores.shape)
        yield int(row), int(column)
        scores[row, :] = scores[:, column] = 0


def _carried(
    landmarks: NDArray[np.float32], seen: NDArray[Any], eased: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return landmarks (5, 2) of a seen box (4,) as they lie in the eased box."""
    scale = (eased[2:] - eased[:2]) / (seen[2:] - seen[:2])
    return np.asarray((landmarks - seen[:2]) * scale + eased[:2], dtype=np.float32)


def _weight(elapsed_s: float, ease_s: float) -> float:
    """Return the new value's weight, 0 to 1, so that easing depends on time and not on the frame rate."""
    return 1 - math.exp(-elapsed_s / ease_s) if ease_s > 0 else 1.0


def _as_ints(box: NDArray[Any]) -> tuple[int, int, int, int]:
    """Return a box (4,) rounded to whole px."""
    x1, y1, x2, y2 = (round(float(value)) for value in box)
    return x1, y1, x2, y2
