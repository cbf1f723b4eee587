"""The classification of a video's faces, no more often than needed."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.fakes.waiting import PATIENCE_S, until
from vision.crops import Tilts
from vision.live_classifier import REREAD_S, LiveClassifier

GRAY = np.zeros((100, 1000), dtype=np.uint8)


class CountingClassifier:
    """Reads every face as one more than the last, and remembers what it was asked for each time."""

    def __init__(self) -> None:
        self.read = 0
        self.batches: list[int] = []
        self.tilts: list[list[float]] = []
        self.mirrored: list[list[bool]] = []
        self.go = threading.Event()
        self.go.set()

    def predict(
        self,
        gray: NDArray[np.uint8],
        boxes: NDArray[np.integer[Any]],
        tilts_deg: Tilts,
        mirrored: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        assert gray is GRAY
        assert self.go.wait(PATIENCE_S)
        self.batches.append(len(boxes))
        assert tilts_deg is not None
        self.tilts.append(tilts_deg.tolist())
        self.mirrored.append(mirrored.tolist())
        self.read += len(boxes)
        numbers = range(self.read - len(boxes), self.read)
        return np.repeat(np.array([numbers], dtype=np.float32).T, 7, axis=1)


def faces(count: int, shift: int = 0) -> NDArray[np.int32]:
    boxes = [[100 * i + shift, 10, 100 * i + shift + 60, 70] for i in range(count)]
    return np.array(boxes, dtype=np.int32).reshape(-1, 4)


@pytest.fixture
def inner() -> CountingClassifier:
    return CountingClassifier()


@pytest.fixture
def live(inner: CountingClassifier) -> Iterator[LiveClassifier]:
    live = LiveClassifier(inner.predict, in_background=False)
    yield live
    live.close()


def test_a_face_is_read_again_when_an_expression_can_have_changed(live: LiveClassifier) -> None:
    times = [0.0, 0.03, 0.06, REREAD_S, REREAD_S + 0.03]
    read = [live.predict(GRAY, faces(1, shift=i), t_s)[0, 0] for i, t_s in enumerate(times)]
    assert read == [0, 0, 0, 0, 0.5]  # what was read again is shown with the next frame


def test_every_other_reading_of_a_face_is_of_it_mirrored_and_the_last_two_count(
    live: LiveClassifier, inner: CountingClassifier
) -> None:
    times = [0.0, 0.1, 0.2, 0.3, 0.4]
    read = [live.predict(GRAY, faces(1), t_s)[0, 0] for t_s in times]
    assert inner.mirrored == [[False], [True], [False], [True], [False]]
    assert read == [0, 0, 0.5, 1.5, 2.5]


def test_each_face_is_mirrored_in_its_own_turn(live: LiveClassifier, inner: CountingClassifier) -> None:
    live.predict(GRAY, faces(1), 0.0)
    live.predict(GRAY, faces(2), 0.1)  # the second is new, the first is read again
    assert inner.mirrored == [[False], [False], [True]]


def test_a_new_face_is_read_at_once_and_the_old_ones_keep_theirs(
    live: LiveClassifier, inner: CountingClassifier
) -> None:
    live.predict(GRAY, faces(1), 0.0)
    assert live.predict(GRAY, faces(2), 0.03)[:, 0].tolist() == [0, 1]
    assert inner.batches == [1, 1]


def test_a_reading_goes_with_its_face_and_not_with_its_row(live: LiveClassifier) -> None:
    live.predict(GRAY, faces(3), 0.0)
    assert live.predict(GRAY, faces(3)[::-1], 0.03)[:, 0].tolist() == [2, 1, 0]


def test_at_most_a_third_of_the_faces_is_read_again_at_a_time(
    live: LiveClassifier, inner: CountingClassifier
) -> None:
    for step in range(16):
        live.predict(GRAY, faces(6), step / 30)
    assert inner.batches[0] == 6
    assert set(inner.batches[1:]) == {2}
    assert inner.read >= 6 + 6 * 3  # each of them three times more in half a second


def test_a_face_somewhere_else_is_another_face(live: LiveClassifier, inner: CountingClassifier) -> None:
    live.predict(GRAY, faces(1), 0.0)
    live.predict(GRAY, faces(1, shift=50), 0.01)
    assert inner.batches == [1, 1]


def test_when_a_video_begins_again_its_faces_are_read_again(
    live: LiveClassifier, inner: CountingClassifier
) -> None:
    live.predict(GRAY, faces(2), 9.0)
    live.predict(GRAY, faces(2), 0.0)
    assert inner.batches == [2, 2]


def test_a_face_that_was_hidden_for_a_moment_is_not_new(live: LiveClassifier) -> None:
    live.predict(GRAY, faces(1), 0.0)
    for step in range(1, 12):
        live.predict(GRAY, faces(0), step / 30)
    assert live.predict(GRAY, faces(1), 0.4)[:, 0].tolist() == [0]
    live.predict(GRAY, faces(0), 0.43)
    assert live.predict(GRAY, faces(1), 1.0)[:, 0].tolist() == [2]  # mirrored at 0.4, anew at 1.0


def test_each_face_is_read_by_its_own_tilt(live: LiveClassifier, inner: CountingClassifier) -> None:
    live.predict(GRAY, faces(1), 0.0, np.array([5.0]))
    live.predict(GRAY, faces(2), 0.03, np.array([6.0, 20.0]))
    live.predict(GRAY, faces(2), 0.1, np.array([7.0, 21.0]))  # the first one is read again in this frame
    assert inner.tilts == [[5.0], [20.0], [7.0]]


def test_without_faces_nothing_is_read(live: LiveClassifier, inner: CountingClassifier) -> None:
    assert live.predict(GRAY, faces(0), 0.0).shape == (0, 7)
    assert inner.batches == []


def test_no_frame_waits_for_a_face_that_is_read_again(inner: CountingClassifier) -> None:
    live = LiveClassifier(inner.predict)
    live.predict(GRAY, faces(1), 0.0)
    inner.go.clear()
    assert [live.predict(GRAY, faces(1), t_s)[0, 0] for t_s in (0.2, 0.3, 0.4)] == [0, 0, 0]
    inner.go.set()
    until(lambda: live.predict(GRAY, faces(1), 0.5)[0, 0] == 0.5)
    live.close()


def test_what_was_read_in_the_background_counts_in_the_very_next_frame(inner: CountingClassifier) -> None:
    live = LiveClassifier(inner.predict)
    live.predict(GRAY, faces(1), 0.0)
    live.predict(GRAY, faces(1), REREAD_S)
    live.close()  # the reading has ended
    assert live.predict(GRAY, faces(1), REREAD_S + 0.03)[0, 0] == 0.5
