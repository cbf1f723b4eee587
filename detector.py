"""Finds faces with OpenCV's Haar cascade (Viola & Jones 2001; Lienhart & Maydt 2002)."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from background import Background
from boxes import iou

Gray = NDArray[np.uint8]  # (H, W)
Boxes = NDArray[np.int32]  # (n, 4), xyxy px

SCALE_STEP = 1.1
REFERENCE_AREA = 640 * 480
MIN_NEIGHBOURS = 3
KNOWN_NEIGHBOURS = 2  # of a face that was there in the frame before
NEAR_MARGIN = 0.25  # of the box, on each side
NEAR_SIZES = (0.85, 1.2)  # of the box
SAME_FACE_IOU = 0.3
BLINK = 2  # frames in which a lost face is looked for in each; after that, lost faces take turns
KEEP_LOST = 60  # frames; a face that a hand hides comes back where it was
SEARCH_PERIOD_S = 0.12  # between two full searches: a new face is there within 0.3 s


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

    def detect(self, gray: Gray) -> Boxes:
        """Return the boxes (n, 4) int32 xyxy px of the faces in gray (H, W) uint8, largest first."""
        boxes = self._search(gray, (self.min_face_px(gray.shape), max(gray.shape)), MIN_NEIGHBOURS)
        return boxes[np.argsort(-(boxes[:, 2] - boxes[:, 0]), kind="stable")]

    def _search(self, gray: Gray, sizes: tuple[int, int], neighbours: int) -> Boxes:
        low, high = sizes
        found = self._cascade.detectMultiScale(
            gray, SCALE_STEP, neighbours, minSize=(low, low), maxSize=(high, high)
        )
        xywh = np.asarray(found, dtype=np.int32).reshape(-1, 4)
        return np.hstack((xywh[:, :2], xywh[:, :2] + xywh[:, 2:]))


@dataclass
class _Seen:
    box: NDArray[np.int32]
    misses: int = 0


class LiveFaceDetector(FaceDetector):
    """Follows faces through a video: looks near the last boxes, and leaves new faces to a search.

    A full search takes longer than a frame lasts, so it is made in the background, on a frame that is
    past when it ends; what it found must be found again near that place before it counts. For a video that
    need not be in time, search_every=n searches every n-th frame instead, the same way each time.
    """

    def __init__(
        self, cascade: Path | str, min_face_px: int, search_every: int = 0, search: "Search | None" = None
    ) -> None:
        """Give a search to have another than these two."""
        super().__init__(cascade, min_face_px)
        if search is None:
            whole = FaceDetector(cascade, min_face_px)  # its own cascade: one is not for two threads
            search = RegularSearch(whole, search_every) if search_every else BackgroundSearch(whole)
        self._search_whole = search
        self._shape: tuple[int, ...] = ()
        self._seen: list[_Seen] = []
        self._turn = 0

    def detect(self, gray: Gray) -> Boxes:
        """Return the boxes (n, 4) int32 xyxy px of the faces in gray (H, W) uint8, the next of a video."""
        if gray.shape != self._shape:
            self._shape, self._seen = gray.shape, []
        looked_for = self._to_look_for()
        for seen in self._seen:
            seen.misses += 1
        found: list[NDArray[np.int32]] = []
        for seen in looked_for:
            box = self._near(gray, seen.box, KNOWN_NEIGHBOURS)
            if box is not None and not _is_among(box, found):
                seen.box, seen.misses = box, 0
                found.append(box)
        for candidate in self._search_whole(gray):
            if _is_among(candidate, found):
                continue
            box = self._near(gray, candidate, MIN_NEIGHBOURS)
            if box is not None and not _is_among(box, found):
                self._seen.append(_Seen(box))
                found.append(box)
        self._forget(found)
        return np.array(found, dtype=np.int32).reshape(-1, 4)

    def close(self) -> None:
        """Join the thread of the search."""
        self._search_whole.close()

    def _to_look_for(self) -> list[_Seen]:
        """Return the faces that this frame looks for: those of late, and one of those lost for longer."""
        lost = [seen for seen in self._seen if seen.misses > BLINK]
        self._turn += 1
        return [seen for seen in self._seen if seen.misses <= BLINK] + lost[self._turn % max(len(lost), 1) :][
            :1
        ]

    def _near(self, gray: Gray, box: NDArray[np.int32], neighbours: int) -> NDArray[np.int32] | None:
        side = int(box[2] - box[0])
        margin = int(side * NEAR_MARGIN)
        left, top = max(int(box[0]) - margin, 0), max(int(box[1]) - margin, 0)
        region = gray[top : int(box[3]) + margin, left : int(box[2]) + margin]
        sizes = (int(side * NEAR_SIZES[0]), int(side * NEAR_SIZES[1]))
        boxes = self._search(region, sizes, neighbours)
        if len(boxes) == 0:
            return None
        boxes += np.array([left, top, left, top], dtype=np.int32)
        nearest: NDArray[np.int32] = boxes[iou(box, boxes).argmax()]
        return nearest

    def _forget(self, found: list[NDArray[np.int32]]) -> None:
        # the largest first, so that a pattern within a face gives way to the face
        self._seen.sort(key=lambda seen: -int(seen.box[2] - seen.box[0]))
        self._seen = [
            seen
            for seen in self._seen
            if seen.misses == 0 or (seen.misses <= KEEP_LOST and not _is_among(seen.box, found))
        ]


class Search(Protocol):
    """What finds new faces for a LiveFaceDetector, which calls it with every frame."""

    def __call__(self, gray: Gray) -> Boxes: ...

    def close(self) -> None: ...


class BackgroundSearch:
    """Searches whole frames beside the live path, the newest each time, one a period at most."""

    def __init__(self, detector: FaceDetector, period_s: float = SEARCH_PERIOD_S) -> None:
        self._detector, self._period_s = detector, period_s
        self._search: Background[Boxes] = Background("search")
        self._shape: tuple[int, ...] = ()
        self._started_at = -math.inf

    def __call__(self, gray: Gray) -> Boxes:
        """Return the boxes of the search that has ended since the last call, if one has; never waits.

        An error in the search is raised by the next call.
        """
        found = self._search.take()
        if self._shape != gray.shape:
            found = None
        now = time.monotonic()
        if self._search.idle and now - self._started_at >= self._period_s:
            self._search.start(lambda: self._detector.detect(gray))
            self._shape, self._started_at = gray.shape, now
        return _NOTHING if found is None else found

    def close(self) -> None:
        """Wait for the search under way, a tenth of a second or two, and join the thread."""
        self._search.close()


class RegularSearch:
    """Searches every n-th frame before it goes on: for videos that are not live, the same result each time."""

    def __init__(self, detector: FaceDetector, every: int) -> None:
        self._detector, self._every, self._index = detector, every, -1

    def __call__(self, gray: Gray) -> Boxes:
        """Return the boxes in this frame if its turn has come, otherwise none."""
        self._index += 1
        return self._detector.detect(gray) if self._index % self._every == 0 else _NOTHING

    def close(self) -> None:
        """There is nothing to end."""


class SearchOnDemand:
    """Searches the next frame when it is wanted: for many videos in one thread, which take turns."""

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector
        self.wanted = False

    def __call__(self, gray: Gray) -> Boxes:
        """Return the boxes in this frame if its search was wanted, otherwise none."""
        wanted, self.wanted = self.wanted, False
        return self._detector.detect(gray) if wanted else _NOTHING

    def close(self) -> None:
        """There is nothing to end."""


_NOTHING: Boxes = np.empty((0, 4), dtype=np.int32)


def _is_among(box: NDArray[np.int32], found: list[NDArray[np.int32]]) -> bool:
    """Return whether box is one of those found, or a pattern within one: a face has no face in it."""
    if not found:
        return False
    boxes = np.array(found)
    centre = (box[:2] + box[2:]) / 2
    within = ((boxes[:, :2] < centre) & (centre < boxes[:, 2:])).all(axis=1)
    return bool((within | (iou(box, boxes)[0] > SAME_FACE_IOU)).any())
