"""Finds faces with OpenCV's Haar cascade (Viola & Jones 2001; Lienhart & Maydt 2002)."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from boxes import iou

Boxes = NDArray[np.int32]  # (n, 4), xyxy px

SCALE_STEP = 1.1
WINDOW_PX = 20  # the cascade's own window; it sees sizes of 20 * 1.1^k px
REFERENCE_AREA = 640 * 480
MIN_NEIGHBOURS = 3
CANDIDATE_NEIGHBOURS = 1
UNIT_COST = 200.0  # windows side by side in one frame's share of the search: a 640x480 frame at 39 px
NEAR_MARGIN = 0.3  # of the box, on each side
NEAR_SIZES = (0.8, 1.25)  # of the box
SAME_FACE_IOU = 0.3
MAX_MISSES = 8  # frames a lost face is still looked for where it was


class CascadeError(Exception):
    """The cascade file cannot be used; the message says so in one sentence."""


class FaceDetector:
    """Searches a whole picture, whatever was in the one before. Not for two threads at once."""

    def __init__(self, cascade: Path | str, min_face_px: int) -> None:
        if not Path(cascade).is_file():
            raise CascadeError(f"no cascade at {cascade}")
        try:
            self._cascade = cv2.CascadeClassifier(str(cascade))
        except (cv2.error, SystemError):  # the binding wraps some of its own errors
            self._cascade = cv2.CascadeClassifier()
        if self._cascade.empty():
            raise CascadeError(f"{cascade} is not a cascade that OpenCV can load")
        self._min_face_px = min_face_px

    def min_face_px(self, shape: tuple[int, ...]) -> int:
        """Return the smallest face searched for in a picture of shape (H, W): in proportion to 640x480.

        So a large picture costs no more than a small one, and faces are as small a part of it.
        """
        return round(self._min_face_px * max(1.0, math.sqrt(shape[0] * shape[1] / REFERENCE_AREA)))

    def detect(self, gray: NDArray[np.uint8]) -> Boxes:
        """Return the boxes (n, 4) int32 xyxy px of the faces in gray (H, W) uint8, largest first."""
        boxes = self._search(gray, (self.min_face_px(gray.shape), max(gray.shape)), MIN_NEIGHBOURS)
        return boxes[np.argsort(-(boxes[:, 2] - boxes[:, 0]), kind="stable")]

    def _search(self, gray: NDArray[np.uint8], sizes: tuple[int, int], neighbours: int) -> Boxes:
        low, high = sizes
        found = self._cascade.detectMultiScale(
            gray, SCALE_STEP, neighbours, minSize=(low, low), maxSize=(high, high)
        )
        xywh = np.asarray(found, dtype=np.int32).reshape(-1, 4)
        return np.hstack((xywh[:, :2], xywh[:, :2] + xywh[:, 2:]))


@dataclass(frozen=True)
class Share:
    """One frame's share of a full search: a band of face sizes in a strip of rows."""

    rows: tuple[int, int]
    sizes: tuple[int, int]


@dataclass
class _Seen:
    box: NDArray[np.int32]
    misses: int = 0


