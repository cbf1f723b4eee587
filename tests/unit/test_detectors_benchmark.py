"""The counts of the detectors' benchmark."""

import math

import numpy as np
import pytest

from benchmarks.detectors import PictureScore, VideoScore, first_shown_ms, shaken
from benchmarks.footage import match
from tests.fakes.images import bright_image, plain_image
from tests.fakes.recognition import AlwaysHappy, BrightFaces
from vision.live_classifier import LiveClassifier
from vision.pipeline import Pipeline
from vision.tracker import Tracker

FACES = np.array([[100, 100, 160, 180], [300, 100, 360, 180]], dtype=np.float64)


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(BrightFaces(), LiveClassifier(AlwaysHappy().predict, False), Tracker(0.3, 0.4), 80)


def test_a_box_hits_by_its_centre_or_by_its_overlap_and_each_face_counts_once() -> None:
    boxes = np.array([[120, 130, 140, 150], [110, 110, 170, 190], [250, 60, 410, 220], [0, 0, 20, 20]])
    assert sorted(match(boxes, FACES)) == [(1, 0), (2, 1)]


def test_boxes_that_hit_no_face_are_false_and_faces_that_none_hits_are_missed() -> None:
    score = PictureScore()
    score.add("a.jpg", np.array([[100, 100, 160, 160], [0, 0, 20, 20]]), FACES, 0.2)
    score.add("b.jpg", np.empty((0, 4)), np.empty((0, 4)), 0.1)
    assert score.figures() == {"faces found": "1 of 2", "false boxes": "1", "CPU a picture": "150 ms"}
    assert score.missed == ["a.jpg"]


def test_the_first_frames_do_not_count_as_frames_without_a_face() -> None:
    score = VideoScore(10.0, [0, 0, 0, 1, 0, 1, 2], [1.0] * 7, 0.1)
    assert score.figures()["shown"] == "75.0%"


def test_a_new_face_is_shown_in_its_second_frame(pipeline: Pipeline) -> None:
    assert first_shown_ms(pipeline, [bright_image()] * 20, 100.0, plain=3) == pytest.approx(10)


def test_a_face_that_is_never_shown_is_not_called_quick(pipeline: Pipeline) -> None:
    assert first_shown_ms(pipeline, [plain_image(20)] * 20, 100.0, plain=3) == math.inf


def test_a_shaken_picture_fills_the_frame_and_moves() -> None:
    frames = shaken(np.random.default_rng(0).integers(0, 255, (50, 200, 3), dtype=np.uint8))
    assert {frame.shape for frame in frames} == {(480, 640, 3)}
    assert any(not np.array_equal(frames[0], frame) for frame in frames)
