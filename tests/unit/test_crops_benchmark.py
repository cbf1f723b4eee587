"""The faces that benchmarks.crops pastes, whose truth is known, and what it measures on boxes."""

import cv2
import numpy as np
import pytest

from benchmarks.crops import SIDES_PX, geometry, near, paste
from model import preprocess
from tests.fakes.nets import noise
from vision.detector import Detections


@pytest.mark.parametrize("tilt_deg", [0.0, 15.0, -30.0])
def test_a_pasted_face_comes_back_from_its_frame_turned_by_its_tilt(tilt_deg: float) -> None:
    face = cv2.resize(noise(6, 6), (48, 48), interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
    image, box = paste(face, tilt_deg, np.random.default_rng(0))
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    assert image.shape == (480, 640, 3)
    assert SIDES_PX[0] <= box[0, 2] - box[0, 0] == box[0, 3] - box[0, 1] < SIDES_PX[1]
    [crop] = preprocess(gray, box, np.array([tilt_deg]))
    assert np.abs(crop.astype(int) - face)[2:-2, 2:-2].max() < 12
    assert (np.abs(preprocess(gray, box)[0].astype(int) - face).max() > 60) == (tilt_deg != 0)


def test_the_geometry_says_how_the_true_boxes_lie_to_those_found() -> None:
    truth = np.array([[110, 95, 190, 175]] * 3, dtype=np.int32)
    assert geometry(np.array([[100, 100, 200, 200]] * 3), truth) == "side 0.800, right +0.000, down -0.150"


def test_the_face_near_the_truth_is_the_one_that_overlaps_it() -> None:
    faces = Detections.of_boxes(np.array([[300, 300, 400, 400], [95, 95, 205, 205]], dtype=np.int32))
    assert near(faces, np.array([[100, 100, 200, 200]], dtype=np.int32)).boxes.tolist() == [[95, 95, 205, 205]]
    assert len(near(faces, np.array([[500, 0, 600, 100]], dtype=np.int32))) == 0
