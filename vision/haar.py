"""Face detection with OpenCV's Haar cascade (Viola & Jones 2001; Lienhart & Maydt 2002)."""

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from settings import StartError
from vision.boxes import iou
from vision.detector import Boxes, Gray

SCALE_STEP = 1.1
REFERENCE_AREA = 640 * 480
MIN_NEIGHBOURS = 3
KNOWN_NEIGHBOURS = 2  # of a face that was there in the frame before
NEAR_MARGIN = 0.25  # of the box, on each side
NEAR_SIZES = (0.85, 1.2)  # of the box


class CascadeError(StartError):
    """The cascade file cannot be used; the message says so in one sentence."""


class HaarDetector:
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

    def detect_near(self, gray: Gray, box: NDArray[np.int32], known: bool) -> NDArray[np.int32] | None:
        """Return the box (4,) of the face around box (4,) xyxy px, None if there is none.

        A face that is known from the frame before needs fewer neighbours than a new one.
        """
        side = int(box[2] - box[0])
        margin = int(side * NEAR_MARGIN)
        left, top = max(int(box[0]) - margin, 0), max(int(box[1]) - margin, 0)
        region = gray[top : int(box[3]) + margin, left : int(box[2]) + margin]
        sizes = (int(side * NEAR_SIZES[0]), int(side * NEAR_SIZES[1]))
        boxes = self._search(region, sizes, KNOWN_NEIGHBOURS if known else MIN_NEIGHBOURS)
        if len(boxes) == 0:
            return None
        boxes += np.array([left, top, left, top], dtype=np.int32)
        nearest: NDArray[np.int32] = boxes[iou(box, boxes).argmax()]
        return nearest

    def close(self) -> None:
        """Do nothing: a cascade has no threads."""

    def _search(self, gray: Gray, sizes: tuple[int, int], neighbours: int) -> Boxes:
        low, high = sizes
        found = self._cascade.detectMultiScale(
            gray, SCALE_STEP, neighbours, minSize=(low, low), maxSize=(high, high)
        )
        xywh = np.asarray(found, dtype=np.int32).reshape(-1, 4)
        return np.hstack((xywh[:, :2], xywh[:, :2] + xywh[:, 2:]))
