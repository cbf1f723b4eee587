"""Blinks and glances: small changes of the map by which a portrait is drawn, around its eyes."""

import math

import numpy as np
from numpy.typing import NDArray

EYES = ((126.0, 155.0), (193.0, 155.0))  # x and y of the mean resting face's eyes, in px of the picture
REACH_X, REACH_Y = 24.0, 14.0  # px around an eye that a blink may move
LID_Y, LASHES_Y = -7.0, 6.0  # the edges of the lids, from the eye's middle
CLOSED_Y, CLOSED_PX = 4.0, 2.0  # where closed lids meet, and how much of the eye is left to see
BLINK_EVERY_S, BLINK_S = 4.3, 0.24
GLANCE_EVERY_S, GLANCE_S, GLANCE_PX = 2.9, 0.12, 2.4
GAZES = (0.0, -1.0, 0.0, 0.0, 0.8, 0.0, -0.6, 0.0, 1.0)  # in turn, in GLANCE_PX


def lids_closed(t_s: float) -> float:
    """Return how far the eyes are closed at a time, 0 to 1."""
    turn, within_s = divmod(t_s, BLINK_EVERY_S)
    within_s -= 1.3 * (turn * 0.618 % 1)  # now sooner, now later
    return math.sin(math.pi * within_s / BLINK_S) ** 2 if 0 <= within_s < BLINK_S else 0.0


def gaze_px(t_s: float) -> float:
    """Return how far to the right the eyes look at a time, in px of the picture."""
    turn, within_s = divmod(t_s, GLANCE_EVERY_S)
    before, after = (GAZES[(int(turn) + step) % len(GAZES)] for step in (-1, 0))
    return GLANCE_PX * (before + (after - before) * min(within_s / GLANCE_S, 1.0))


def move_eye(
    shown: NDArray[np.float32],
    eye: tuple[float, float],
    at: tuple[float, float],
    scale: float,
    lids: float,
    gaze: float,
) -> None:
    """Change the map (h, w, 2) so that one eye of the picture looks aside and closes.

    Args:
        shown: The place in the picture that each px shows.
        eye: The eye's x and y in the picture.
        at: The eye's x and y in the map.
        scale: The px of the map for one of the picture.
        lids: How far the lids are closed, 0 to 1.
        gaze: How far to the right the eye looks, in px of the picture.
    """
    left, top = int(at[0] - REACH_X * scale), int(at[1] - REACH_Y * scale)
    right, bottom = int(at[0] + REACH_X * scale) + 1, int(at[1] + REACH_Y * scale) + 1
    around = shown[max(top, 0) : bottom, max(left, 0) : right]
    x, y = around[..., 0] - eye[0], around[..., 1] - eye[1]
    if lids:
        lid = LID_Y + (CLOSED_Y - LID_Y) * lids
        lashes = lid + (LASHES_Y - LID_Y) * (1 - lids) + CLOSED_PX * lids
        below = np.interp(y, (-REACH_Y, lid, lashes, REACH_Y), (-REACH_Y, LID_Y, LASHES_Y, REACH_Y))
        around[..., 1] += np.clip((REACH_X - abs(x)) / 8, 0, 1) * (below - y)
    elif gaze:
        opening = np.clip(1 - (x / 14) ** 2, 0, 1) * np.clip(1 - (y / 9) ** 2, 0, 1)
        around[..., 0] -= gaze * opening
