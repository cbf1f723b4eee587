"""Still pictures: decoded and searched beside each other, their faces in one batch."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.fakes.images import bright_image, make_track, plain_image
from tests.fakes.recognition import AlwaysHappy, BrightFaces, LyingFaces, fake_recognizer
from tests.fakes.waiting import PATIENCE_S
from uploads.recognizer import BATCH, File, Recognizer, annotate, cut_out, with_heat_map
from vision.detector import Detections
from vision.emotions import EMOTIONS
from vision.frames import Image
from vision.jpeg import encode_jpeg
from vision.pictures import PictureError, UnknownFormatError

FACE = encode_jpeg(bright_image(), 95)
NOBODY = encode_jpeg(plain_image(20), 95)


@pytest.fixture(scope="module")
def recognizer() -> Iterator[Recognizer]:
    recognizer = fake_recognizer()
    yield recognizer
    recognizer.close()


def test_each_file_gets_its_reading_in_its_place(recognizer: Recognizer) -> None:
    files = [File("a", FACE), File("b", NOBODY), File("c", b"<html>"), File("d", FACE)]
    readings = list(recognizer.read(files))
    assert [reading.name for reading in readings] == ["a", "b", "c", "d"]
    assert [len(reading.faces) for reading in readings] == [1, 0, 0, 1]
    assert isinstance(readings[2].problem, UnknownFormatError)
    assert (readings[0].problem, readings[1].problem) == (None, None)


def test_a_face_is_a_numbered_track_of_one_frame(recognizer: Recognizer) -> None:
    [reading] = recognizer.read([File("a", FACE)])
    [face] = reading.faces
    assert (face.track_id, face.emotion, face.sure) == (1, "happy", True)
    assert np.abs(np.array(face.box) - (16, 12, 48, 36)).max() <= 1


def test_the_boxes_of_a_large_picture_are_in_its_own_pixels(recognizer: Recognizer) -> None:
    large = cv2.resize(bright_image(), (3200, 2400)).astype(np.uint8, copy=False)
    [reading] = recognizer.read([File("a", encode_jpeg(large, 90))])
    assert reading.picture is not None
    assert reading.picture.image.shape == (1200, 1600, 3)
    assert np.abs(np.array(reading.faces[0].box) / 50 - (16, 12, 48, 36)).max() < 0.6


def test_the_faces_of_several_pictures_go_through_the_network_together() -> None:
    classifier = AlwaysHappy()
    recognizer = fake_recognizer(classifier)
    assert sum(len(reading.faces) for reading in recognizer.read([File("a", FACE)] * (2 * BATCH + 3))) == 19
    assert classifier.batches == [BATCH, BATCH, 3]
    recognizer.close()


def test_no_more_is_taken_than_two_batches_ahead(recognizer: Recognizer) -> None:
    taken: list[int] = []

    def files() -> Iterator[File]:
        for number in range(10 * BATCH):
            taken.append(number)
            yield File(str(number), NOBODY)

    readings = recognizer.read(files())
    next(readings)
    assert len(taken) == 2 * BATCH
    readings.close()
    assert len(taken) == 2 * BATCH


def test_a_problem_that_came_with_a_file_is_its_reading(recognizer: Recognizer) -> None:
    [reading] = recognizer.read([File("a", b"", PictureError("It is encrypted."))])
    assert str(reading.problem) == "It is encrypted."


def test_two_may_ask_at_once_and_no_detector_is_used_by_two() -> None:
    class OneAtATime(BrightFaces):
        def __init__(self) -> None:
            self.busy = threading.Lock()

        def detect(self, image: Image) -> Detections:
            assert self.busy.acquire(blocking=False)
            try:
                return super().detect(image)
            finally:
                self.busy.release()

    recognizer = Recognizer(OneAtATime, AlwaysHappy(), 0.4)
    counts: list[int] = []

    def ask() -> None:
        counts.append(sum(len(reading.faces) for reading in recognizer.read([File("a", FACE)] * 20)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert counts == [20] * 4
    recognizer.close()


def test_the_picture_is_drawn_on_and_each_face_cut_out(recognizer: Recognizer) -> None:
    [reading] = recognizer.read([File("a", FACE)])
    assert reading.picture is not None
    before = reading.picture.image.copy()
    scene, [cut] = annotate(reading)
    assert np.array_equal(reading.picture.image, before)
    assert not np.array_equal(scene, before)
    assert cut.image.shape[0] >= 24
    assert cut.image.max() < 240


@pytest.mark.parametrize("scale", [1, 0.5])
def test_the_heat_lies_where_the_emotion_was_seen_and_only_on_the_face(
    recognizer: Recognizer, scale: float
) -> None:
    [reading] = recognizer.read([File("a", FACE)])
    _, [cut] = annotate(reading)
    image = cv2.resize(cut.image, None, fx=scale, fy=scale).astype(np.uint8, copy=False)
    before = image.copy()
    changed = np.abs(with_heat_map(image, cut).astype(int) - image).max(axis=2) > 24
    assert np.array_equal(image, before)
    x1, y1, x2, y2 = (round(side * scale) for side in cut.face.box)
    rows, columns = (y2 - y1) // 2, (x2 - x1) // 2
    assert changed[y1 : y1 + rows // 2, x1 : x1 + columns // 2].all()
    changed[y1 : y1 + rows, x1 : x1 + columns] = False
    assert not changed.any()


def test_a_tilted_face_is_read_upright_and_its_heat_lies_on_the_picture_as_it_is() -> None:
    class Keeping(AlwaysHappy):
        def explain_crops(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            self.crops = crops
            return super().explain_crops(crops)

    image = bright_image()
    image[12:24, 16:48] = 170  # the upper half of what is found, the left half of the face once it is upright
    classifier = Keeping()
    recognizer = Recognizer(LyingFaces, classifier, 0.4)
    [reading] = recognizer.read([File("a", encode_jpeg(image, 95))])
    recognizer.close()
    [crop] = classifier.crops.astype(int)
    assert crop[12:36, 4:20].mean() < crop[12:36, 28:44].mean() - 30
    [maps] = [face.maps for face in reading.faces]
    assert maps is not None
    happy = maps[EMOTIONS.index("happy")]  # seen in the upper left corner of the crop
    assert happy[:2, 4:].min() == pytest.approx(1)
    assert happy[:, :4].max() == happy[2:].max() == pytest.approx(0)


def test_each_face_of_a_batch_gets_its_own_row_and_maps() -> None:
    class Counting(AlwaysHappy):
        def explain_crops(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            probs, maps = super().explain_crops(crops)
            numbers = np.arange(len(crops), dtype=np.float32)
            return probs, maps + numbers[:, None, None, None]

    recognizer = fake_recognizer(Counting())
    readings = list(recognizer.read([File("a", FACE), File("b", NOBODY), File("c", b""), File("d", FACE)]))
    recognizer.close()
    maps = [face.maps for reading in readings for face in reading.faces]
    assert [None if one is None else one.min() for one in maps] == [0, 1]


def test_a_face_at_the_border_keeps_its_place_in_what_is_cut_out() -> None:
    face = make_track(1, (-3, 2, 17, 22))
    cut = cut_out(plain_image(20), face)
    assert cut.face.box == (-3, 2, 17, 22)
    inner = cut_out(plain_image(20), replace(face, box=(20, 20, 40, 40)))
    assert inner.face.box == (3, 3, 23, 23)
    assert inner.image.shape == (26, 26, 3)


def test_with_blur_neither_picture_nor_cut_out_shows_the_face() -> None:
    noise = np.random.default_rng(0).integers(160, 255, (48, 64, 3), dtype=np.uint8)
    recognizer = fake_recognizer()
    [reading] = recognizer.read([File("a", encode_jpeg(noise, 95))])
    recognizer.close()
    _, [cut] = annotate(reading, blur=True)
    assert len(np.unique(cut.image.reshape(-1, 3), axis=0)) <= 64


def test_the_smallest_picture_has_no_face() -> None:
    from settings import ROOT
    from vision.haar import HaarDetector

    recognizer = Recognizer(
        lambda: HaarDetector(ROOT / "haarcascade_frontalface_alt2.xml", 40), AlwaysHappy(), 0.4, threads=1
    )
    [reading] = recognizer.read([File("a", encode_jpeg(plain_image(90, 1, 1), 90))])
    assert (reading.problem, reading.faces) == (None, ())
    recognizer.close()
