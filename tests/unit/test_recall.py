"""The counts of the live search's benchmark."""

import numpy as np
import pytest

from benchmarks.recall import compare
from vision.detector import Boxes

FPS = 10.0
FACE, OTHER = [100, 100, 160, 160], [300, 100, 360, 160]


def boxes(*those: list[int]) -> Boxes:
    return np.array(those, dtype=np.int32).reshape(-1, 4)


def test_a_box_found_twice_running_is_wanted_and_one_found_once_is_not() -> None:
    full = [boxes(FACE)] * 9 + [boxes(FACE, OTHER)]
    score = compare(full, [boxes(FACE)] * 10, FPS)
    assert (score.wanted, score.shown) == (7, 7)  # the first 0.3 s do not count


def test_a_box_that_is_not_shown_is_missed() -> None:
    score = compare([boxes(FACE)] * 10, [boxes()] * 5 + [boxes(FACE)] * 5, FPS)
    assert (score.wanted, score.shown) == (7, 5)
    assert score.first_ms == pytest.approx(500)


def test_a_box_where_nothing_was_for_half_a_second_is_false() -> None:
    full = [boxes(FACE)] * 4 + [boxes()] * 16
    score = compare(full, [boxes(FACE)] * 20, FPS)
    assert score.false == 20 - (4 + 5)
    assert score.all_shown == 19  # the first frame has none before it


def test_without_a_face_nothing_is_divided_by_nothing() -> None:
    assert "nan" in str(compare([boxes()] * 5, [boxes()] * 5, FPS))
