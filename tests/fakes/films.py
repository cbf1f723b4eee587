"""Films for Chromium's fake camera, and the faces in them."""

from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, Playwright

from app import SAMPLES
from settings import Settings
from tests.fakes.browser import FLAGS
from uploads.assemble import load_classifier
from vision.detectors import Detectors
from vision.emotions import EMOTIONS
from vision.frames import Image

FPS = 30  # at which the fake camera plays an .mjpeg
GROUND = 110


def sample(emotion: str, width: int) -> Image:
    """Return the sample face (h, width, 3) uint8 BGR that is read best as that emotion as a film shows it."""
    settings = Settings()
    classifier, detector = load_classifier(settings), Detectors.load(settings).picture()

    def share(face: Image) -> float:
        scene = lay(face, (180, 60))
        boxes = detector.detect(scene).boxes
        gray = cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        return float(classifier.predict(gray, boxes)[:, EMOTIONS.index(emotion)].max(initial=0))

    pictures = [cv2.imread(str(path)) for path in sorted((SAMPLES / emotion).glob("*.jpg"))]
    return max(
        (widened(picture.astype(np.uint8), width) for picture in pictures if picture is not None), key=share
    )


def launch_with_film(playwright: Playwright, chromium: str, film: Path, *flags: str) -> Browser:
    """Return Chromium, allowed to use its fake camera, which shows a film; close it."""
    fakes = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    args = [*FLAGS, *fakes, f"--use-file-for-fake-video-capture={film}", *flags]
    return playwright.chromium.launch(executable_path=chromium, args=args)


def widened(picture: Image, width: int) -> Image:
    """Return a picture (h, w, 3) uint8 in that width."""
    size = width, round(width * picture.shape[0] / picture.shape[1])
    return cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)


def lay(face: Image, corner: tuple[int, int]) -> Image:
    """Return an image of 640x480 px with a face at a corner (x, y)."""
    left, top = corner
    image = np.full((480, 640, 3), GROUND, np.uint8)
    image[top : top + face.shape[0], left : left + face.shape[1]] = face
    return image


def write_film(path: Path, faces: list[Image], corner: tuple[int, int], frames_each: int) -> Path:
    """Write an .mjpeg of 640x480 px that shows each face for so many frames, moving a little, at a corner."""
    left, top = corner
    with path.open("wb") as film:
        for face in faces:
            frames = [lay(face, (left + step, top)) for step in (0, 2, 4, 2)]
            jpegs = [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames]
            for number in range(frames_each):
                film.write(jpegs[number % len(jpegs)])
    return path
