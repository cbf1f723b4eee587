"""Images, tracks and annotated frames."""

import time

import numpy as np

from vision.emotions import EMOTIONS
from vision.frames import AnnotatedFrame, Image
from vision.resting_face import RestingFace
from vision.tracker import Track


def picture_of(index: int, jpeg: bytes) -> AnnotatedFrame:
    now = time.monotonic()
    return AnnotatedFrame(index, now, now, jpeg)


def make_track(
    track_id: int, box: tuple[int, int, int, int], emotion: str = "happy", sure: bool = True
) -> Track:
    probs = np.full(7, 0.05, dtype=np.float32)
    probs[EMOTIONS.index(emotion)] = 0.7
    return Track(track_id, box, probs, emotion, sure, 0.0)


def make_rest(emotion: str = "sad", since_unix_s: float = 1_760_000_000.25, name: str = "") -> RestingFace:
    """Return a resting face that is read as that emotion."""
    return RestingFace(make_track(1, (0, 0, 9, 9), emotion).probs, since_unix_s, name)


def bright_image(height: int = 48, width: int = 64) -> Image:
    """Return a dark picture with a face for BrightFaces: the box (16, 12, 48, 36)."""
    image = plain_image(20, height, width)
    image[12:36, 16:48] = 220
    return image


def plain_image(level: int = 100, height: int = 48, width: int = 64) -> Image:
    return np.full((height, width, 3), level, dtype=np.uint8)