class LiveFaceDetector(FaceDetector):
    """Follows faces through a video: looks near the last boxes, and searches the rest in shares.

    A full search takes longer than a frame lasts. So each frame gets one share of it, all of about the
    same cost, and a new face is found when its share comes round; faces that were seen are looked for
    around their last box in every frame.
    """

    def __init__(self, cascade: Path | str, min_face_px: int) -> None:
        super().__init__(cascade, min_face_px)
        self._shape: tuple[int, ...] = ()
        self._shares: itertools.cycle[Share] = itertools.cycle(())
        self._seen: list[_Seen] = []

    def detect(self, gray: NDArray[np.uint8]) -> Boxes:
        """Return the boxes (n, 4) int32 xyxy px of the faces in gray (H, W) uint8, the next of a video."""
        if gray.shape != self._shape:
            self._restart(gray.shape)
        found: list[NDArray[np.int32]] = []
        for seen in self._seen:
            box = self._near(gray, seen.box)
            if box is None or _is_among(box, found):
                seen.misses += 1
            else:
                seen.box, seen.misses = box, 0
                found.append(box)
        for candidate in self._search_next_share(gray):
            if _is_among(candidate, found):
                continue
            box = self._near(gray, candidate)
            if box is not None and not _is_among(box, found):
                self._seen.append(_Seen(box))
                found.append(box)
        self._forget(found)
        return np.array(found, dtype=np.int32).reshape(-1, 4)

    def _restart(self, shape: tuple[int, ...]) -> None:
        self._shape, self._seen = shape, []
        self._shares = itertools.cycle(divide_search(shape[0], shape[1], self.min_face_px(shape)))

    def _near(self, gray: NDArray[np.uint8], box: NDArray[np.int32]) -> NDArray[np.int32] | None:
        side = int(box[2] - box[0])
        margin = int(side * NEAR_MARGIN)
        left, top = max(int(box[0]) - margin, 0), max(int(box[1]) - margin, 0)
        region = gray[top : int(box[3]) + margin, left : int(box[2]) + margin]
        sizes = (int(side * NEAR_SIZES[0]), int(side * NEAR_SIZES[1]))
        boxes = self._search(region, sizes, MIN_NEIGHBOURS)
        if len(boxes) == 0:
            return None
        boxes += np.array([left, top, left, top], dtype=np.int32)
        nearest: NDArray[np.int32] = boxes[iou(box, boxes).argmax()]
        return nearest

    def _search_next_share(self, gray: NDArray[np.uint8]) -> Boxes:
        share = next(self._shares, None)
        if share is None:  # the picture is smaller than any face
            return np.empty((0, 4), dtype=np.int32)
        top, bottom = share.rows
        boxes = self._search(gray[top:bottom], share.sizes, CANDIDATE_NEIGHBOURS)
        return boxes + np.array([0, top, 0, top], dtype=np.int32)

    def _forget(self, found: list[NDArray[np.int32]]) -> None:
        # the largest first, so that a pattern within a face gives way to the face
        self._seen.sort(key=lambda seen: -int(seen.box[2] - seen.box[0]))
        self._seen = [
            seen
            for seen in self._seen
            if seen.misses == 0 or (seen.misses <= MAX_MISSES and not _is_among(seen.box, found))
        ]


def divide_search(height: int, width: int, min_face_px: int) -> list[Share]:
    """Return the shares that together search a frame for all face sizes, each of about UNIT_COST.

    A size costs as many windows as fit side by side; small sizes are cut into strips that overlap by a
    window, large ones share a turn.
    """
    shares: list[Share] = []
    band: list[int] = []
    cost = 0.0
    for size in _sizes(min(height, width), min_face_px):
        windows = height * width / size**2
        if windows > UNIT_COST:
            shares += _strips(height, size, round(windows / UNIT_COST))
            continue
        if cost + windows > UNIT_COST:
            shares.append(Share((0, height), (band[0], band[-1])))
            band, cost = [], 0.0
        band.append(size)
        cost += windows
    if band:
        shares.append(Share((0, height), (band[0], band[-1])))
    return shares


def _sizes(limit: int, min_face_px: int) -> Sequence[int]:
    sizes = (round(WINDOW_PX * SCALE_STEP**k) for k in itertools.count())
    return list(itertools.takewhile(lambda s: s <= limit, (s for s in sizes if s >= min_face_px)))


def _strips(height: int, size: int, count: int) -> list[Share]:
    step = height / count
    return [
        Share(
            (max(round(i * step) - size // 2, 0), min(round((i + 1) * step) + size // 2, height)), (size, size)
        )
        for i in range(count)
    ]


def _is_among(box: NDArray[np.int32], found: list[NDArray[np.int32]]) -> bool:
    """Return whether box is one of those found, or a pattern within one: a face has no face in it."""
    if not found:
        return False
    boxes = np.array(found)
    centre = (box[:2] + box[2:]) / 2
    within = ((boxes[:, :2] < centre) & (centre < boxes[:, 2:])).all(axis=1)
    return bool((within | (iou(box, boxes)[0] > SAME_FACE_IOU)).any())
