"""Films for Chromium's fake camera, cameras that show what a test says, and the faces before both."""

import json
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, Playwright, Route

from app import SAMPLES
from settings import Settings
from tests.fakes.browser import FLAGS
from uploads.assemble import load_classifier
from vision.detectors import Detectors
from vision.emotions import EMOTIONS
from vision.frames import Image
from vision.resting_face import read_against

GROUND = 110
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


def sad_at_rest(width: int) -> tuple[Image, Image]:
    """Return two faces (h, width, 3) uint8 BGR of one person: at rest, which is read as sad, and happy.

    The first is mixed of the person's sad and neutral sample faces, so that it is sad for certain as it is, and
    neutral against itself.
    """
    settings = Settings()
    classifier, detector = load_classifier(settings), Detectors.load(settings).picture()
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
        scene = lay(face, (60, 100))
        gray = cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        probs = classifier.predict(gray, detector.detect(scene).boxes)
        if not len(probs):
            return 0.0, 0.0
        sad, neutral = EMOTIONS.index("sad"), EMOTIONS.index("neutral")
        return min(float(probs[0][sad]), 0.7), float(read_against(probs[0], probs[0])[neutral])

    rest, person = max(faces, key=lambda face: fitness(face[0]))
    laughing = happy[person]
    assert laughing is not None
    return rest, widened(laughing.astype(np.uint8), width)


def launch_with_film(playwright: Playwright, chromium: str, film: Path, *flags: str) -> Browser:
    """Return Chromium, allowed to use its fake camera, which shows a film; close it."""
    fakes = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    args = [*FLAGS, *fakes, f"--use-file-for-fake-video-capture={film}", *flags]
    return playwright.chromium.launch(executable_path=chromium, args=args)


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


def write_film(path: Path, faces: list[Image], corner: tuple[int, int], frames_each: int) -> Path:
    """Write an .mjpeg of 640x480 px that shows each face for so many frames, moving a little, at a corner."""
    left, top = corner
    with path.open("wb") as film:
        for face in faces:
            jpegs = [scene(face, (left + step, top)) for step in (0, 2, 4, 2)]
            for number in range(frames_each):
                film.write(jpegs[number % len(jpegs)])
    return path
