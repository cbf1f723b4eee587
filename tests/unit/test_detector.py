import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from settings import ROOT
from sources.demo import FPS, DemoSource
from tests.fakes.waiting import PATIENCE_S, until
from vision.boxes import iou
from vision.detector import Detections
from vision.frames import Image
from vision.haar import CascadeError, HaarDetector
from vision.live_detector import LiveDetector
from vision.search import BackgroundSearch, RegularSearch, SearchOnDemand

CASCADE = ROOT / "haarcascade_frontalface_alt2.xml"
SAMPLES = ROOT / "static" / "samples"


@pytest.fixture(scope="module")
def demo() -> DemoSource:
    return DemoSource(SAMPLES)


def regular(every: int) -> LiveDetector:
    """Return a detector that searches every n-th frame."""
    return LiveDetector(HaarDetector(CASCADE, 40), RegularSearch(HaarDetector(CASCADE, 40), every))


def image_at(demo: DemoSource, seconds: float) -> Image:
    return demo.render(int(seconds * FPS))


def plain(level: int, height: int, width: int) -> Image:
    return np.full((height, width, 3), level, dtype=np.uint8)


@pytest.mark.parametrize(("seconds", "faces"), [(5.0, 1), (18.0, 2), (30.0, 3)])
def test_the_cascade_finds_the_demos_faces(demo: DemoSource, seconds: float, faces: int) -> None:
    assert len(HaarDetector(CASCADE, 60).detect(image_at(demo, seconds))) == faces


def test_the_search_in_the_background_finds_every_face_and_they_are_kept(demo: DemoSource) -> None:
    detector = LiveDetector(HaarDetector(CASCADE, 40), BackgroundSearch(HaarDetector(CASCADE, 40)))
    for step in range(int(PATIENCE_S * FPS)):  # at most; in real time, as a camera would
        at = 30 + min(step, 60) / FPS
        if len(detector.detect(image_at(demo, at))) == 3:
            break
        time.sleep(1 / FPS)
    counts = [len(detector.detect(image_at(demo, at + more / FPS))) for more in range(10)]
    detector.close()
    assert min(counts) == 3


def test_a_face_that_was_hidden_is_found_again_without_a_search(demo: DemoSource) -> None:
    detector = regular(1000)
    image, hidden = image_at(demo, 5), plain(90, 480, 640)
    assert len(detector.detect(image)) == 1
    assert [len(detector.detect(hidden)) for _ in range(30)] == [0] * 30
    assert len(detector.detect(image)) == 1


def test_a_search_on_demand_searches_the_next_frame_and_no_other(demo: DemoSource) -> None:
    search = SearchOnDemand(HaarDetector(CASCADE, 40))
    detector = LiveDetector(HaarDetector(CASCADE, 40), search)
    image = image_at(demo, 5)
    assert len(detector.detect(image)) == 0
    search.wanted = True
    assert len(detector.detect(image)) == 1
    assert not search.wanted
    detector.detect(plain(90, 400, 600))  # of another size, so all is forgotten
    assert len(detector.detect(image)) == 0
    detector.close()


def test_the_live_search_and_the_full_search_agree_on_where_the_face_is(demo: DemoSource) -> None:
    live = regular(4)
    for step in range(12):
        image = image_at(demo, 5 + step / FPS)
        faces = live.detect(image)
    assert iou(faces.boxes, HaarDetector(CASCADE, 40).detect(image).boxes).max() > 0.7


def test_the_live_search_forgets_a_face_that_left(demo: DemoSource) -> None:
    detector = regular(4)
    for step in range(10):
        detector.detect(image_at(demo, 5 + step / FPS))
    empty = plain(90, 480, 640)
    assert len(detector.detect(empty)) == 0


def test_a_pattern_within_a_face_is_no_second_face(demo: DemoSource) -> None:
    detector = regular(4)
    for step in range(int(30 * FPS), int(35 * FPS), 8):
        boxes = detector.detect(image_at(demo, step / FPS)).boxes
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        for box in boxes:
            within = ((box[:2] < centres) & (centres < box[2:])).all(axis=1)
            assert within.sum() == 1


def test_a_picture_of_another_size_in_the_middle_is_no_problem(demo: DemoSource) -> None:
    detector = regular(4)
    image = image_at(demo, 5)
    for _ in range(8):
        detector.detect(image)
    half = cv2.resize(image, (320, 240)).astype(np.uint8, copy=False)
    found = [len(detector.detect(half)) for _ in range(8)]
    assert found[-1] == 1


