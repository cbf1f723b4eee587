"""A web host's one app: each camera by its address, and nothing kept of those that are gone."""

import gc
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from recording.history import History
from relay.cameras import Cameras, Published, Recorders
from relay.remote import ControlClient, RelayWaits, RemoteCamera
from settings import LOOPBACK
from streaming.audience import Audience
from streaming.latest import Latest
from streaming.sender import Sender
from streaming.variants import Variant, Variants
from tests.fakes.camera import FakeCrowd
from tests.fakes.images import picture_of
from tests.fakes.relay import FakeCameras, FakeRedis, make_fake_wall
from tests.fakes.server import ask, read_until, serving
from tests.fakes.waiting import PATIENCE_S, until
from web.credentials import Credentials
from web.events import Events
from web.history import history_pages
from web.security import Access
from web.shown import PublishedCameras, ShownCamera

KINDS = (Published, ShownCamera, RemoteCamera, ControlClient, Audience, Variants, Events, Latest, Flask)
MANY = 1000


@pytest.fixture
def crowd() -> Iterator[FakeCrowd]:
    crowd = FakeCrowd()
    crowd.feed.put(picture_of(1, b"\xff\xd8jpeg"))
    yield crowd
    crowd.close()


@pytest.fixture
def redis() -> Any:
    return FakeRedis()


@pytest.fixture
def make_cameras(redis: Any) -> Iterator[Callable[..., Cameras]]:
    """Return a function that makes a web host's cameras, which are forgotten as soon as they are gone."""
    made: list[Cameras] = []

    def make(names_s: float = 0.0, kept_s: float = 0.0) -> Cameras:
        waits = RelayWaits(names_s=names_s, kept_s=kept_s, linger_s=0.0)
        made.append(Cameras(redis, Sender(), max_viewers=8, jpeg_quality=80, waits=waits))
        return made[-1]

    yield make
    for cameras in made:
        cameras.close()


def kept() -> Counter[str]:
    """Return how many objects and threads there are of the kinds that a camera has."""
    gc.collect()
    objects = Counter(type(it).__name__ for it in gc.get_objects() if isinstance(it, KINDS))
    threads = (thread.name.partition(" ")[0] for thread in threading.enumerate())
    return objects + Counter(name for name in threads if name in ("relay", "variants"))


def test_a_thousand_names_that_nobody_has_leave_nothing_behind(make_cameras: Callable[..., Cameras]) -> None:
    client = make_fake_wall(make_cameras()).test_client()
    assert client.get("/cameras/lobby/").status_code == 404
    before = kept()
    for number in range(MANY):
        assert client.get(f"/cameras/made-up-{number}/state").status_code == 404
    assert kept() == before


def test_a_thousand_cameras_that_have_gone_leave_nothing_behind(
    make_cameras: Callable[..., Cameras], redis: FakeRedis
) -> None:
    wall = make_fake_wall(make_cameras(names_s=0.2))
    client = wall.test_client()
    with serving(wall) as server:
        before = kept()
        redis.names = [f"gone-{number}".encode() for number in range(MANY)]
        for name in redis.names:
            assert client.get(f"/cameras/{name.decode()}/state").status_code == 200
        paths = (b"/video_feed/gone-0?width=160", b"/cameras/gone-1/video_feed", b"/cameras/gone-2/events")
        viewers = [ask(server, b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path) for path in paths]
        for viewer in viewers:
            read_until(viewer, b"\r\n\r\n")
        there = kept() - before
        assert (there["Published"], there["ShownCamera"], there["RemoteCamera"]) == (MANY, MANY, MANY)
        assert (there["variants"], there["relay"]) == (1, 3)
        redis.names.clear()
        until(lambda: client.get("/cameras").get_json()["cameras"] == [])
        assert (kept() - before)["Published"] == 3  # whose viewers go on waiting for them
        for viewer in viewers:
            viewer.close()
        until(lambda: client.get("/cameras").status_code == 200 and kept() == before)


def test_a_camera_that_has_gone_is_there_for_as_long_as_somebody_watches_it(
    make_cameras: Callable[..., Cameras], redis: FakeRedis
) -> None:
    cameras = make_cameras()
    client = make_fake_wall(cameras).test_client()
    redis.names = [b"lobby"]
    seat = cameras.find("lobby").audience.admit("me", Variant(None, None))
    redis.names.clear()
    assert client.get("/cameras").get_json()["cameras"] == []
    assert client.get("/cameras/lobby/state?viewer=me").get_json()["watching"] is True
    seat.leave("it left")
    assert client.get("/cameras/lobby/state?viewer=me").status_code == 404
    redis.names = [b"lobby"]
    assert client.get("/cameras/lobby/state?viewer=me").get_json()["viewers"] == 0


def test_a_request_under_way_finds_its_camera_open(
    make_cameras: Callable[..., Cameras], redis: FakeRedis
) -> None:
    cameras = make_cameras(kept_s=PATIENCE_S)
    redis.names = [b"lobby"]
    found = cameras.find("lobby")
    redis.names.clear()
    assert cameras.names() == []  # as another request asks, between finding it and taking a seat
    seat = found.audience.admit("me", Variant(None, None))
    assert not seat.feed.closed
    seat.leave("it left")


def test_all_listeners_of_a_camera_share_one_feed_of_events(crowd: FakeCrowd) -> None:
    shown = PublishedCameras(FakeCameras(crowd))
    assert shown.find("lobby").events is shown.find("lobby").events
    assert shown.find("lobby").events is not shown.find("door").events


