"""What pages may change in everybody's picture, and who may."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.fakes.camera import FakeCamera, FakeCrowd
from tests.fakes.images import make_rest, make_track, plain_image
from tests.fakes.recognition import AlwaysSad, OneFace
from tests.fakes.server import newest_event
from tests.fakes.site import make_fake_site
from vision.controls import SWITCHES, ControlError, Controls
from vision.crops import Tilts
from vision.detector import Detections
from vision.frames import AnnotatedFrame, Frame, Image
from vision.live_classifier import LiveClassifier
from vision.overlay import View
from vision.pipeline import Pipeline
from vision.tracker import Tracker

Open = Callable[..., FlaskClient]


class SadInTheMiddle(AlwaysSad):
    """Sees its sadness in one of nine places."""

    def explain(
        self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]], tilts_deg: Tilts = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        maps = np.zeros((len(boxes), 7, 3, 3), dtype=np.float32)
        maps[:, 4, 1, 1] = 5
        return self.predict(gray, boxes, tilts_deg), maps


class OneMarkedFace(OneFace):
    """Finds its face's landmarks, too."""

    def detect(self, image: Image) -> Detections:
        points = np.array([[[30, 40], [70, 40], [50, 60], [35, 75], [65, 75]]], dtype=np.float32)
        return Detections(super().detect(image).boxes, points)


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(
        OneMarkedFace(),
        LiveClassifier(AlwaysSad().predict),
        Tracker(0.3, 0.4),
        80,
        explain=SadInTheMiddle().explain,
    )


@pytest.fixture
def open_site(pipeline: Pipeline) -> Iterator[Open]:
    crowd = FakeCrowd()

    def open_site(**options: Any) -> FlaskClient:
        controls = Controls(pipeline, **options)
        site = make_fake_site(crowd, controls=controls)
        return site.test_client()

    yield open_site
    crowd.close()


def run(pipeline: Pipeline, frames: int = 2, start: int = 0) -> tuple[NDArray[np.uint8], list[int]]:
    """Return the last scene and the numbers of its faces."""
    for index in range(start, start + frames):
        annotated = pipeline.process(Frame(index, index / 30, plain_image(90, 120, 160)))
    assert annotated.scene is not None
    return annotated.scene, [track.track_id for track in annotated.tracks]


def test_every_switch_changes_the_picture(pipeline: Pipeline) -> None:
    controls = Controls(pipeline)
    before, _ = run(pipeline)
    for number, switch in enumerate(SWITCHES):
        if switch == "blur":  # a plain face stays plain
            continue
        controls.change({switch: not controls.read()[switch]})
        after, _ = run(pipeline, start=2 + 2 * number)
        assert (after != before).any(), switch
        before = after


def test_a_change_leaves_the_rest_as_it_was(open_site: Open) -> None:
    client = open_site()
    before = client.get("/view").get_json()
    after = client.post("/view", json={"heat": True, "smoothing_s": 0.5}).get_json()
    assert after == before | {"heat": True, "smoothing_s": 0.5}
    assert client.get("/view").get_json() == after


def test_flip_is_still_called_mirror_by_programs_for_the_version_before(open_site: Open) -> None:
    client = open_site()
    after = client.post("/view", json={"mirror": True}).get_json()
    assert (after["flip"], after["mirror"]) == (True, True)
    assert client.post("/view", json={"flip": False}).get_json()["mirror"] is False


def test_every_page_is_told_by_the_events(open_site: Open, pipeline: Pipeline) -> None:
    client = open_site()
    client.post("/view", json={"bars": True})
    response = client.get("/events", buffered=False)
    begin = b"".join(next(iter(response.iter_encoded())) for _ in range(2))
    assert newest_event(begin)["view"] == {
        **vars(pipeline.view),
        "smoothing_s": 0.3,
        "resets": 0,
        "rests": [],
        "mirror": False,
    }
    assert newest_event(begin)["view"]["bars"] is True
    response.close()


