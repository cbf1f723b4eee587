"""A head's roll and yaw come back from the landmarks that a camera would see of it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.head_pose import NOSE_DEPTH, roll_deg, yaw_estimate_deg

# eyes, tip of the nose, corners of the mouth; x to the right, y down, z towards the camera; eyes 1 apart
HEAD = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.6, NOSE_DEPTH], [-0.4, 1.1, 0.1], [0.4, 1.1, 0.1]])


def seen(yaw: float, roll: float) -> NDArray[np.float32]:
    """Return the landmarks (5, 2) px of the head, turned by so many degrees, from far away."""
    y, r = np.radians((yaw, roll))
    turned = HEAD @ np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    flat = turned[:, :2] @ np.array([[np.cos(r), np.sin(r)], [-np.sin(r), np.cos(r)]])
    return np.asarray(flat * 60 + 200, np.float32)


@pytest.mark.parametrize("yaw", [-40, -15, 0, 15, 40])
@pytest.mark.parametrize("roll", [-60, 0, 20, 90])
def test_both_angles_come_back(yaw: float, roll: float) -> None:
    points = seen(yaw, roll)
    assert roll_deg(points) == pytest.approx(roll, abs=0.01)
    assert yaw_estimate_deg(points) == pytest.approx(yaw, abs=0.01)


def test_their_signs_are_those_of_the_picture() -> None:
    points = seen(20, 10)
    assert points[2, 0] > points[:2, 0].mean()  # the nose points to the right
    assert points[1, 1] > points[0, 1]  # the eye on the right is the lower one
    assert roll_deg(points) > 0
    assert (yaw_estimate_deg(points) or 0) > 0


def test_eyes_in_one_place_have_no_yaw() -> None:
    assert yaw_estimate_deg(np.zeros((5, 2), np.float32)) is None
