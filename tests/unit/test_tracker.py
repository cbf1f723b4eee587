import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vision.boxes import iou
from vision.emotions import EMOTIONS
from vision.tracker import KEEP_S, MAX_GAP_S, SHOW_S, UNSURE_AFTER_S, Track, Tracker

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


def test_a_face_is_shown_a_moment_longer_than_it_is_found() -> None:
    tracker = Tracker(0.3, 0.4)
    tracker.update(FACE, probs(happy=0.9), 0.0)
    (track,) = tracker.update(FACE, probs(happy=0.9), STEP_S)
    assert tracker.update(*NONE, SHOW_S) == [track]
    assert tracker.update(*NONE, STEP_S + SHOW_S + 0.01) == []


@pytest.mark.parametrize(("away_s", "number"), [(KEEP_S - 0.1, 1), (KEEP_S + 0.1, 2)])
def test_a_face_lost_for_a_while_keeps_its_number_and_one_lost_for_longer_gets_a_new_one(
    away_s: float, number: int
) -> None:
    tracker = Tracker(0.3, 0.4)
    for t_s in (0.0, STEP_S):
        tracker.update(FACE, probs(happy=0.9), t_s)
    tracker.update(*NONE, 1.0)
    for t_s in (away_s, away_s + STEP_S):
        tracks = tracker.update(FACE + 30, probs(sad=0.9), STEP_S + t_s)
    assert [(track.track_id, track.emotion) for track in tracks] == [(number, "sad")]


@pytest.mark.parametrize("elsewhere", [FACE + 120, FACE * 2])
def test_a_face_found_elsewhere_or_at_another_size_is_a_new_one(elsewhere: NDArray[np.int64]) -> None:
    tracker = Tracker(0.3, 0.4)
    for t_s in (0.0, STEP_S):
        tracker.update(FACE, probs(happy=0.9), t_s)
    for t_s in (1.0, 1.0 + STEP_S):
        tracks = tracker.update(elsewhere, probs(happy=0.9), t_s)
    assert [track.track_id for track in tracks] == [2]


def test_a_pattern_seen_once_takes_no_number() -> None:
    tracker = Tracker(0.3, 0.4)
    for step in range(5):
        tracker.update(FACE + 300 * step, probs(happy=0.9), step * STEP_S)
    tracks = tracker.update(FACE + 300 * 4, probs(happy=0.9), 5 * STEP_S)
    assert [track.track_id for track in tracks] == [1]


def cross(fps: int, jitter_px: float = 0.0) -> list[tuple[list[Track], bool]]:
    """Let a happy face pass a sad one, 120 px/s each; return each frame's tracks, and whether both are seen.

    The sad one is a little farther away: while more than a third of it is hidden, it is not found.
    """
    rng = np.random.default_rng(fps)
    tracker, frames = Tracker(0.3, 0.4), []
    for frame in range(int(4 * fps)):
        t_s = frame / fps
        happy, sad = 60 + 120 * t_s, 540 - 120 * t_s
        near = (happy, 100, happy + 100, 200)
        far = (sad + 4, 106, sad + 96, 198)
        both = np.array([near, far]) + rng.normal(0, jitter_px, (2, 1))
        seen = [0, 1] if abs(happy - sad) > 66 else [0]
        order = seen[:: -1 if frame % 2 else 1]  # the detector's order changes
        readings = np.vstack([probs(happy=0.9), probs(sad=0.9)])
        frames.append((tracker.update(both[order].round().astype(int), readings[order], t_s), len(seen) == 2))
    return frames


@pytest.mark.parametrize("fps", [8, 15, 30])
@pytest.mark.parametrize("jitter_px", [0.0, 2.0])
def test_faces_that_pass_each_other_keep_their_numbers_and_their_states(fps: int, jitter_px: float) -> None:
    frames = cross(fps, jitter_px)
    hidden = [not both for _, both in frames]
    assert sum(hidden) >= 0.5 * fps, "the one behind is not found for several frames"
    numbers = {"happy": 1, "sad": 2} if frames[2][0][0].emotion == "happy" else {"sad": 1, "happy": 2}
    for tracks, _ in frames:
        for track in tracks:
            assert track.track_id == numbers[track.emotion]
            assert track.confidence > 0.85, "nothing of the other's reading is mixed in"
    assert len(frames[-1][0]) == 2


sides = st.integers(30, 120)
places = st.tuples(st.integers(0, 500), st.integers(0, 400), sides).map(
    lambda place: (place[0], place[1], place[0] + place[2], place[1] + place[2])
)
pauses_s = st.integers(0, 1_500_000).map(lambda microseconds: microseconds / 1e6)  # no clock tells shorter ones
crowds = st.lists(st.tuples(st.lists(places, max_size=5), pauses_s), max_size=25)


