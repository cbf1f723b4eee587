import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from boxes import iou
from demo import FPS, DemoSource
from detector import CascadeError, FaceDetector, LiveFaceDetector, divide_search
from settings import ROOT

CASCADE = ROOT / "haarcascade_frontalface_alt2.xml"
SAMPLES = ROOT / "static" / "samples"


@pytest.fixture(scope="module")
def demo() -> DemoSource:
    return DemoSource(SAMPLES)


def gray_at(demo: DemoSource, seconds: float) -> NDArray[np.uint8]:
    gray = cv2.cvtColor(demo.render(int(seconds * FPS)), cv2.COLOR_BGR2GRAY)
    return gray.astype(np.uint8, copy=False)


@pytest.mark.parametrize(("seconds", "faces"), [(5.0, 1), (18.0, 2), (30.0, 3)])
def test_the_cascade_finds_the_demos_faces(demo: DemoSource, seconds: float, faces: int) -> None:
    assert len(FaceDetector(CASCADE, 60).detect(gray_at(demo, seconds))) == faces


def test_the_live_search_finds_every_face_within_a_third_of_a_second_and_keeps_them(demo: DemoSource) -> None:
    detector = LiveFaceDetector(CASCADE, 40)
    counts = [len(detector.detect(gray_at(demo, 30 + step / FPS))) for step in range(20)]
    assert max(counts[:10]) == 3
    assert min(counts[10:]) == 3


def test_the_live_search_and_the_full_search_agree_on_where_the_face_is(demo: DemoSource) -> None:
    live = LiveFaceDetector(CASCADE, 40)
    for step in range(12):
        gray = gray_at(demo, 5 + step / FPS)
        boxes = live.detect(gray)
    assert iou(boxes, FaceDetector(CASCADE, 40).detect(gray)).max() > 0.7


def test_the_live_search_forgets_a_face_that_left(demo: DemoSource) -> None:
    detector = LiveFaceDetector(CASCADE, 40)
    for step in range(10):
        detector.detect(gray_at(demo, 5 + step / FPS))
    empty = np.full((480, 640), 90, dtype=np.uint8)
    assert len(detector.detect(empty)) == 0


def test_a_pattern_within_a_face_is_no_second_face(demo: DemoSource) -> None:
    detector = LiveFaceDetector(CASCADE, 40)
    for step in range(int(30 * FPS), int(35 * FPS), 4):
        boxes = detector.detect(gray_at(demo, step / FPS))
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        for box in boxes:
            within = ((box[:2] < centres) & (centres < box[2:])).all(axis=1)
            assert within.sum() == 1


def test_a_picture_of_another_size_in_the_middle_is_no_problem(demo: DemoSource) -> None:
    detector = LiveFaceDetector(CASCADE, 40)
    gray = gray_at(demo, 5)
    for _ in range(8):
        detector.detect(gray)
    half = cv2.resize(gray, (320, 240)).astype(np.uint8, copy=False)
    found = [len(detector.detect(half)) for _ in range(8)]
    assert found[-1] == 1


def test_no_face_gives_no_boxes_of_the_right_shape() -> None:
    for detector in (FaceDetector(CASCADE, 40), LiveFaceDetector(CASCADE, 40)):
        boxes = detector.detect(np.zeros((120, 160), dtype=np.uint8))
        assert boxes.shape == (0, 4)
        assert boxes.dtype == np.dtype(np.int32)


def test_a_picture_smaller_than_a_face_gives_no_boxes() -> None:
    detector = LiveFaceDetector(CASCADE, 40)
    assert len(detector.detect(np.zeros((30, 30), dtype=np.uint8))) == 0


@given(st.integers(40, 1200), st.integers(40, 1200), st.integers(20, 200))
def test_the_shares_together_cover_every_size_and_every_row(height: int, width: int, min_face_px: int) -> None:
    shares = divide_search(height, width, min_face_px)
    sizes = [round(20 * 1.1**k) for k in range(60)]
    for size in (s for s in sizes if min_face_px <= s <= min(height, width)):
        rows = sorted(share.rows for share in shares if share.sizes[0] <= size <= share.sizes[1])
        assert rows, f"nobody searches for {size} px"
        assert (rows[0][0], rows[-1][1]) == (0, height)
        # a face that begins in one strip must lie wholly in it or in the next
        assert all(before[1] - after[0] >= size - 2 for before, after in itertools.pairwise(rows))


def test_a_missing_cascade_is_named(tmp_path: Path) -> None:
    with pytest.raises(CascadeError, match="no cascade at"):
        FaceDetector(tmp_path / "nothing.xml", 40)


@pytest.mark.parametrize("text", ["", "<xml>", "<?xml version='1.0'?><opencv_storage></opencv_storage>"])
def test_a_file_that_is_no_cascade_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.xml"
    path.write_text(text)
    with pytest.raises(CascadeError, match="not a cascade"):
        FaceDetector(path, 40)


def test_the_cascade_keeps_its_licence() -> None:
    head = CASCADE.read_text(encoding="utf-8")[:4000]
    assert "Intel License Agreement" in head
