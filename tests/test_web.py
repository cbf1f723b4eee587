import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from camera import State
from emotions import DETAILS, EMOTIONS
from pipeline import AnnotatedFrame
from samples import Sample
from settings import ROOT
from stream import CONTENT_TYPE
from tests.fakes import make_track
from web import make_site
from web.live import MAX_VIEWERS

FRAME = AnnotatedFrame(7, 1.0, 1.02, b"\xff\xd8jpeg", [make_track(3, (10, 20, 110, 120), "surprise")])


class FakeCamera:
    """A camera with three frames and whatever state the test gives it."""

    def __init__(self) -> None:
        self.now = State("camera 0", "", True, "", 29.97, 20.0, 1, FRAME)
        self.picture: AnnotatedFrame | None = FRAME

    def watch(self) -> Iterator[AnnotatedFrame]:
        yield from (FRAME, FRAME, FRAME)

    def snapshot(self, timeout_s: float) -> AnnotatedFrame | None:
        assert timeout_s > 0
        return self.picture

    def state(self) -> State:
        return self.now


class FakeSamples:
    def of(self, emotion: str) -> list[Sample]:
        probs = np.full(7, 0.05, dtype=np.float32)
        probs[EMOTIONS.index(emotion)] = 0.7
        return [Sample(f"samples/{emotion}/{number:02}.jpg", probs) for number in range(1, 9)]


@pytest.fixture
def camera() -> FakeCamera:
    return FakeCamera()


@pytest.fixture
def site(camera: FakeCamera) -> Flask:
    return make_site(camera, FakeSamples(), "127.0.0.1")


@pytest.fixture
def client(site: Flask) -> FlaskClient:
    return site.test_client()


def test_the_page_shows_the_stream_and_links_every_emotion(client: FlaskClient) -> None:
    page = client.get("/").text
    assert 'data-feed="/video_feed"' in page
    for name, details in DETAILS.items():
        assert f'href="/samples/{name}"' in page
        assert details.description in page


def test_the_page_says_what_is_done_with_the_pictures(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "never stored" in page
    assert "shows" in page


def test_the_feed_is_a_multipart_stream_of_jpegs(client: FlaskClient) -> None:
    response = client.get("/video_feed")
    assert response.headers["Content-Type"] == CONTENT_TYPE
    assert response.headers["Cache-Control"] == "no-store"
    assert response.data.count(FRAME.jpeg) == 3


def test_a_page_is_told_whether_its_own_stream_still_runs(client: FlaskClient) -> None:
    assert client.get("/state?viewer=me").get_json()["watching"] is False
    stream = client.get("/video_feed?viewer=me", buffered=False)
    next(iter(stream.response))
    next(iter(stream.response))
    assert client.get("/state?viewer=me").get_json()["watching"] is True
    assert client.get("/state?viewer=you").get_json()["watching"] is False
    stream.close()
    assert client.get("/state?viewer=me").get_json()["watching"] is False


def test_one_viewer_too_many_is_told_to_come_back(client: FlaskClient, camera: FakeCamera) -> None:
    camera.now = replace(camera.now, viewers=MAX_VIEWERS)
    response = client.get("/video_feed")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "60"


def test_a_site_of_this_machine_answers_to_this_machines_names_only(camera: FakeCamera) -> None:
    private = make_site(camera, FakeSamples(), "127.0.0.1").test_client()
    assert private.get("/state", headers={"Host": "rebound.example:5000"}).status_code == 400
    assert private.get("/state", headers={"Host": "localhost:5000"}).status_code == 200
    shared = make_site(camera, FakeSamples(), "0.0.0.0").test_client()
    assert shared.get("/state", headers={"Host": "hall.example:5000"}).status_code == 200


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    response = client.post("/state")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_the_snapshot_is_the_newest_annotated_frame(client: FlaskClient) -> None:
    response = client.get("/snapshot.jpg")
    assert response.data == FRAME.jpeg
    assert response.mimetype == "image/jpeg"


def test_a_snapshot_without_a_picture_is_a_503_with_a_sentence(client: FlaskClient, camera: FakeCamera) -> None:
    camera.picture = None
    response = client.get("/snapshot.jpg")
    assert response.status_code == 503
    assert "no picture yet" in response.text


def test_the_state_is_complete_and_its_emotions_are_in_order(client: FlaskClient) -> None:
    state = json.loads(client.get("/state").data)
    assert state.keys() == {
        *("source", "note", "running", "problem", "fps", "latency_ms", "viewers", "frame", "faces", "watching")
    }
    assert (state["source"], state["running"], state["fps"], state["viewers"]) == ("camera 0", True, 30.0, 1)
    (face,) = state["faces"]
    assert (face["track_id"], face["box"], face["emotion"]) == (3, [10, 20, 110, 120], "surprise")
    assert face["confidence"] == 0.7
    assert tuple(face["probs"]) == EMOTIONS


def test_the_state_of_a_camera_that_nobody_watches_is_empty_but_valid(
    client: FlaskClient, camera: FakeCamera
) -> None:
    camera.now = State("auto", "", False, "", 0.0, 0.0, 0, None)
    state = client.get("/state").get_json()
    assert (state["running"], state["frame"], state["faces"]) == (False, None, [])


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_sample_page_shows_every_sample_with_its_reading(client: FlaskClient, emotion: str) -> None:
    page = client.get(f"/samples/{emotion}").text
    assert page.count("<figure>") == 8
    assert f"/static/samples/{emotion}/08.jpg" in page
    assert "70" in page
    assert "commons.wikimedia.org" in page


def test_an_unknown_emotion_is_a_404_that_names_the_known_ones(client: FlaskClient) -> None:
    response = client.get("/samples/bored%3Cb%3E")
    assert response.status_code == 404
    assert "angry, disgust" in response.text
    assert "<b>" not in response.text


def test_an_unknown_page_is_a_404_in_the_sites_own_dress(client: FlaskClient) -> None:
    response = client.get("/nothing")
    assert response.status_code == 404
    assert "Back to the live stream" in response.text


def test_healthz_answers_while_the_process_can_serve(client: FlaskClient) -> None:
    assert client.get("/healthz").data == b"ok\n"


def test_the_page_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    for page in (client.get("/").text, client.get("/samples/happy").text):
        assert 'src="http' not in page
        assert 'rel="stylesheet" href="/static/' in page


def test_the_sites_edge_loads_without_opencv_and_torch() -> None:
    check = "import sys, web.live; sys.exit(bool({'cv2', 'torch'} & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True, timeout=60)