@given(crowds)
def test_no_two_faces_share_a_number_and_none_comes_back_once_it_is_given_up(
    crowds: list[tuple[list[tuple[int, int, int, int]], float]],
) -> None:
    tracker, t_s = Tracker(0.3, 0.4), 0.0
    seen_s: dict[int, float] = {}
    highest = 0
    for found, pause_s in crowds:
        t_s += pause_s
        rows = boxes(*found)
        shown = tracker.update(rows, np.full((len(rows), 7), 1 / 7, dtype=np.float32), t_s)
        ids = [track.track_id for track in shown]
        assert len(set(ids)) == len(ids)
        for track in shown:
            if track.track_id in seen_s:
                assert track.seen_s - seen_s[track.track_id] <= KEEP_S
            else:
                assert track.track_id > highest, "a new face has a new number"
            seen_s[track.track_id] = track.seen_s
        highest = max([highest, *ids])


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


def test_a_label_far_below_the_threshold_is_given_up_after_a_moment() -> None:
    tracker = Tracker(0.0, 0.4)
    for step in range(2):
        tracker.update(FACE, probs(happy=0.6), step * STEP_S)
    (track,) = tracker.update(FACE, probs(happy=0.25), STEP_S + UNSURE_AFTER_S - 0.01)
    assert track.sure
    (track,) = tracker.update(FACE, probs(happy=0.25), STEP_S + UNSURE_AFTER_S + 0.01)
    assert not track.sure


def test_a_slow_camera_gives_up_a_label_in_the_next_frame() -> None:
    tracker = Tracker(0.0, 0.4)
    for t_s, share in ((0.0, 0.6), (1.0, 0.6), (2.0, 0.25)):
        tracks = tracker.update(FACE, probs(happy=share), t_s)
    assert not tracks[0].sure


def test_the_way_from_one_emotion_to_the_next_is_not_unsure() -> None:
    tracker, shown = Tracker(0.3, 0.4), []
    between = {"happy": 0.1, "fear": 0.35, "neutral": 0.35}  # as with a hand before the mouth
    for step in range(60):
        reading = {"happy": 0.9} if step < 20 else between if step < 32 else {"neutral": 0.8}
        tracks = tracker.update(FACE, probs(**reading), step * STEP_S)
        shown += [track.emotion if track.sure else "unsure" for track in tracks]
    assert list(dict.fromkeys(shown)) == ["happy", "neutral"]


def test_another_emotion_is_named_only_from_the_threshold_on() -> None:
    tracker = Tracker(0.0, 0.4)
    for step, reading in enumerate(({"happy": 0.6}, {"happy": 0.6}, {"sad": 0.38})):
        tracks = tracker.update(FACE, probs(**reading), step * STEP_S)
    assert tracks[0].emotion == "happy"  # sad is below, though it leads
    (track,) = tracker.update(FACE, probs(sad=0.41), 3 * STEP_S)
    assert (track.emotion, track.sure) == ("sad", True)


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


@pytest.mark.parametrize(("period_s", "numbers"), [(1.0, [1, 1, 1]), (5.0, [1, 1, 1]), (MAX_GAP_S + 1, [1, 2])])
def test_a_face_of_a_slow_camera_is_shown_from_its_second_picture_on(
    period_s: float, numbers: list[int]
) -> None:
    tracker = Tracker(0.3, 0.4)
    ids = [
        track.track_id
        for step in range(4)
        for track in tracker.update(FACE + 3 * step, probs(happy=0.9), step * period_s)
    ]
    assert ids == numbers


@pytest.mark.parametrize(("gaps_s", "shown"), [((2.0, 2.0), 1), ((0.03, 2.0), 0), ((0.4, 0.4), 0)])
def test_where_all_frames_come_rarely_one_sighting_is_enough(gaps_s: tuple[float, ...], shown: int) -> None:
    tracker = Tracker(0.3, 0.4)
    t_s = 0.0
    tracker.update(boxes(), probs()[:0], t_s)
    for gap_s in gaps_s[:-1]:
        t_s += gap_s
        tracker.update(boxes(), probs()[:0], t_s)
    assert len(tracker.update(FACE, probs(happy=0.9), t_s + gaps_s[-1])) == shown


def test_landmarks_move_with_the_eased_box() -> None:
    tracker = Tracker(0.3, 0.4)
    points = np.array([[[0, 0], [40, 0], [20, 20], [0, 40], [40, 40]]], dtype=np.float32)
    for index in range(4):
        moved = np.array([index * 10, 0], dtype=np.float32)
        box = boxes((index * 10, 0, index * 10 + 40, 40))
        tracks = tracker.update(box, probs(happy=0.9), index * 0.03, landmarks=points + moved)
    [track] = tracks
    assert track.landmarks is not None
    assert 10 < track.box[0] < 30  # it lags behind
    assert np.abs(track.landmarks[0] - track.box[:2]).max() <= 1
    assert np.abs(track.landmarks[4] - track.box[2:]).max() <= 1


def test_a_face_without_landmarks_has_none() -> None:
    tracker = Tracker(0.3, 0.4)
    nothing = np.full((1, 5, 2), np.nan, dtype=np.float32)
    for index in range(2):
        tracks = tracker.update(np.array([[0, 0, 40, 40]]), probs(happy=0.9), index * 0.03, landmarks=nothing)
    assert tracks[0].landmarks is None
