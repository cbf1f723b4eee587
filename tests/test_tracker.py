import numpy as np
import pytest
from numpy.typing import NDArray

from boxes import iou
from emotions import EMOTIONS
from tracker import KEEP_S, Tracker

STEP_S = 1 / 30


def probs(**shares: float) -> NDArray[np.float32]:
    rest = (1 - sum(shares.values())) / (7 - len(shares))
    return np.array([[shares.get(name, rest) for name in EMOTIONS]], dtype=np.float32)


def boxes(*rows: tuple[int, int, int, int]) -> NDArray[np.int64]:
    return np.array(rows).reshape(-1, 4)


NONE = boxes(), np.empty((0, 7), dtype=np.float32)
FACE = boxes((100, 100, 200, 200))


def test_a_face_keeps_its_number_while_it_moves() -> None:
    tracker = Tracker(0.3, 0.4)
    ids = {
        track.track_id
        for step in range(60)
        for track in tracker.update(FACE + 4 * step, probs(happy=0.9), step * STEP_S)
    }
    assert ids == {1}


def test_a_pattern_seen_once_is_not_shown() -> None:
    tracker = Tracker(0.3, 0.4)
    assert tracker.update(FACE, probs(happy=0.9), 0.0) == []
    assert tracker.update(*NONE, STEP_S) == []


def test_a_face_that_blinks_away_keeps_its_number_and_one_that_left_gets_a_new_one() -> None:
    tracker = Tracker(0.3, 0.4)
    tracker.update(FACE, probs(happy=0.9), 0.0)
    (track,) = tracker.update(FACE, probs(happy=0.9), STEP_S)
    (still,) = tracker.update(*NONE, 0.3)
    assert still.track_id == track.track_id
    assert tracker.update(*NONE, 0.3 + KEEP_S) == []
    tracker.update(FACE, probs(happy=0.9), 2.0)
    (new,) = tracker.update(FACE, probs(happy=0.9), 2.0 + STEP_S)
    assert new.track_id != track.track_id


def test_two_faces_never_share_their_state() -> None:
    tracker = Tracker(0.3, 0.4)
    both = boxes((0, 0, 100, 100), (300, 0, 400, 100))
    readings = np.vstack([probs(happy=0.9), probs(sad=0.9)])
    for step in range(30):
        swap = step % 2 == 1  # the detector's order changes
        order = [1, 0] if swap else [0, 1]
        tracks = tracker.update(both[order], readings[order], step * STEP_S)
    assert {(track.box[0], track.emotion) for track in tracks} == {(0, "happy"), (300, "sad")}


def test_easing_depends_on_time_and_not_on_the_frame_rate() -> None:
    results = []
    for fps in (10, 60):
        tracker = Tracker(0.3, 0.4)
        for step in range(2):
            tracker.update(FACE, probs(happy=0.9), step / fps - 1)
        tracker.update(FACE, probs(happy=0.9), 0.0)
        for step in range(1, fps + 1):
            (track,) = tracker.update(FACE, probs(sad=0.9), step / fps)
        results.append(track.probs)
    assert results[0] == pytest.approx(results[1], abs=1e-3)


def test_two_emotions_close_to_each_other_do_not_flicker() -> None:
    tracker = Tracker(0.0, 0.4)
    labels = []
    for step in range(60):
        leader = "happy" if step % 2 else "sad"
        reading = probs(**{"happy": 0.40, "sad": 0.40} | {leader: 0.44})
        labels += [track.emotion for track in tracker.update(FACE, reading, step * STEP_S)]
    assert len(set(labels)) == 1


def test_a_clear_change_changes_the_label_within_a_second() -> None:
    tracker = Tracker(0.3, 0.4)
    for step in range(30):
        tracker.update(FACE, probs(happy=0.9), step * STEP_S)
    for step in range(30, 60):
        (track,) = tracker.update(FACE, probs(surprise=0.9), step * STEP_S)
    assert track.emotion == "surprise"
    assert track.confidence > 0.8


def test_a_reading_that_favours_nothing_is_unsure() -> None:
    tracker = Tracker(0.0, 0.4)
    for step in range(2):
        tracks = tracker.update(FACE, probs(happy=0.39), step * STEP_S)
    assert [(track.emotion, track.sure) for track in tracks] == [("happy", False)]


def test_a_label_near_the_threshold_does_not_flicker() -> None:
    tracker = Tracker(0.0, 0.4)
    sure = []
    for step in range(60):
        sure += [t.sure for t in tracker.update(FACE, probs(happy=0.41 if step % 2 else 0.33), step * STEP_S)]
    assert set(sure) == {True}


def test_a_label_far_below_the_threshold_is_given_up() -> None:
    tracker = Tracker(0.0, 0.4)
    for share in (0.6, 0.6, 0.25):
        tracks = tracker.update(FACE, probs(happy=share), 0.0)
    assert not tracks[0].sure


def test_without_a_threshold_every_label_is_sure() -> None:
    tracker = Tracker(0.0, 0.0)
    for step in range(2):
        tracks = tracker.update(FACE, probs(), step * STEP_S)
    assert tracks[0].sure


def test_overlap_is_one_for_the_same_box_and_zero_for_boxes_apart() -> None:
    a = boxes((0, 0, 10, 10), (5, 0, 15, 10), (50, 50, 60, 60))
    assert iou(a[:1], a)[0] == pytest.approx([1, 1 / 3, 0])
    assert iou(boxes(), a).shape == (0, 3)
    assert iou(boxes((3, 3, 3, 3)), boxes((3, 3, 3, 3)))[0, 0] == 0
