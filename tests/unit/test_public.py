"""A site for everybody: its visitors see no controls that they may not use, and no command line."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.fakes.camera import FakeCrowd
from tests.fakes.recognition import AlwaysSad, OneFace
from tests.fakes.recording import FakeRecorder
from tests.fakes.relay import FakeCameras, make_fake_wall
from tests.fakes.site import make_fake_site
from vision.controls import Controls
from vision.live_classifier import LiveClassifier
from vision.pipeline import Pipeline
from vision.tracker import Tracker
from web.security import Access

VISITOR = {"REMOTE_ADDR": "203.0.113.7"}
FLAG = re.compile(r"--[a-z]+|main\.py")


@pytest.fixture
def crowd() -> Iterator[FakeCrowd]:
    crowd = FakeCrowd()
    yield crowd
    crowd.close()


def client_of(crowd: FakeCrowd, public: bool = True, open_to_all: bool = False) -> FlaskClient:
    """Return a client of a site, which visitors may change or not."""
    pipeline = Pipeline(OneFace(), LiveClassifier(AlwaysSad().predict), Tracker(0.3, 0.4), 80)
    recorder = FakeRecorder()
    recorder.open_to_all = open_to_all
    controls = Controls(pipeline, ("blur",), open_to_all)
    access = Access(public=public)
    return make_fake_site(crowd, controls=controls, recorder=recorder, access=access).test_client()


def refusals(client: FlaskClient, **environ: Any) -> list[str]:
    """Return what a visitor is told who wants what visitors may not."""
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}
    return [
        client.post("/view", json={"bars": True}, **environ).text,
        client.post("/recording", data={"on": "true"}, **environ).text,
        client.get("/snapshot.jpg", headers=headers, **environ).text,
    ]


def test_controls_that_visitors_may_not_use_are_not_there(crowd: FakeCrowd) -> None:
    page = client_of(crowd).get("/", environ_base=VISITOR).text
    main = page.partition("<main")[2]
    assert "disabled" not in main
    assert 'name="emoji"' not in main
    assert "/view" not in main
    assert 'id="reset"' not in main
    assert "/rest" not in main
    assert "Resting face" not in main
    assert "recording-form" not in main
    assert 'id="pause"' in main  # what is one's own
    there = client_of(crowd, open_to_all=True).get("/", environ_base=VISITOR).text
    assert 'name="emoji"' in there
    assert 'id="reset"' in there


def test_visitors_of_a_public_site_are_told_no_flags_and_whoever_runs_it_is(crowd: FakeCrowd) -> None:
    public, private = client_of(crowd), client_of(crowd, public=False)
    for text in [*refusals(public, environ_base=VISITOR), public.get("/", environ_base=VISITOR).text]:
        assert not FLAG.search(text.partition("<body")[2] or text), text
    for client, environ in ((public, {}), (private, {"environ_base": VISITOR})):
        assert all(FLAG.search(text) for text in refusals(client, **environ))


def test_a_public_wall_without_cameras_says_only_to_its_owner_how_to_start_one(crowd: FakeCrowd) -> None:
    client = make_fake_wall(FakeCameras(crowd, ()), access=Access(public=True)).test_client()
    assert "No camera is connected." in client.get("/", environ_base=VISITOR).text
    assert not FLAG.search(client.get("/", environ_base=VISITOR).text.partition("<body")[2])
    assert "python main.py camera" in client.get("/").text
