"""Face detection with OpenCV's Haar cascade (Viola & Jones 2001; Lienhart & Maydt 2002)."""

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from settings import StartError
from vision.boxes import iou
from vision.detector import Boxes, Detections, Gray
from vision.frames import Image

SCALE_STEP = 1.1
REFERENCE_AREA = 640 * 480
MIN_NEIGHBOURS = 3
KNOWN_NEIGHBOURS = 2  # of a face that was found in the previous frame
NEAR_MARGIN = 0.25  # of the box, on each side
NEAR_SIZES = (0.85, 1.2)  # of the box


class CascadeError(StartError):
    """The cascade file cannot be used; the message says why in one sentence."""


class HaarDetector:
    """A detector that searches each image anew; used by one thread at a time."""

    def __init__(self, cascade: Path | str, min_face_px: int) -> None:
        """Load the cascade file.

        Args:
            cascade: OpenCV's XML file.
            min_face_px: The side in px of the smallest face searched for in an image of 640x480.

        Raises:
            CascadeError: The file is missing, or OpenCV cannot load it.
        """
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
        """Return the side in px of the smallest face searched for in an image of shape (H, W, ...).

        It grows with the image beyond 640x480, so that a large image costs no more time than a small one.
        """
        return round(self._min_face_px * max(1.0, math.sqrt(shape[0] * shape[1] / REFERENCE_AREA)))

    def detect(self, image: Image) -> Detections:
        """Return the faces in an image (H, W, 3) uint8 BGR, the largest first; raises cv2.error for another."""
        sizes = (self.min_face_px(image.shape), max(image.shape[:2]))
        boxes = self._search(_gray(image), sizes, MIN_NEIGHBOURS)
        return Detections.of_boxes(boxes[np.argsort(boxes[:, 0] - boxes[:, 2], kind="stable")])

    def follow(
        self, image: Image, boxes: Boxes, known: NDArray[np.bool_]
    ) -> tuple[Detections, NDArray[np.bool_]]:
        """Look for a face around each of several boxes, as FollowingDetector says.

        A known face needs fewer neighbouring detections than a new one.
        """
        near = [self._find_near(image, box, bool(is_known)) for box, is_known in zip(boxes, known, strict=True)]
        found = np.array([box is not None for box in near], dtype=bool)
        faces = [box if one is None else one for box, one in zip(boxes, near, strict=True)]
        return Detections.of_boxes(np.array(faces, dtype=np.int32).reshape(-1, 4)), found

    def close(self) -> None:
        """Do nothing: the detector has no threads."""

    def _find_near(self, image: Image, box: NDArray[np.int32], known: bool) -> NDArray[np.int32] | None:
        """Return the box (4,) of the face around a box (4,), or None."""
        side = int(box[2] - box[0])
        margin = int(side * NEAR_MARGIN)
        left, top = max(int(box[0]) - margin, 0), max(int(box[1]) - margin, 0)
        region = image[top : int(box[3]) + margin, left : int(box[2]) + margin]
        sizes = (int(side * NEAR_SIZES[0]), int(side * NEAR_SIZES[1]))
        boxes = self._search(_gray(region), sizes, KNOWN_NEIGHBOURS if known else MIN_NEIGHBOURS)
        if len(boxes) == 0:
            return None
        boxes += np.array([left, top, left, top], dtype=np.int32)
        nearest: NDArray[np.int32] = boxes[iou(box, boxes).argmax()]
        return nearest

    def _search(self, gray: Gray, sizes: tuple[int, int], neighbours: int) -> Boxes:
        low, high = sizes
        found = self._cascade.detectMultiScale(
            gray, SCALE_STEP, neighbours, minSize=(low, low), maxSize=(high, high)
        )
        xywh = np.asarray(found, dtype=np.int32).reshape(-1, 4)
        return np.hstack((xywh[:, :2], xywh[:, :2] + xywh[:, 2:]))


def _gray(image: Image) -> Gray:
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
