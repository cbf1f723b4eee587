"""The pose of a head, as far as five landmarks tell it: its roll, and an estimate of its yaw.

Pitch is left out: between a face's eyes and mouth the nose lies higher or lower from person to person, by as
much as a nod of some 15 degrees moves it.
"""

import math
from typing import Any

from numpy.typing import NDArray

NOSE_DEPTH = 0.6  # of the distance between the eyes, by which the tip of an adult's nose lies before them


def roll_deg(points: NDArray[Any]) -> float:
    """Return the tilt of the line of the eyes in degrees; positive: clockwise as seen in the picture.

    points are landmarks (5, 2) px: left and right eye, nose, corners of the mouth, as seen in the picture.
    """
    (x1, y1), (x2, y2) = points[0].tolist(), points[1].tolist()
    return math.degrees(math.atan2(y2 - y1, x2 - x1))


def yaw_estimate_deg(points: NDArray[Any]) -> float | None:
    """Return how far the head is turned in degrees; positive: to the right of the picture.

    It is computed from how far the nose lies beside the middle of the eyes, for a head of usual proportions:
    good enough to leave out faces that are turned away, and no measurement. None where the eyes coincide.
    """
    (x1, y1), (x2, y2), (nose_x, nose_y) = (point.tolist() for point in points[:3])
    across_x, across_y = x2 - x1, y2 - y1
    apart = math.hypot(across_x, across_y)
    if not apart:
        return None
    beside = (nose_x - (x1 + x2) / 2) * across_x + (nose_y - (y1 + y2) / 2) * across_y
    return math.degrees(math.atan(beside / apart**2 / NOSE_DEPTH))
