"""Blinks and glances of the demo's portraits."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sources.eyes import BLINK_EVERY_S, GLANCE_PX, LID_Y, gaze_px, lids_closed, move_eye

EYE = (60.0, 50.0)


def plain_map() -> NDArray[np.float32]:
    """Return a map (100, 120, 2) that shows each place where it is."""
    return np.stack(np.meshgrid(np.arange(120), np.arange(100)), axis=-1).astype(np.float32)


def test_closed_lids_hide_the_eye_and_leave_the_rest_of_the_face() -> None:
    shown = plain_map()
    move_eye(shown, EYE, EYE, 1.0, 1.0, 0.0)
    assert shown[50, 60, 1] < EYE[1] + LID_Y  # the lid's skin is where the eye was
    moved = (shown != plain_map()).any(axis=-1)
    rows, columns = np.nonzero(moved)
    assert 36 <= rows.min() <= rows.max() <= 64
    assert 36 <= columns.min() <= columns.max() <= 84
    assert (np.diff(shown[:, 60, 1]) > 0).all()  # nothing is turned upside down


def test_a_glance_moves_the_middle_of_the_eye_and_not_its_edge() -> None:
    shown = plain_map()
    move_eye(shown, EYE, EYE, 1.0, 0.0, GLANCE_PX)
    assert shown[50, 60, 0] == pytest.approx(60 - GLANCE_PX)
    assert shown[50, 46, 0] == 46
    assert shown[40, 60, 0] == 60


def test_eyes_are_open_nearly_always_and_close_wholly_now_and_then() -> None:
    lids = np.array([lids_closed(t_s) for t_s in np.arange(0, 20 * BLINK_EVERY_S, 1 / 60)])
    assert 0.02 < (lids > 0).mean() < 0.08
    assert ((lids[1:] > 0) & (lids[:-1] == 0)).sum() >= 19
    assert lids.max() > 0.95
    assert lids.min() == 0


def test_the_gaze_wanders_a_little_to_both_sides_without_a_jump() -> None:
    gazes = np.array([gaze_px(t_s) for t_s in np.arange(0, 60, 1 / 30)])
    assert gazes.min() == pytest.approx(-GLANCE_PX)
    assert gazes.max() == pytest.approx(GLANCE_PX)
    assert abs(np.diff(gazes)).max() < GLANCE_PX