def test_a_reset_lets_the_numbers_begin_again_and_keeps_the_smoothing(
    open_site: Open, pipeline: Pipeline
) -> None:
    client = open_site()
    client.post("/view", json={"smoothing_s": 1.5})
    run(pipeline)
    pipeline.tracker._next_id = 9  # eight have come and gone
    assert client.post("/reset").get_json()["resets"] == 1
    assert run(pipeline, 3, start=5)[1] == [1]
    assert pipeline.tracker.smoothing_s == 1.5


def test_a_resting_face_is_measured_for_a_face_in_the_picture(open_site: Open, pipeline: Pipeline) -> None:
    client = open_site()
    run(pipeline)
    assert client.post("/rest", json={"track_id": 1, "action": "measure"}).status_code == 204
    run(pipeline, 3, start=5)
    [state] = pipeline.tracker._states
    assert state.track.rest_progress is not None


def test_only_those_who_may_change_the_picture_are_told_whose_resting_faces_there_are(
    open_site: Open, pipeline: Pipeline
) -> None:
    client, visitor = open_site(), open_site(open_to_all=False)
    run(pipeline)
    client.post("/rest", json={"track_id": 1, "action": "measure", "name": "Anna"})
    run(pipeline, 3 * 30 + 5, start=2)
    assert client.get("/view").get_json()["rests"] == ["Anna"]
    assert visitor.get("/view").get_json()["rests"] == []
    assert pipeline.tracker.named_rests() == ["Anna"]
    client.post("/reset")
    assert client.get("/view").get_json()["rests"] == []


@pytest.mark.parametrize("open_to_all", [True, False])
def test_the_name_of_a_resting_face_is_in_the_state_of_those_who_may_give_it(
    pipeline: Pipeline, open_to_all: bool
) -> None:
    crowd, camera = FakeCrowd(), FakeCamera()
    rest = make_rest(name="Anna")
    tracks = [replace(make_track(1, (0, 0, 9, 9)), rest=rest)]
    camera.now = replace(camera.now, newest=AnnotatedFrame(1, 1.0, 1.0, b"", tracks))
    controls = Controls(pipeline, open_to_all=open_to_all)
    site = make_fake_site(crowd, camera=camera, controls=controls)
    (face,) = site.test_client().get("/state").get_json()["faces"]
    assert face["rest"]["name"] == ("Anna" if open_to_all else "")
    assert face["rest"]["since"] == rest.since_unix_s
    crowd.close()


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"track_id": 4, "action": "measure"}, "Face 4 is not in the picture now."),
        ({"track_id": 1, "action": "calm"}, "action must be one of measure, use, name, forget."),
        ({"track_id": 1}, "action must be one of measure, use, name, forget."),
        ({"track_id": 1, "action": "use"}, "name must say whose resting face it is."),
        (
            {"track_id": 1, "action": "use", "name": "Anna"},
            "There is no resting face with the name “Anna”.",
        ),
        (
            {"track_id": 1, "action": "name", "name": "Anna"},
            "Face 1 has no resting face to name; measure it first.",
        ),
        (
            {"track_id": "1", "action": "measure"},
            "Send a JSON object, such as {“track_id”: 1, “action”: “measure”}.",
        ),
        ([1], "Send a JSON object, such as"),
    ],
)
def test_a_resting_face_that_cannot_be_is_refused_in_one_sentence(
    open_site: Open, pipeline: Pipeline, sent: Any, sentence: str
) -> None:
    client = open_site()
    run(pipeline)
    response = client.post("/rest", json=sent)
    assert response.status_code == 400
    assert sentence in response.text


