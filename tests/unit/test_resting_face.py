"""A face is read against its own rest: measured for some seconds, with its track, and never another's."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from recording.export import records
from recording.history import History, Session
from vision.emotions import EMOTIONS
from vision.faces import face_json
from vision.resting_face import (
    MAX_NAMES,
    MEASURE_S,
    TYPICAL,
    RestError,
    RestRequest,
    read_against,
    read_without,
)
from vision.tracker import KEEP_S, Track, Tracker

FPS = 10
BOX, OTHER_BOX = (100, 100, 200, 200), (400, 100, 500, 200)
NEUTRAL, SAD, ANGRY = (EMOTIONS.index(name) for name in ("neutral", "sad", "angry"))


def probs_of(**shares: float) -> NDArray[np.float32]:
    """Return probs (7,) with these shares, and the rest spread over the other emotions."""
    left = (1 - sum(shares.values())) / (len(EMOTIONS) - len(shares))
    return np.array([shares.get(name, left) for name in EMOTIONS], dtype=np.float32)


SAD_AT_REST = probs_of(sad=0.6, neutral=0.2)

any_probs = arrays(np.float32, 7, elements=st.floats(2**-10, 1, width=32)).map(
    lambda values: (values / values.sum()).astype(np.float32)
)


@given(probs=any_probs, rest=any_probs)
def test_a_reading_against_a_rest_sums_to_one_and_can_be_taken_back(
    probs: NDArray[np.float32], rest: NDArray[np.float32]
) -> None:
    shifted = read_against(probs, rest)
    assert shifted.dtype == np.float32
    assert shifted.sum() == pytest.approx(1, abs=1e-5)
    assert read_without(shifted, rest) == pytest.approx(probs, abs=0.01)


@given(probs=any_probs)
def test_a_typical_rest_changes_nothing(probs: NDArray[np.float32]) -> None:
    assert read_against(probs, TYPICAL) == pytest.approx(probs, abs=1e-5)


def test_a_rest_of_certainty_gives_finite_probs() -> None:
    sure = np.eye(7, dtype=np.float32)
    assert np.isfinite(read_against(sure, sure[SAD])).all()


def test_a_face_that_rests_sad_reads_as_neutral_against_its_rest() -> None:
    assert read_against(SAD_AT_REST, SAD_AT_REST).argmax() == NEUTRAL
    assert read_against(probs_of(angry=0.5, sad=0.4), SAD_AT_REST).argmax() == ANGRY


class Scene:
    """Faces before a tracker, frame by frame."""

    def __init__(self) -> None:
        self.tracker = Tracker(smoothing_s=0, unsure_below=0)
        self.t_s = 0.0

    def show(
        self, faces: dict[tuple[int, int, int, int], NDArray[np.float32]], seconds: float = 0.3
    ) -> dict[int, Track]:
        """Show the faces by box for some seconds; return the last frame's tracks by number."""
        boxes, probs = np.array([*faces]).reshape(-1, 4), np.array([*faces.values()]).reshape(-1, 7)
        for _ in range(round(seconds * FPS)):
            self.t_s += 1 / FPS
            tracks = self.tracker.update(boxes, probs, self.t_s)
        return {track.track_id: track for track in tracks}


def test_a_resting_face_is_measured_for_three_seconds_and_used_from_then_on() -> None:
    scene = Scene()
    scene.show({BOX: SAD_AT_REST})
    scene.tracker.rest(RestRequest(1, "measure"))
    halfway = scene.show({BOX: SAD_AT_REST}, MEASURE_S / 2)[1]
    assert halfway.emotion == "sad"
    assert halfway.rest_progress == pytest.approx(0.5, abs=0.05)
    assert face_json(halfway)["rest"] == {"progress": round(halfway.rest_progress or 0, 2)}
    measured = scene.show({BOX: SAD_AT_REST}, MEASURE_S / 2 + 0.2)[1]
    assert measured.emotion == "neutral"
    assert measured.rest is not None
    assert measured.rest.probs == pytest.approx(SAD_AT_REST, abs=1e-5)
    record = face_json(measured)["rest"]
    assert (record["progress"], record["name"], record["probs"]["sad"]) == (1.0, "", 0.6)


def test_it_can_be_taken_back() -> None:
    scene = Scene()
    scene.show({BOX: SAD_AT_REST})
    scene.tracker.rest(RestRequest(1, "measure"))
    scene.show({BOX: SAD_AT_REST}, MEASURE_S + 0.5)
    scene.tracker.rest(RestRequest(1, "forget"))
    track = scene.show({BOX: SAD_AT_REST})[1]
    assert (track.rest, track.emotion) == (None, "sad")


