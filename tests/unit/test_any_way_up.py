"""Pictures that lie on a side or stand on their head."""

import numpy as np
import pytest

from vision.any_way_up import AnyWayUp, turn_back
from vision.detector import Detections
from vision.frames import Image


class Upright:
    """Finds the one face whose left eye is red and whose right eye is blue, if it is upright."""

    def __init__(self) -> None:
        self.searched = 0

    def detect(self, image: Image) -> Detections:
        self.searched += 1
        [[left_y, left_x]], [[right_y, right_x]] = (np.argwhere(image[..., c] == 255) for c in (2, 0))
        if left_y != right_y or left_x > right_x:
            return Detections()
        x, y, gap = left_x + 0.5, left_y + 0.5, right_x - left_x
        points = [(x, y), (x + gap, y), (x + gap / 2, y + gap), (x, y + 2 * gap), (x + gap, y + 2 * gap)]
        box = [left_x - gap, left_y - gap, left_x + 3 * gap, left_y + 3 * gap]
        return Detections(np.array([box], dtype=np.int32), np.array([points], dtype=np.float32))

    def close(self) -> None:
        pass


def upright_picture() -> Image:
    image = np.full((60, 90, 3), 100, dtype=np.uint8)
    image[20, 30] = (0, 0, 255)
    image[20, 40] = (255, 0, 0)
    return image


@pytest.mark.parametrize(("turns", "tilt_deg"), [(0, 0), (1, -90), (2, 180), (3, 90)])
def test_a_face_that_lies_is_found_where_it_lies_and_its_tilt_says_how(turns: int, tilt_deg: float) -> None:
    picture = np.ascontiguousarray(np.rot90(upright_picture(), turns))
    detector = Upright()
    faces = AnyWayUp(detector, detector).detect(picture)
    assert len(faces) == 1
    assert abs(faces.tilts_deg[0]) == pytest.approx(abs(tilt_deg))
    assert turns == 2 or faces.tilts_deg[0] == pytest.approx(tilt_deg)
    left, right = np.floor(faces.landmarks[0, :2]).astype(int)
    assert picture[left[1], left[0]].tolist() == [0, 0, 255]
    assert picture[right[1], right[0]].tolist() == [255, 0, 0]
    x1, y1, x2, y2 = faces.boxes[0].tolist()
    assert (x2 - x1, y2 - y1) == (40, 40)
    assert x1 < left[0] < x2
    assert y1 < left[1] < y2


def test_a_picture_with_an_upright_face_is_searched_once() -> None:
    detector = Upright()
    AnyWayUp(detector, detector).detect(upright_picture())
    assert detector.searched == 1


def test_turning_back_no_turn_changes_nothing() -> None:
    faces = Upright().detect(upright_picture())
    same = turn_back(faces, 0, (60, 90, 3))
    assert np.array_equal(same.boxes, faces.boxes)
    assert np.array_equal(same.landmarks, faces.landmarks)