def test_who_needs_to_know_is_told_of_a_reset(pipeline: Pipeline) -> None:
    told_of: list[int] = []
    controls = Controls(pipeline, on_reset=lambda: told_of.append(pipeline.tracker._next_id))
    pipeline.tracker._next_id = 9
    controls.reset()
    assert told_of == [1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"heat": "yes"}, "heat must be true or false."),
        ({"heat": 1}, "heat must be true or false."),
        ({"bars": True, "colour": True}, "There is no control of that name"),
        ({"smoothing_s": -1}, "smoothing_s must be a number from 0 to 10."),
        ({"smoothing_s": 10**400}, "smoothing_s must be a number from 0 to 10."),
        ({"smoothing_s": True}, "smoothing_s must be a number from 0 to 10."),
        (b"\xff{", "Send a JSON object"),
        (["heat"], "Send a JSON object"),
        (None, "Send a JSON object"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_and_changes_nothing(
    open_site: Open, changes: object, sentence: str
) -> None:
    client = open_site()
    before = client.get("/view").get_json()
    body: dict[str, Any] = {"data": changes} if isinstance(changes, bytes) else {"json": changes}
    response = client.post("/view", **body)
    assert response.status_code == 400
    assert response.text.startswith(sentence)
    assert response.text.count("\n") == 1
    as_json = client.post("/view", **body, headers={"Accept": "application/json"})
    assert (as_json.status_code, as_json.get_json()) == (400, {"error": response.text.strip()})
    assert client.get("/view").get_json() == before


@pytest.mark.parametrize("path", ["/view", "/rest"])
@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"a":' * 9000])
def test_json_that_is_nested_too_deeply_to_be_read_is_refused_like_any_other(
    open_site: Open, path: str, body: bytes
) -> None:
    response = open_site().post(path, data=body)
    assert response.status_code == 400
    assert response.text.startswith("Send a JSON object")


values: st.SearchStrategy[Any] = st.booleans() | st.sampled_from(
    [None, 0, 1, 0.5, 10, -1, 11, 10**400, float("nan"), "true", [], {}]
)


@given(changes=st.dictionaries(st.sampled_from([*SWITCHES, "smoothing_s", "x"]), values, max_size=4))
def test_whatever_is_wished_the_view_stays_one_that_can_be_drawn(changes: dict[str, Any]) -> None:
    pipeline = Pipeline(OneFace(), LiveClassifier(AlwaysSad().predict), Tracker(0.3, 0.4), 80)
    with contextlib.suppress(ControlError):
        Controls(pipeline).change(changes)
    assert all(isinstance(switch, bool) for switch in vars(pipeline.view).values())
    assert 0 <= pipeline.tracker.smoothing_s <= 10


def test_what_was_blurred_at_the_start_stays_so(pipeline: Pipeline) -> None:
    pipeline.view = View(blur=True)
    controls = Controls(pipeline, fixed=("blur",))
    with pytest.raises(ControlError, match="blur was set when the program started"):
        controls.change({"blur": False})
    controls.change({"blur": True, "boxes": False})
    assert pipeline.view == View(blur=True, boxes=False)


def test_a_network_without_a_live_heat_map_says_so(pipeline: Pipeline) -> None:
    controls = Controls(pipeline, fixed=("heat",))
    with pytest.raises(ControlError, match="Heat maps of this network are too slow for live video"):
        controls.change({"heat": True})
    controls.change({"heat": False})


@pytest.mark.parametrize("path", ["/view", "/reset", "/rest"])
def test_where_visitors_may_not_they_are_told(open_site: Open, path: str) -> None:
    client = open_site(open_to_all=False)
    response = client.post(path, json={"heat": True})
    assert response.status_code == 403
    assert response.text == "Visitors may not change the picture here (--controls).\n"
    assert client.get("/view").get_json()["heat"] is False


def test_another_site_changes_nothing(open_site: Open) -> None:
    client = open_site()
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/view", json={"heat": True}, headers=foreign).status_code == 403
    assert client.post("/reset", headers=foreign).status_code == 403


def test_without_controls_there_are_no_such_pages() -> None:
    crowd = FakeCrowd()
    client = make_fake_site(crowd).test_client()
    assert client.post("/view", json={"heat": True}).status_code == 404
    crowd.close()
