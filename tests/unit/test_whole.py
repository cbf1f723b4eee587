"""Pictures that are a face: read as a whole, by themselves or when asked."""

import io
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pictures

from settings import ROOT, Settings
from tests.fakes.images import bright_image, plain_image
from tests.fakes.recognition import AlwaysHappy, BrightFaces, fake_recognizer
from uploads.assemble import make_readers
from uploads.recognizer import File, Reading, Recognizer, picture_rows, reading_json
from uploads.whole import ASKED_NOTE, DOUBTFUL_NOTE, UNASKED_NOTE
from vision.detector import Detections
from vision.faces import REMARK_COLUMN
from vision.frames import Image
from vision.samples import read_face


class Shortsighted(BrightFaces):
    """A detector that finds nothing in a picture as small as ready-cut faces are."""

    def detect(self, image: Image) -> Detections:
        return super().detect(image) if max(image.shape[:2]) > 100 else Detections()


class Unasked(BrightFaces):
    """A detector that must not search."""

    def detect(self, image: Image) -> Detections:
        raise AssertionError(f"it searches an image of {image.shape}")


def read(image: Image, make_detector: Any, *, whole: bool = False) -> Reading:
    recognizer = Recognizer(make_detector, AlwaysHappy(), 0.4)
    [reading] = recognizer.read([File("a.png", png(image))], whole=whole)
    recognizer.close()
    return reading


def png(image: Image) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.mark.parametrize("size_px", [(48, 48), (20, 20), (256, 256), (256, 205), (80, 100)])
def test_a_small_and_nearly_square_picture_without_a_face_is_read_as_one(size_px: tuple[int, int]) -> None:
    width, height = size_px
    reading = read(plain_image(20, height, width), BrightFaces)
    [face] = reading.faces
    assert (face.track_id, face.box) == (1, (0, 0, width, height))
    sentence = "No face was found; the whole picture was read as one."
    assert (reading.is_whole, reading.note) == (True, f"{sentence} It may not be a face.")


@pytest.mark.parametrize("size_px", [(257, 256), (256, 204), (19, 19), (1, 1), (640, 480)])
def test_any_other_picture_without_a_face_has_none(size_px: tuple[int, int]) -> None:
    reading = read(plain_image(20, *reversed(size_px)), BrightFaces)
    assert (reading.faces, reading.is_whole, reading.note) == ((), False, "")


def test_a_face_that_is_found_is_read_where_it_is() -> None:
    reading = read(bright_image(48, 48), BrightFaces)
    assert (reading.is_whole, reading.note) == (False, "")
    assert [face.box for face in reading.faces] == [(16, 12, 48, 36)]


def test_only_what_a_second_look_takes_for_a_face_is_named() -> None:
    face, texture = read(plain_image(220, 48, 48), Shortsighted), read(plain_image(20, 48, 48), Shortsighted)
    assert (face.note, texture.note) == (UNASKED_NOTE, DOUBTFUL_NOTE)
    assert [one.sure for one in face.faces] == [True]
    assert [one.sure for one in texture.faces] == [False]


def test_a_face_that_fills_little_of_the_picture_does_not_make_the_whole_of_it_one() -> None:
    speck = plain_image(20, 48, 48)
    speck[16:32, 16:32] = 220
    assert [face.sure for face in read(speck, Shortsighted).faces] == [False]


def test_when_asked_the_whole_picture_is_one_face_and_nothing_is_searched_for() -> None:
    reading = read(plain_image(20, 3000, 1500), Unasked, whole=True)
    assert [(face.box, face.sure) for face in reading.faces] == [((0, 0, 1500, 3000), True)]
    assert (reading.is_whole, reading.note) == (True, "The whole picture was read as a face.")


def test_json_and_table_say_so() -> None:
    reading = read(plain_image(20, 48, 48), BrightFaces)
    record, rows = reading_json(reading), picture_rows(reading)
    assert (record["whole"], record["note"]) == (True, DOUBTFUL_NOTE)
    assert [row[REMARK_COLUMN] for row in rows] == [DOUBTFUL_NOTE]
    found = read(bright_image(), BrightFaces)
    assert (reading_json(found)["whole"], [row[REMARK_COLUMN] for row in picture_rows(found)]) == (False, [""])


def test_the_note_stands_beside_that_of_the_picture() -> None:
    recognizer = fake_recognizer()
    [reading] = recognizer.read([File("a.gif", animation())], whole=True)
    recognizer.close()
    assert reading.note == f"The file has several pictures; the first was read. {ASKED_NOTE}"


def animation() -> bytes:
    file = io.BytesIO()
    frames = [Pictures.new("L", (48, 48), level) for level in (0, 200)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def noise(rng: np.random.Generator, side: int) -> Image:
    """Return a texture of 64 x 64 px with side x side specks."""
    specks = rng.integers(0, 255, (side, side, 3)).astype(np.uint8)
    return cv2.resize(specks, (64, 64), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


@pytest.fixture(scope="module", params=["mtcnn", "haar"])
def real(request: pytest.FixtureRequest) -> Iterator[Recognizer]:
    recognizer, _ = make_readers(Settings(detector=request.param))
    yield recognizer
    recognizer.close()


def test_the_real_detectors_tell_faces_cut_to_the_edge_from_textures(real: Recognizer) -> None:
    cut = [read_face(path) for path in sorted((ROOT / "static" / "samples").glob("*/0[1-4].jpg"))]
    faces = [cv2.resize(image, (48, 48), interpolation=cv2.INTER_AREA) for image in cut]
    rng = np.random.default_rng(0)
    textures = [noise(rng, side) for side in (4, 8, 16, 64) for _ in range(8)]
    readings = list(real.read(File("", png(image.astype(np.uint8))) for image in (*faces, *textures)))
    assert all(reading.faces for reading in readings)
    named = [any(face.sure for face in reading.faces) for reading in readings]
    assert len(faces) == 28
    assert sum(named[:28]) >= 18
    assert sum(named[28:]) == 0
