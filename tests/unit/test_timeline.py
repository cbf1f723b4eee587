"""A video's frames, added up."""

import pytest

from tests.fakes.images import make_track
from uploads.timeline import MAX_FACES, MAX_POINTS, Timeline

BOX = (0, 0, 9, 9)


def test_each_face_has_its_stay_and_its_mean_and_the_longest_comes_first() -> None:
    timeline = Timeline()
    for second in range(10):
        faces = [make_track(1, BOX, "sad")] if second < 2 else []
        timeline.add(float(second), [*faces, make_track(2, BOX, "happy" if second < 8 else "fear")])
    summary = timeline.summary()
    assert [(face["track_id"], face["first_s"], face["last_s"]) for face in summary["faces"]] == [
        (2, 0.0, 9.0),
        (1, 0.0, 1.0),
    ]
    assert summary["faces"][0]["emotion"] == "happy"
    assert summary["faces"][0]["probs"]["happy"] == pytest.approx(0.8 * 0.7 + 0.2 * 0.05)


def test_a_time_without_faces_is_a_gap_in_the_chart() -> None:
    timeline = Timeline()
    for t_s, faces in ((0.0, [make_track(1, BOX)]), (0.2, []), (0.4, [make_track(1, BOX)])):
        timeline.add(t_s, faces)
    summary = timeline.summary()
    assert [point is None for _, point in summary["points"]] == [False, True, False]
    assert (summary["frames"], summary["frames_with_faces"]) == (3, 2)


def test_a_long_video_with_many_faces_makes_no_long_summary() -> None:
    timeline = Timeline()
    for frame in range(2000):
        timeline.add(frame * 1.8, [make_track(frame, BOX)])
    summary = timeline.summary()
    assert len(summary["points"]) <= MAX_POINTS
    assert len(summary["faces"]) == MAX_FACES
    assert summary["face_count"] == 2000


def test_a_video_without_a_face_has_a_summary_too() -> None:
    timeline = Timeline()
    timeline.add(0.0, [])
    assert timeline.summary()["faces"] == []


def test_a_video_of_years_makes_its_summary_at_once() -> None:
    timeline = Timeline()
    for hour in range(100_000):
        timeline.add(hour * 3600.0, [make_track(1, BOX)] if hour in (0, 99_999) else [])
    summary = timeline.summary()
    assert summary["duration_s"] == 99_999 * 3600
    assert len(summary["points"]) <= MAX_POINTS
    assert [mean is not None for _, mean in summary["points"]].count(True) == 2
