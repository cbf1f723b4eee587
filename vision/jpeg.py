"""JPEG encoding, decoding, and the size that a JPEG says it has."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.frames import Image

MAX_PIXELS = 50_000_000  # of a picture; today's cameras have as many
STANDALONE_MARKERS = (0x01, *range(0xD0, 0xD8))  # that have no length
SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def encode_jpeg(scene: Image, quality: int) -> bytes:
    """Return scene (H, W, 3) uint8 BGR as a JPEG of quality 1 to 100; ValueError if OpenCV cannot encode it."""
    ok, jpeg = cv2.imencode(".jpg", scene, (cv2.IMWRITE_JPEG_QUALITY, quality))
    if not ok:
        raise ValueError(f"OpenCV cannot encode an image of shape {scene.shape} as JPEG")
    return jpeg.tobytes()


def decode_jpeg(jpeg: bytes) -> Image | None:
    """Return a JPEG's image (H, W, 3) uint8 BGR; None if it is damaged or has more than MAX_PIXELS."""
    size_px = jpeg_size(jpeg)
    if size_px is None or size_px[0] * size_px[1] > MAX_PIXELS:
        return None
    try:
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # for want of memory
        return None
    return None if image is None else image.astype(np.uint8, copy=False)


def load_gray(path: Path) -> NDArray[np.uint8] | None:
    """Return the picture in a file as gray (H, W) uint8; None if OpenCV cannot read it, or it is not there."""
    try:  # cv2.imread opens no path with umlauts on Windows
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, cv2.error):  # cv2.error: an empty file
        return None
    return None if image is None else image.astype(np.uint8, copy=False)


def jpeg_size(jpeg: bytes) -> tuple[int, int] | None:
    """Return a JPEG's (width, height) in px as its head says, without decoding it; None if it says none."""
    at = 2
    while at + 9 <= len(jpeg) and jpeg[at] == 0xFF:
        marker = jpeg[at + 1]
        if marker in SIZE_MARKERS:
            return int.from_bytes(jpeg[at + 7 : at + 9], "big"), int.from_bytes(jpeg[at + 5 : at + 7], "big")
        if marker == 0xFF or marker in STANDALONE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return None