def test_no_face_gives_no_boxes_of_the_right_shape() -> None:
    for detector in (HaarDetector(CASCADE, 40), regular(4)):
        faces = detector.detect(plain(0, 120, 160))
        assert (faces.boxes.shape, faces.landmarks.shape) == ((0, 4), (0, 5, 2))
        assert faces.boxes.dtype == np.dtype(np.int32)
        assert faces.tilts_deg.shape == (0,)


def test_a_picture_smaller_than_a_face_gives_no_boxes() -> None:
    detector = regular(4)
    assert len(detector.detect(plain(0, 30, 30))) == 0


class SlowSearch(HaarDetector):
    """Finds one face in every picture, when it is let go."""

    def __init__(self) -> None:
        self.go, self.searched = threading.Event(), 0

    def detect(self, image: Image) -> Detections:
        self.searched += 1
        assert self.go.wait(PATIENCE_S)
        if image.max() == 0:
            raise ValueError("too dark")
        return Detections.of_boxes(np.array([[1, 2, 31, 32]], dtype=np.int32))


@pytest.fixture
def slow() -> Iterator[tuple[SlowSearch, BackgroundSearch]]:
    slow = SlowSearch()
    search = BackgroundSearch(slow, period_s=0)
    yield slow, search
    slow.go.set()
    search.close()


def test_the_background_search_never_waits_and_returns_each_result_once(
    slow: tuple[SlowSearch, BackgroundSearch],
) -> None:
    detector, search = slow
    image = plain(9, 50, 60)
    assert [len(search(image)) for _ in range(5)] == [0] * 5
    until(lambda: detector.searched == 1)
    detector.go.set()
    until(lambda: len(search(image)) == 1)


def test_the_background_search_rests_between_two_searches() -> None:
    detector = SlowSearch()
    detector.go.set()
    search = BackgroundSearch(detector, period_s=60)
    image = plain(9, 50, 60)
    until(lambda: len(search(image)) == 1)
    for _ in range(5):
        search(image)
    search.close()
    assert detector.searched == 1


def test_what_has_not_changed_is_searched_seldom_and_what_has_at_once() -> None:
    detector = SlowSearch()
    detector.go.set()
    search = BackgroundSearch(detector, period_s=0, calm_period_s=60)
    room, dark_corner = plain(90, 480, 640), plain(90, 480, 640)
    dark_corner[:40, :40] = 60
    noise = np.random.default_rng(0).integers(0, 7, room.shape, dtype=np.uint8)
    until(lambda: len(search(room)) == 1)
    for step in range(20):
        search(room + noise if step % 2 else room)
        time.sleep(0.01)
    assert detector.searched == 1
    until(lambda: len(search(dark_corner)) == 1)
    search.close()
    assert detector.searched == 2


def test_a_slow_detector_leaves_a_third_of_a_core() -> None:
    class Slow(SlowSearch):
        def detect(self, image: Image) -> Detections:
            time.sleep(0.1)
            return super().detect(image)

    detector = Slow()
    detector.go.set()
    search = BackgroundSearch(detector, period_s=0, calm_period_s=0)
    began_s = time.monotonic()
    until(lambda: len(search(plain(90, 50, 60))) >= 0 and detector.searched == 4)
    assert time.monotonic() - began_s > 3 * 0.15
    search.close()


def test_boxes_of_an_image_of_another_size_are_dropped(
    slow: tuple[SlowSearch, BackgroundSearch],
) -> None:
    detector, search = slow
    search(plain(9, 50, 60))
    detector.go.set()
    larger = plain(9, 90, 100)
    until(lambda: len(search(larger)) == 1)  # its own, since the first was thrown away
    assert detector.searched >= 2


def test_an_error_in_the_background_is_raised_by_the_next_call(
    slow: tuple[SlowSearch, BackgroundSearch],
) -> None:
    detector, search = slow
    dark = plain(0, 50, 60)
    search(dark)
    detector.go.set()
    with pytest.raises(ValueError, match="too dark"):
        until(lambda: len(search(dark)))


def test_a_missing_cascade_is_named(tmp_path: Path) -> None:
    with pytest.raises(CascadeError, match="no cascade at"):
        HaarDetector(tmp_path / "nothing.xml", 40)


@pytest.mark.parametrize("text", ["", "<xml>", "<?xml version='1.0'?><opencv_storage></opencv_storage>"])
def test_a_file_that_is_no_cascade_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.xml"
    path.write_text(text)
    with pytest.raises(CascadeError, match="not a cascade"):
        HaarDetector(path, 40)


def test_the_cascade_keeps_its_licence() -> None:
    head = CASCADE.read_text(encoding="utf-8")[:4000]
    assert "Intel License Agreement" in head