def test_a_measurement_can_be_broken_off() -> None:
    scene = Scene()
    scene.show({BOX: SAD_AT_REST})
    scene.tracker.rest(RestRequest(1, "measure"))
    scene.show({BOX: SAD_AT_REST}, 1)
    scene.tracker.rest(RestRequest(1, "forget"))
    track = scene.show({BOX: SAD_AT_REST}, MEASURE_S + 0.5)[1]
    assert (track.rest, track.rest_progress, track.emotion) == (None, None, "sad")


def test_the_other_face_is_read_as_before() -> None:
    scene = Scene()
    both = {BOX: SAD_AT_REST, OTHER_BOX: SAD_AT_REST}
    scene.show(both)
    scene.tracker.rest(RestRequest(2, "measure"))
    tracks = scene.show(both, MEASURE_S + 0.5)
    assert (tracks[1].emotion, tracks[2].emotion) == ("sad", "neutral")


def test_it_dies_with_the_number() -> None:
    scene = Scene()
    scene.show({BOX: SAD_AT_REST})
    scene.tracker.rest(RestRequest(1, "measure", "Anna"))
    scene.show({BOX: SAD_AT_REST}, MEASURE_S + 0.5)
    scene.show({}, KEEP_S + 0.5)
    assert scene.show({BOX: SAD_AT_REST})[2].rest is None


def test_one_with_a_name_is_used_again_when_somebody_asks_for_it() -> None:
    scene = Scene()
    scene.show({BOX: SAD_AT_REST})
    scene.tracker.rest(RestRequest(1, "measure", "Anna"))
    scene.show({BOX: SAD_AT_REST}, MEASURE_S + 0.5)
    scene.show({}, KEEP_S + 0.5)
    scene.show({BOX: SAD_AT_REST})
    scene.tracker.rest(RestRequest(2, "use", "Anna"))
    track = scene.show({BOX: SAD_AT_REST})[2]
    assert track.emotion == "neutral"
    assert track.rest is not None
    assert track.rest.name == "Anna"


def rested(scene: Scene, name: str = "") -> None:
    """Let face 1 be read against its rest."""
    scene.show({BOX: SAD_AT_REST})
    scene.tracker.rest(RestRequest(1, "measure", name))
    scene.show({BOX: SAD_AT_REST}, MEASURE_S + 0.5)


def test_it_can_get_a_name_afterwards_under_which_it_is_used_again() -> None:
    scene = Scene()
    rested(scene)
    scene.tracker.rest(RestRequest(1, "name", "Anna"))
    named = scene.show({BOX: SAD_AT_REST})[1]
    assert named.emotion == "neutral"
    assert (named.rest and named.rest.name, scene.tracker.named_rests()) == ("Anna", ["Anna"])
    scene.tracker.rest(RestRequest(1, "forget"))
    assert scene.show({BOX: SAD_AT_REST})[1].emotion == "sad"
    scene.tracker.rest(RestRequest(1, "use", "Anna"))
    assert scene.show({BOX: SAD_AT_REST})[1].emotion == "neutral"


def test_a_face_without_a_resting_face_has_nothing_that_could_get_a_name() -> None:
    scene = Scene()
    scene.show({BOX: SAD_AT_REST})
    with pytest.raises(RestError, match=r"Face 1 has no resting face to name; measure it first\."):
        scene.tracker.rest(RestRequest(1, "name", "Anna"))


def test_only_so_many_resting_faces_have_names() -> None:
    scene = Scene()
    rested(scene)
    for number in range(MAX_NAMES):
        scene.tracker.rest(RestRequest(1, "name", f"P{number:02}"))
        scene.show({BOX: SAD_AT_REST}, 0.1)
    with pytest.raises(RestError, match=f"{MAX_NAMES} resting faces have names"):
        scene.tracker.rest(RestRequest(1, "name", "one more"))
    scene.tracker.rest(RestRequest(1, "measure", "P00"))  # which takes its place
    assert len(scene.tracker.named_rests()) == MAX_NAMES


def test_what_was_eased_so_far_is_read_anew_when_the_rest_changes() -> None:
    scene = Scene()
    rested(scene)
    scene.tracker.smoothing_s = 1000.0  # from now on one frame changes next to nothing
    scene.tracker.rest(RestRequest(1, "forget"))
    assert scene.show({BOX: SAD_AT_REST}, 0.1)[1].probs == pytest.approx(SAD_AT_REST, abs=0.01)


