"""A film for Chromium's fake camera, cameras that show what a test says, and the faces before both."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, Route

from app import SAMPLES
from settings import Settings
from uploads.assemble import load_classifier
from vision.detectors import Detectors
from vision.emotions import EMOTIONS
from vision.frames import Image
from vision.resting_face import read_against

GROUND = 110
LEFT, TOP, SIDE = 60, 100, 280  # of the face in the film, left of the middle
CAMERA = """navigator.mediaDevices.getUserMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
  const pen = canvas.getContext("2d");
  window.show = async (name) => {
    const picture = new Image();
    picture.src = `/shown/${name}`;
    await picture.decode();
    pen.drawImage(picture, 0, 0);
  };
  await show(FIRST);
  return canvas.captureStream();
};"""


def sample(emotion: str, width: int) -> Image:
    """Return the sample face (h, width, 3) uint8 BGR that is read best as that emotion as a film shows it."""
    read = reader()

    def share(face: Image) -> float:
        return float(read(lay(face, (180, 60)))[:, EMOTIONS.index(emotion)].max(initial=0))

    pictures = [cv2.imread(str(path)) for path in sorted((SAMPLES / emotion).glob("*.jpg"))]
    return max(
        (widened(picture.astype(np.uint8), width) for picture in pictures if picture is not None), key=share
    )


def sad_at_rest(width: int) -> tuple[Image, Image]:
    """Return two faces (h, width, 3) uint8 BGR of one person: at rest, which is read as sad, and happy.

    The first is mixed of the person's sad and neutral sample faces, so that it is sad for certain as it is, and
    neutral against itself.
    """
    read = reader()
    sad, neutral, happy = (
        [cv2.imread(str(path)) for path in sorted((SAMPLES / name).glob("*.jpg"))]
        for name in ("sad", "neutral", "happy")
    )
    faces = [
        (widened(cv2.addWeighted(one, share, other, 1 - share, 0).astype(np.uint8), width), person)
        for person, (one, other) in enumerate(zip(sad, neutral, strict=True))
        if one is not None and other is not None
        for share in (0.6, 0.65, 0.7, 0.75)
    ]

    def fitness(face: Image) -> tuple[float, float]:
        probs = read(lay(face, (60, 100)))
        if not len(probs):
            return 0.0, 0.0
        sad, neutral = EMOTIONS.index("sad"), EMOTIONS.index("neutral")
        return min(float(probs[0][sad]), 0.7), float(read_against(probs[0], probs[0])[neutral])

    rest, person = max(faces, key=lambda face: fitness(face[0]))
    laughing = happy[person]
    assert laughing is not None
    return rest, widened(laughing.astype(np.uint8), width)


def reader() -> Callable[[Image], NDArray[np.float32]]:
    """Return a function that reads an image as the site reads a camera's: probabilities (n, 7) of its faces."""
    settings = Settings()
    classifier, detector = load_classifier(settings), Detectors.load(settings).live()

    def read(image: Image) -> NDArray[np.float32]:
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        faces = detector.detect(image)
        return classifier.predict(gray, faces.boxes, faces.tilts_deg)

    return read


def give_camera(page: Page, pictures: Mapping[str, bytes]) -> None:
    """Give a page a camera that shows the first of these JPEGs, 640x480 px, until its show(name) is called."""

    def answer(route: Route) -> None:
        route.fulfill(body=pictures[route.request.url.rpartition("/")[2]], content_type="image/jpeg")

    page.route("**/shown/*", answer)
    page.add_init_script(CAMERA.replace("FIRST", json.dumps(next(iter(pictures)))))


def scene(face: Image, corner: tuple[int, int]) -> bytes:
    """Return a JPEG of 640x480 px with a face at a corner (x, y)."""
    return cv2.imencode(".jpg", lay(face, corner))[1].tobytes()


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


def write_film(path: Path) -> Path:
    """Write an .mjpeg of 640x480 px in which a surprised face moves a little, and return the path."""
    face = sample("surprise", SIDE)
    path.write_bytes(b"".join(scene(face, (LEFT + step, TOP)) for step in (0, 2, 4, 2)))
    return path
