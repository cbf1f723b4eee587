"""The event stream: its pace, its words, and the way it takes to its listeners."""

import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.serving import BaseWSGIServer

from streaming.latest import Latest
from tests.fakes.camera import FRAME, FakeCamera, FakeCrowd
from tests.fakes.images import picture_of
from tests.fakes.server import Server, ask, newest_event, read_until, serving
from tests.fakes.site import make_fake_site
from tests.fakes.waiting import PATIENCE_S, until
from vision.resting_face import RestRequest
from web.events import Events, event

ASK = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("web.events.time.monotonic", lambda: now[0])
    return now


def test_a_message_is_made_once_a_frame_and_at_most_ten_times_a_second(clock: list[float]) -> None:
    frames: Latest[int] = Latest()
    count = itertools.count()
    events = Events(frames, lambda: {"number": next(count)})
    messages = []
    for frame in range(60):  # two seconds of 30 fps, read twice a frame
        frames.put(frame)
        messages += [events.peek()[0] for _ in range(2)]
        clock[0] += 1 / 30
    made = [json.loads(message)["number"] for message, _ in itertools.groupby(messages)]
    assert made == list(range(len(made)))
    assert 15 <= len(made) <= 20


def test_while_nothing_happens_a_message_is_made_every_second(clock: list[float]) -> None:
    events = Events(Latest(), dict)
    versions = []
    for _ in range(30):
        versions.append(events.peek()[1])
        clock[0] += 0.1
    assert len(set(versions)) == 3


def test_who_waits_gets_the_next_message_or_nothing() -> None:
    frames: Latest[int] = Latest()
    events = Events(frames, dict)
    _, version = events.wait(0, 0.0)
    assert events.wait(version, 0.01) == (None, version)
    frames.close()
    assert events.wait(0, PATIENCE_S) == (None, 0)


def test_an_event_is_one_line_of_data() -> None:
    assert event(b'{"a":1}') == b'data: {"a":1}\n\n'


@pytest.fixture
def crowd() -> Iterator[FakeCrowd]:
    crowd = FakeCrowd(max_viewers=2)
    yield crowd
    crowd.close()


@pytest.fixture
def server(crowd: FakeCrowd) -> Iterator[BaseWSGIServer]:
    camera = FakeCamera(crowd.feed)
    site = make_fake_site(crowd, camera=camera)
    with serving(site, threaded=False) as server:  # so a listener that kept its thread would be noticed
        yield server


def test_a_listener_is_told_at_once_and_with_each_frame_and_holds_no_thread(
    server: BaseWSGIServer, crowd: FakeCrowd
) -> None:
    listeners = [ask(server, ASK) for _ in range(2)]
    for listener in listeners:
        head = read_until(listener, b"}\n\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nContent-Type: text/event-stream\r\n" in head
        event = newest_event(head)
        assert (event["source"], event["frame"]) == ("camera 0", FRAME.index)
        assert [face["track_id"] for face in event["faces"]] == [3]
    time.sleep(0.11)
    crowd.feed.put(picture_of(8, b"<picture>"))
    for listener in listeners:
        assert b"<picture>" not in read_until(listener, b"}\n\n")
    with ask(server, b"GET /healthz HTTP/1.0\r\n\r\n") as page:
        read_until(page, b"ok\n")
    assert crowd.viewing_now == 2, "listening keeps the camera open"
    assert len(crowd.audience) == 0, "and is not watching"
    with ask(server, ASK) as third:
        assert b"503" in read_until(third, b"which is the limit")
    for listener in listeners:
        listener.close()
    until(lambda: crowd.viewing_now == 0)


def test_pictures_and_events_have_seats_of_their_own(server: BaseWSGIServer, crowd: FakeCrowd) -> None:
    crowd.feed.put(picture_of(0, b"<picture>"))
    both = [ask(server) for _ in range(2)] + [ask(server, ASK) for _ in range(2)]
    for connection, words in zip(both, (b"<picture>", b"<picture>", b"}\n\n", b"}\n\n"), strict=True):
        read_until(connection, words)
        connection.close()
    until(lambda: crowd.viewing_now == 0)


def test_without_a_connection_to_take_the_servers_thread_sends_the_same() -> None:
    crowd = FakeCrowd()
    camera = FakeCamera(crowd.feed)
    client = make_fake_site(crowd, camera=camera).test_client()
    response = client.get("/events", buffered=False)
    begin = b"".join(itertools.islice(response.iter_encoded(), 2))
    assert response.content_type == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    assert newest_event(begin)["frame"] == FRAME.index
    response.close()
    assert crowd.viewing_now == 0
    crowd.close()


class FakeControls:
    """Controls of which only the view is asked."""

    fixed = ()
    open_to_all = True

    def __init__(self) -> None:
        self.view: dict[str, Any] = {}

    def read(self) -> dict[str, Any]:
        return self.view

    def change(self, changes: dict[str, Any]) -> None: ...

    def reset(self) -> None: ...

    def rest(self, request: RestRequest) -> None: ...


def test_an_event_has_the_view_except_while_the_camera_s_process_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("web.events.REPEAT_S", 0.0)
    crowd, controls = FakeCrowd(), FakeControls()
    site = make_fake_site(crowd, controls=controls)
    response = site.test_client().get("/events", buffered=False)
    events = (newest_event(event) for event in response.iter_encoded() if event)
    assert "view" not in next(events)  # {} would be a view without switches
    controls.view = {"flip": True}
    assert next(events)["view"] == {"flip": True, "mirror": True}
    response.close()
    crowd.close()


@pytest.mark.server
def test_the_real_program_lets_its_listeners_go_when_it_ends(start_server: Callable[..., Server]) -> None:
    server = start_server("--source", "demo")
    listeners = [socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) for _ in range(16)]
    for listener in listeners:
        listener.sendall(ASK)
        assert b'"source":"demo"' in read_until(listener, b'"running":true')
    server.end()
    for listener in listeners:
        while listener.recv(65536):
            pass
        listener.close()
    server.stop()
    assert "Traceback" not in server.output
