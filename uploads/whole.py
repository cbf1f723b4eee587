"""Pictures that are a face: ready-cut ones, as FER2013, CK+ and AffectNet have them."""

import cv2
import numpy as np

from vision.detector import Detections, Detector
from vision.frames import Image

MIN_SIDE_PX = 20  # less shows no face that anybody could read
MAX_SIDE_PX = 256  # larger pictures are photographs
MAX_RATIO = 1.25
SECOND_LOOK_SIDE_PX = 96  # of a picture that is looked at again
BORDER_SHARE = 0.25  # of that side, around it: a cascade finds no face that touches the edge
MIN_SHARE = 0.55  # of the side that a face has to fill
ASKED_NOTE = "The whole picture was read as a face."
UNASKED_NOTE = "No face was found; the whole picture was read as one."
DOUBTFUL_NOTE = f"{UNASKED_NOTE} It may not be a face."


def may_be_ready_cut(size_px: tuple[int, int]) -> bool:
    """Return whether a picture of size_px (width, height) is small and nearly square, as ready-cut faces."""
    low, high = sorted(size_px)
    return low >= MIN_SIDE_PX and high <= MAX_SIDE_PX and high <= MAX_RATIO * low


def whole_of(image: Image) -> Detections:
    """Return all of an image (H, W, 3) as one face."""
    return Detections.of_boxes(np.array([[0, 0, image.shape[1], image.shape[0]]], dtype=np.int32))


def is_filled_by_a_face(image: Image, detector: Detector) -> bool:
    """Return whether a detector finds a face that fills an image (H, W, 3), once it is enlarged on a ground.

    A texture or a logo is told from a ready-cut face by that.
    """
    scale = SECOND_LOOK_SIDE_PX / max(image.shape[:2])
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    ground = (round(SECOND_LOOK_SIDE_PX * BORDER_SHARE),) * 4
    framed = cv2.copyMakeBorder(large, *ground, cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)
    boxes = detector.detect(framed).boxes
    return bool((boxes[:, 2] - boxes[:, 0] >= MIN_SHARE * SECOND_LOOK_SIDE_PX).any())
