"""Follows faces through a video."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.boxes import iou
from vision.detector import Boxes, Gray
from vision.haar import HaarDetector
from vision.search import Search

SAME_FACE_IOU = 0.3
BLINK = 2  # frames in which a lost face is looked for in each; after that, lost faces take turns
KEEP_LOST = 60  # frames; a face that a hand hides comes back where it was


@dataclass
class _Seen:
    box: NDArray[np.int32]
    misses: int = 0


class LiveDetector:
    """Follows faces through a video: looks near the last boxes, and leaves new faces to a search.

    A full search takes longer than a frame lasts, so it is made in the background, on a frame that is
    past when it ends; what it found must be found again near that place before it counts.
    """

    def __init__(self, detector: HaarDetector, search: Search) -> None:
        """Detector looks near the last boxes, and search in whole frames; close it, which closes the search."""
        self._detector = detector
        self._search = search
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
            box = self._detector.detect_near(gray, seen.box, known=True)
            if box is not None and not _is_among(box, found):
                seen.box, seen.misses = box, 0
                found.append(box)
        for candidate in self._search(gray):
            if _is_among(candidate, found):
                continue
            box = self._detector.detect_near(gray, candidate, known=False)
            if box is not None and not _is_among(box, found):
                self._seen.append(_Seen(box))
                found.append(box)
        self._forget(found)
        return np.array(found, dtype=np.int32).reshape(-1, 4)

    def close(self) -> None:
        """Join the thread of the search."""
        self._search.close()

    def _to_look_for(self) -> list[_Seen]:
        """Return the faces that this frame looks for: those of late, and one of those lost for longer."""
        lost = [seen for seen in self._seen if seen.misses > BLINK]
        self._turn += 1
        return [seen for seen in self._seen if seen.misses <= BLINK] + lost[self._turn % max(len(lost), 1) :][
            :1
        ]

    def _forget(self, found: list[NDArray[np.int32]]) -> None:
        # the largest first, so that a pattern within a face gives way to the face
        self._seen.sort(key=lambda seen: -int(seen.box[2] - seen.box[0]))
        self._seen = [
            seen
            for seen in self._seen
            if seen.misses == 0 or (seen.misses <= KEEP_LOST and not _is_among(seen.box, found))
        ]


def _is_among(box: NDArray[np.int32], found: list[NDArray[np.int32]]) -> bool:
    """Return whether box is one of those found, or a pattern within one: a face has no face in it."""
    if not found:
        return False
    boxes = np.array(found)
    centre = (box[:2] + box[2:]) / 2
    within = ((boxes[:, :2] < centre) & (centre < boxes[:, 2:])).all(axis=1)
    return bool((within | (iou(box, boxes)[0] > SAME_FACE_IOU)).any())