def test_both_readings_come_from_one_recording(tmp_path: Path) -> None:
    plain, scene, session = Scene(), Scene(), Session(0)
    rested(plain)
    plain.tracker.rest(RestRequest(1, "forget"))
    rested(scene)
    for number, emotion in enumerate(("angry", "neutral", "happy", "sad")):
        shown = {BOX: probs_of(**{emotion: 0.6})}
        readings = [before.show(shown)[1] for before in (plain, scene)]
        with closing(History(str(tmp_path / "history.sqlite"))) as history:
            history.write(session, [(number * 300, readings[1])], number * 300, "demo")
            summary = history.session(1)
            assert summary
            found = [[*records(summary, history.sightings(1), rests)][-1] for rests in (None, history.rests(1))]
        for row, reading in zip(reversed(found), readings, strict=True):
            assert row[11:18] == pytest.approx(reading.probs, abs=1e-4)


def test_requests_do_not_pile_up_while_no_frame_comes() -> None:
    scene = Scene()
    scene.show({BOX: SAD_AT_REST, OTHER_BOX: SAD_AT_REST})
    for number in range(1000):  # the camera is closed
        scene.tracker.rest(RestRequest(1, "measure", f"P{number}"))
    scene.tracker.rest(RestRequest(1, "forget"))
    scene.tracker.rest(RestRequest(2, "measure"))
    assert len(scene.tracker._rest_requests) == 2
    tracks = scene.show({BOX: SAD_AT_REST, OTHER_BOX: SAD_AT_REST}, MEASURE_S + 0.5)
    assert tracks[1].rest is None
    assert tracks[2].rest is not None


def test_a_request_for_a_face_that_has_left_meanwhile_is_dropped() -> None:
    scene = Scene()
    scene.show({BOX: SAD_AT_REST})
    scene.tracker.rest(RestRequest(1, "measure"))
    scene.t_s += 3600  # the camera was closed
    tracks = scene.show({BOX: SAD_AT_REST}, MEASURE_S + 0.5)
    assert [(track.track_id, track.rest) for track in tracks.values()] == [(2, None)]


def test_the_time_that_a_face_is_away_is_not_measured() -> None:
    scene = Scene()
    scene.show({BOX: SAD_AT_REST})
    scene.tracker.rest(RestRequest(1, "measure"))
    scene.show({BOX: SAD_AT_REST}, 1)
    scene.show({}, 2)
    back = scene.show({BOX: SAD_AT_REST})[1]
    assert back.rest is None
    assert back.rest_progress == pytest.approx(1.8 / MEASURE_S, abs=0.05)


def test_a_face_that_is_not_there_cannot_be_measured() -> None:
    with pytest.raises(RestError, match=r"Face 3 is not in the picture now\."):
        Scene().tracker.rest(RestRequest(3, "measure"))


def test_a_name_that_nobody_has_cannot_be_used() -> None:
    scene = Scene()
    scene.show({BOX: SAD_AT_REST})
    with pytest.raises(RestError, match="There is no resting face with the name “Anna”"):
        scene.tracker.rest(RestRequest(1, "use", "Anna"))


@pytest.mark.parametrize(
    ("action", "name", "message"),
    [
        ("relax", "", "action must be one of measure, use, name, forget"),
        ("use", "", "name must say whose"),
        ("name", "", "name must say whose"),
        ("measure", "x" * 61, "60 characters at most"),
    ],
)
def test_a_request_that_makes_no_sense_is_one_sentence(action: str, name: str, message: str) -> None:
    with pytest.raises(RestError, match=message):
        RestRequest(1, action, name)


@pytest.mark.parametrize("sent", [{"track_id": 0}, {"track_id": -1}, {"track_id": True}, {"track_id": "1"}, []])
def test_a_face_has_a_number_from_one_on(sent: object) -> None:
    with pytest.raises(RestError, match="Send a JSON object"):
        RestRequest.parse(sent)


def test_a_name_is_cleaned_as_every_other_is() -> None:
    sent = {"track_id": 1, "action": "measure", "name": " An\0na\n \u202e👩\u200d🔬 \ud800"}
    assert RestRequest.parse(sent).name == "Anna 👩\u200d🔬"
    with pytest.raises(RestError, match="name must say whose"):
        RestRequest.parse(sent | {"action": "name", "name": "\u200b"})


def test_a_name_that_is_null_is_none() -> None:
    assert RestRequest.parse({"track_id": 1, "action": "measure", "name": None}).name == ""