def test_the_pages_of_a_camera_link_to_those_of_the_same_camera(crowd: FakeCrowd) -> None:
    client = make_fake_wall(FakeCameras(crowd)).test_client()
    page = client.get("/cameras/door/").text
    for name in ("feed", "state", "events", "view", "reset", "newest"):
        assert f'data-{name}="/cameras/door/' in page
    for link in ("/cameras/door/samples/happy", "/cameras/door/recording", "/cameras/door/snapshot.jpg"):
        assert f'"{link}"' in page
    samples = client.get("/cameras/door/samples/happy").text
    assert "<title>Happy faces" in samples
    assert 'href="/cameras/door/samples/sad"' in samples
    assert '<a href="/cameras/door/" aria-current="true">door</a>' in samples


@pytest.fixture
def recorded(redis: Any, tmp_path: Any) -> Iterator[FlaskClient]:
    """A web host with a history, whose camera lobby is published."""
    redis.names = [b"lobby"]
    cameras = Cameras(redis, Sender(), max_viewers=8, jpeg_quality=80)
    history = History(str(tmp_path / "history.sqlite"))
    yield make_fake_wall(cameras, [history_pages(history, Recorders(cameras))]).test_client()
    cameras.close()
    history.close()


@pytest.mark.parametrize("path", ["/history", "/history/3?face=2", "/history/3.csv", "/history/delete"])
def test_what_version_0_1_had_below_each_camera_leads_to_the_hosts_own(
    recorded: FlaskClient, path: str
) -> None:
    answer = recorded.get(f"/cameras/lobby{path}", environ_overrides={"SCRIPT_NAME": "/faces"})
    assert (answer.status_code, answer.location) == (307, f"/faces{path}")
    for page in ("/emotions.css", "/healthz", "/static/css/site.css"):
        assert recorded.get(f"/cameras/lobby{page}").location == page


def test_a_form_of_version_0_1_is_sent_on(recorded: FlaskClient) -> None:
    answer = recorded.post("/cameras/lobby/history/3/delete")
    assert (answer.status_code, answer.location) == (307, "/history/3/delete")


@pytest.mark.parametrize("path", ["nothing", "history/x", "evil.example", "%5Cevil.example", "%2Fevil.example"])
def test_what_is_neither_of_the_camera_nor_of_the_host_is_not_there(recorded: FlaskClient, path: str) -> None:
    answer = recorded.get(f"/cameras/lobby/{path}")
    if path.startswith("%2F"):  # of several slashes Werkzeug makes one
        answer = recorded.get(answer.location or "")
        assert answer.request.path == "/cameras/lobby/evil.example"
    assert answer.status_code == 404


def test_the_history_of_a_host_leads_back_to_its_wall(recorded: FlaskClient) -> None:
    page = recorded.get("/history").text
    assert '<a href="/">the live picture</a>' in page
    assert '<a href="/">All cameras</a>' in page


def test_a_stranger_cannot_try_out_names(crowd: FakeCrowd) -> None:
    access = Access(LOOPBACK, Credentials(token="t0ken"))
    client = make_fake_wall(FakeCameras(crowd), access=access).test_client()
    for name in ("lobby", "cellar"):
        for page in ("", "state", "healthz", "history"):
            assert client.get(f"/cameras/{name}/{page}").status_code == 401, page
        assert client.get(f"/video_feed/{name}").status_code == 401
    assert client.get("/cameras/cellar/state?token=t0ken").status_code == 404


def test_the_page_of_a_camera_remembers_a_token_too(crowd: FakeCrowd) -> None:
    access = Access(LOOPBACK, Credentials(token="t0ken"))
    client = make_fake_wall(FakeCameras(crowd), access=access).test_client()
    assert client.get("/cameras/lobby/?token=t0ken").location == "/cameras/lobby/"
    assert client.get("/cameras/door/").status_code == 200


@pytest.mark.parametrize("name", ["a%0D%0Ab", "a%3Fb", "50%25"])
def test_a_redirect_quotes_the_name_in_its_address(crowd: FakeCrowd, name: str) -> None:
    access = Access(LOOPBACK, Credentials(token="t0ken"))
    client = make_fake_wall(FakeCameras(crowd), access=access).test_client()
    assert client.get(f"/cameras/{name}/?token=t0ken").location == f"/cameras/{name}/"
    client.get("/?token=t0ken")
    assert client.get("/cameras/lobby/static/a%3Fb?c=1").location == "/static/a%3Fb?c=1"


def test_the_streams_of_every_camera_may_be_embedded(crowd: FakeCrowd) -> None:
    hall = "https://hall.example.org"
    client = make_fake_wall(FakeCameras(crowd), access=Access(LOOPBACK, embedders=[hall])).test_client()
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": hall}
    for path in ("/video_feed/lobby", "/cameras/lobby/video_feed", "/cameras/lobby/events"):
        with client.get(path, headers=headers, buffered=False) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == hall
    assert client.get("/cameras/lobby/", headers=headers).status_code == 403


def test_an_error_before_the_camera_is_looked_up_has_a_page_too(crowd: FakeCrowd) -> None:
    client = make_fake_wall(FakeCameras(crowd)).test_client()
    answer = client.post("/cameras/lobby/view", headers={"Transfer-Encoding": "chunked"})
    assert answer.status_code == 411
    assert '<a href="/">Back to the live stream</a>' in answer.text
