"""Films for Chromium's fake camera, and the faces in them."""

from pathlib import Path

import cv2
import numpy as np

from app import SAMPLES
from settings import Settings
from uploads.assemble import load_classifier
from vision.emotions import EMOTIONS
from vision.frames import Image

FPS = 30  # at which the fake camera plays an .mjpeg
GROUND = 110


def sample(emotion: str, side: int) -> Image:
    """Return the sample face (side, side, 3) uint8 BGR that the network reads best as that emotion."""
    classifier = load_classifier(Settings())
    pictures = [cv2.imread(str(path)) for path in sorted((SAMPLES / emotion).glob("*.jpg"))]
    crops = np.stack(
        [cv2.resize(cv2.cvtColor(p, cv2.COLOR_BGR2GRAY), (48, 48)) for p in pictures if p is not None]
    )
    best = pictures[int(classifier.classify(crops.astype(np.uint8))[:, EMOTIONS.index(emotion)].argmax())]
    assert best is not None
    return cv2.resize(best, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)


def write_film(path: Path, faces: list[Image], corner: tuple[int, int], frames_each: int) -> Path:
    """Write an .mjpeg of 640x480 px that shows each face for so many frames, moving a little, at a corner."""
    left, top = corner
    with path.open("wb") as film:
        for face in faces:
            side = len(face)
            for number in range(frames_each):
                image = np.full((480, 640, 3), GROUND, np.uint8)
                x = left + (0, 2, 4, 2)[number % 4]
                image[top : top + side, x : x + side] = face
                film.write(cv2.imencode(".jpg", image)[1].tobytes())
    return path
