"""The mirror's page and its two ways for frames."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, TextMessage

from settings import LOOPBACK
from streaming.browser_cameras import MAX_BYTES, BrowserCameras
from tests.fakes.browser_cameras import QUICK, Hall, jpeg_of
from tests.fakes.camera import FakeCrowd
from tests.fakes.server import Server
from tests.fakes.site import make_fake_site
from tests.fakes.waiting import PATIENCE_S, until
from tests.fakes.websocket import Visitor
from vision.controls import ControlError
from vision.tracker import Tracker
from web.browser_cameras import browser_camera_pages
from web.credentials import Credentials
from web.security import Access


@pytest.fixture
def hall() -> Iterator[Hall]:
    hall = Hall()
    yield hall
    hall.cameras.close()


@pytest.fixture
def site(hall: Hall) -> Flask:
    return site_of(hall)


def site_of(hall: Hall, idle_s: float = PATIENCE_S) -> Flask:
    crowd = FakeCrowd()
    crowd.close()
    return make_fake_site(crowd, [browser_camera_pages(hall.cameras, idle_s=idle_s, tick_s=0.01)])


@pytest.fixture
def client(site: Flask) -> FlaskClient:
    return site.test_client()


class Call:
    """A visitor of the real view, over real sockets; the view runs in a thread as in a server."""

    def __init__(self, site: Flask, **headers: str) -> None:
        self.servers, theirs = socket.socketpair()
        self.visitor = Visitor(theirs, **headers)
        environ: dict[str, Any] = self.visitor.environ() | {
            "REQUEST_METHOD": "GET",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "gunicorn.socket": self.servers,
        }
        self.status = ""
        self.body = b""
        self.thread = threading.Thread(target=self.serve, args=(site, environ))
        self.thread.start()

    def serve(self, site: Flask, environ: dict[str, Any]) -> None:
        def start_response(status: str, *_: Any) -> Any:
            self.status = status

        self.body = b"".join(site.wsgi_app(environ, start_response))

    def ask(self, jpeg: bytes) -> dict[str, Any]:
        self.visitor.send(BytesMessage(jpeg))
        event = self.visitor.next()
        assert isinstance(event, TextMessage), event
        answer: dict[str, Any] = json.loads(event.data)
        return answer

    def end(self) -> None:
        self.visitor.connection.close()
        self.thread.join(PATIENCE_S)
        self.servers.close()
        assert not self.thread.is_alive()


@pytest.fixture
def call(site: Flask) -> Iterator[Call]:
    call = Call(site)
    assert isinstance(call.visitor.next(), AcceptConnection)
    yield call
    call.end()


def test_the_page_says_what_happens_to_the_pictures_before_the_camera_is_asked_for(client: FlaskClient) -> None:
    page = client.get("/camera").text
    assert "Nothing is stored" in page
    assert page.index("Start my camera") < page.index("Nothing is stored")
    assert '<a href="/camera" aria-current="page">My camera</a>' in page
    assert "camera=(self)" in client.get("/camera").headers["Permissions-Policy"]


@pytest.mark.parametrize("query", ["", "?start", "?screen&x=%C3%A9"])
def test_the_former_address_leads_to_the_page_for_good(client: FlaskClient, query: str) -> None:
    response = client.get(f"/mirror{query}")
    assert (response.status_code, response.headers["Location"]) == (308, f"/camera{query}")


@pytest.mark.parametrize("path", ["/", "/camera", "/about"])
def test_the_game_is_linked_where_people_look_for_it(client: FlaskClient, path: str) -> None:
    assert 'href="/game"' in client.get(path).text


def test_no_page_leads_to_the_game_where_visitors_cameras_are_not_read() -> None:
    crowd = FakeCrowd()
    crowd.close()
    client = make_fake_site(crowd).test_client()
    for path in ("/", "/about"):
        assert "/game" not in client.get(path).text


def test_each_frame_is_answered_as_state_does_it(call: Call, client: FlaskClient) -> None:
    assert call.ask(jpeg_of(200))["faces"] == []
    answer = call.ask(jpeg_of(200))
    (face,) = answer.pop("faces")
    assert answer.pop("latency_ms") > 0
    assert answer == {"frame": 2, "width": 48, "height": 40, "rests": []}
    assert (face["emotion"], face["box"]) == ("happy", [4, 4, 36, 36])
    assert face.keys() == client.get("/state").get_json()["faces"][0].keys()


def test_heat_maps_and_smoothing_are_asked_for_by_a_text(call: Call) -> None:
    call.ask(jpeg_of(200))
    assert "heat" not in call.ask(jpeg_of(200))["faces"][0]
    call.visitor.send(TextMessage('{"heat": true, "smoothing_s": 0}'))
    (face,) = call.ask(jpeg_of(50))["faces"]
    assert face["heat"] == [[100, 50], [0, 0]]
    assert face["probs"]["sad"] == pytest.approx(0.7, abs=1e-4)  # at once: nothing is eased
    call.visitor.send(TextMessage('{"heat": false}'))
    assert "heat" not in call.ask(jpeg_of(50))["faces"][0]


def test_a_resting_face_is_asked_for_by_a_text_and_stays_in_this_connection(
    call: Call, site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vision.resting_face.MEASURE_S", 0.02)
    for _ in range(2):
        call.ask(jpeg_of(50))

    def ask(**request: Any) -> dict[str, Any]:
        call.visitor.send(TextMessage(json.dumps({"rest": request})))
        return call.ask(jpeg_of(50))

    def until_rested(asked: dict[str, Any]) -> dict[str, Any]:
        for _ in range(200):
            (face,) = asked["faces"]
            if face["rest"] and face["rest"]["progress"] == 1:
                return asked
            time.sleep(0.001)
            asked = call.ask(jpeg_of(50))
        raise AssertionError(asked)

    seen = until_rested(ask(track_id=1, action="measure", name="Anna"))
    assert "refusal" not in seen
    assert seen["rests"] == ["Anna"]
    (face,) = seen["faces"]
    assert face["rest"]["probs"]["sad"] == pytest.approx(0.7, abs=1e-3)
    assert face["probs"]["sad"] < 0.3
    assert ask(track_id=1, action="forget")["faces"][0]["probs"]["sad"] == pytest.approx(0.7, abs=1e-3)
    other = Call(site)
    assert isinstance(other.visitor.next(), AcceptConnection)
    assert other.ask(jpeg_of(50))["rests"] == []
    other.end()


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"track_id": 7, "action": "measure"}, "Face 7 is not in the picture now."),
        ({"track_id": 1, "action": "calm"}, "action must be one of measure, use, name, forget."),
        (
            {"track_id": True, "action": "measure"},
            "Send a JSON object, such as {“track_id”: 1, “action”: “measure”}.",
        ),
        ([], "Send a JSON object, such as {“track_id”: 1, “action”: “measure”}."),
    ],
)
def test_a_resting_face_that_cannot_be_is_refused_in_the_next_answer_and_the_frames_go_on(
    call: Call, sent: object, sentence: str
) -> None:
    for _ in range(2):
        call.ask(jpeg_of(50))
    call.visitor.send(TextMessage(json.dumps({"rest": sent})))
    assert call.ask(jpeg_of(50))["refusal"] == sentence
    assert "refusal" not in call.ask(jpeg_of(50))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hello", "A text must be a JSON object, such as {“heat”: true}."),
        ("[" * 5000, "A text must be a JSON object, such as {“heat”: true}."),
        ('{"boxes": true}', "Your own camera has only the controls heat and smoothing_s."),
        ('{"smoothing_s": NaN}', "smoothing_s must be a number from 0 to 10."),
        ('{"heat": 1}', "heat must be true or false."),
    ],
)
def test_a_text_that_is_not_understood_ends_the_socket_with_one_sentence(
    call: Call, text: str, sentence: str
) -> None:
    call.visitor.send(TextMessage(text))
    assert call.visitor.next() == CloseConnection(1007, sentence)


def test_a_visitor_that_goes_frees_its_mirror(call: Call, hall: Hall) -> None:
    call.ask(jpeg_of(200))
    assert len(hall.cameras) == 1
    call.end()
    assert len(hall.cameras) == 0


@pytest.mark.parametrize(
    ("sent", "code", "sentence"),
    [
        (os.urandom(5000), 1007, "This is not a JPEG picture that can be read."),
        (jpeg_of(9, 2000, 8), 1007, "A frame may have 1280x960 px at most, not 2000x8."),
        (bytes(MAX_BYTES + 1), 1009, f"A message may have {MAX_BYTES} bytes at most."),
    ],
    ids=["garbage", "too wide", "too many bytes"],
)
def test_what_is_no_frame_ends_the_socket_with_one_sentence(
    call: Call, sent: bytes, code: int, sentence: str
) -> None:
    call.visitor.send(BytesMessage(sent))
    assert call.visitor.next() == CloseConnection(code, sentence)


def test_one_visitor_too_many_is_told_so(site: Flask, hall: Hall) -> None:
    for name in ("a", "b", "c"):
        hall.cameras.session(name)
    call = Call(site)
    assert isinstance(call.visitor.next(), AcceptConnection)
    assert call.visitor.next() == CloseConnection(
        1013, "All 3 places for visitors' cameras are taken; try again in a minute."
    )
    call.end()


def test_a_visitor_without_frames_is_disconnected(hall: Hall) -> None:
    call = Call(site_of(hall, idle_s=0.02))
    assert isinstance(call.visitor.next(), AcceptConnection)
    assert call.visitor.next() == CloseConnection(1000, "No frame has come for 0 s.")
    call.end()


def test_an_open_socket_ends_at_once_when_the_server_does(call: Call, hall: Hall) -> None:
    call.ask(jpeg_of(200))
    hall.cameras.close()
    assert call.visitor.next() == CloseConnection(1001, "The server is shutting down.")


def test_the_page_of_another_site_gets_no_socket(site: Flask, hall: Hall) -> None:
    call = Call(site, Origin="http://evil.example")
    call.thread.join(PATIENCE_S)
    assert call.status == "403 FORBIDDEN"
    assert len(hall.cameras) == 0
    call.end()
    own = Call(site, Origin="http://localhost")
    assert isinstance(own.visitor.next(), AcceptConnection)
    own.end()


def test_a_socket_needs_the_secret_too(hall: Hall) -> None:
    crowd = FakeCrowd()
    pages = [browser_camera_pages(hall.cameras)]
    secret = Credentials(token="t0ken")
    site = make_fake_site(crowd, pages, access=Access(LOOPBACK, secret))
    for headers, status in (({}, "401 UNAUTHORIZED"), ({"Authorization": "Bearer t0ken"}, "")):
        call = Call(site, **headers)
        if status:
            call.thread.join(PATIENCE_S)
            assert call.status == status
        else:
            assert isinstance(call.visitor.next(), AcceptConnection)
        call.end()
    crowd.close()


@pytest.mark.parametrize("version", ["7", ""])
def test_a_handshake_that_is_none_is_refused_in_a_sentence(site: Flask, version: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, suppress(OSError):
        environ = {"gunicorn.socket": ours}
        headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": version}
        response = site.test_client().get("/mirror/socket", headers=headers, environ_overrides=environ)
        assert response.status_code == 400
        assert "Sec-WebSocket" in response.text


def post(client: FlaskClient, data: bytes, session: str = "me") -> Any:
    return client.post(f"/api/v1/camera?session={session}", data=data, content_type="image/jpeg")


def test_frames_can_be_posted_too_and_a_session_remembers_its_faces(client: FlaskClient) -> None:
    assert post(client, jpeg_of(200)).get_json()["faces"] == []
    response = post(client, jpeg_of(200))
    assert [face["emotion"] for face in response.get_json()["faces"]] == ["happy"]
    assert response.headers["Cache-Control"] == "no-store"
    assert post(client, jpeg_of(200), "you").get_json()["faces"] == []


def test_a_posted_frame_asks_for_a_resting_face_in_its_query(client: FlaskClient) -> None:
    for _ in range(2):
        post(client, jpeg_of(50))
    answer = post(client, jpeg_of(50), "me&rest=measure&track_id=1").get_json()
    assert "refusal" not in answer
    assert answer["faces"][0]["rest"]["progress"] < 1
    for query, sentence in (
        ("rest=measure&track_id=2", "Face 2 is not in the picture now."),
        ("rest=measure&track_id=x", "Send a JSON object, such as {“track_id”: 1, “action”: “measure”}."),
        ("rest=use&track_id=1", "name must say whose resting face it is."),
    ):
        response = post(client, jpeg_of(50), f"me&{query}")
        assert (response.status_code, response.get_json()["refusal"]) == (200, sentence)


def test_posted_frames_have_their_controls_in_the_query(client: FlaskClient) -> None:
    post(client, jpeg_of(200))
    (face,) = post(client, jpeg_of(50), "me&heat=1&smoothing_s=0").get_json()["faces"]
    assert (face["heat"], face["emotion"]) == ([[100, 50], [0, 0]], "sad")
    for query, sentence in (
        ("smoothing_s=fast", "smoothing_s must be a number."),
        ("smoothing_s=11", "smoothing_s must be a number from 0 to 10."),
        ("heat=true", "heat must be 1, for heat maps in the answer, or 0."),
    ):
        response = post(client, jpeg_of(50), f"me&{query}")
        assert (response.status_code, response.get_json()) == (400, {"error": sentence})
    (face,) = post(client, jpeg_of(50), "me&heat=0").get_json()["faces"]
    assert "heat" not in face


def test_where_no_map_is_quick_enough_nobody_gets_one(hall: Hall) -> None:
    cameras = BrowserCameras(
        hall.classifier.predict_each, hall.make_detector, lambda: Tracker(0.3, 0.4), 1, waits=QUICK
    )
    with cameras.opened() as camera, pytest.raises(ControlError, match="too slow for live video"):
        cameras.change(camera, {"smoothing_s": 0, "heat": True})
    assert camera.tracker.smoothing_s == 0.3
    cameras.close()


@pytest.mark.parametrize(
    ("data", "session", "status", "sentence"),
    [
        (b"", "me", 400, "This is not a JPEG picture that can be read."),
        (jpeg_of(9), "", 400, "Give ?session= a name of your own: 1 to 64 letters, digits, - or _."),
        (jpeg_of(9), "é", 400, "Give ?session= a name of your own: 1 to 64 letters, digits, - or _."),
        (bytes(MAX_BYTES + 1), "me", 413, f"A frame may have {MAX_BYTES} bytes at most."),
    ],
    ids=["empty", "no session", "no name", "too many bytes"],
)
def test_what_cannot_be_posted_is_refused_in_one_sentence(
    client: FlaskClient, data: bytes, session: str, status: int, sentence: str
) -> None:
    response = post(client, data, session)
    assert (response.status_code, response.get_json()) == (status, {"error": sentence})


def test_the_former_address_of_the_api_answers_alike(client: FlaskClient) -> None:
    for _ in range(2):
        response = client.post("/api/v1/mirror?session=me", data=jpeg_of(200), content_type="image/jpeg")
    assert [face["emotion"] for face in response.get_json()["faces"]] == ["happy"]


def test_one_session_too_many_is_told_to_come_back(client: FlaskClient) -> None:
    for name in ("a", "b", "c"):
        assert post(client, jpeg_of(200), name).status_code == 200
    response = post(client, jpeg_of(200), "d")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "60")
    assert response.get_json()["error"].startswith("All 3 places for visitors' cameras are taken")


def test_a_session_that_posts_too_fast_is_told_to_wait(client: FlaskClient, hall: Hall) -> None:
    hall.classifier.go.clear()
    first = threading.Thread(target=post, args=(client.application.test_client(), jpeg_of(200)))
    first.start()
    until(lambda: hall.classifier.batches)
    response = post(client, jpeg_of(200))
    hall.classifier.go.set()
    first.join(PATIENCE_S)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")


def test_a_server_that_ends_says_so(client: FlaskClient, hall: Hall) -> None:
    hall.cameras.close()
    response = post(client, jpeg_of(200))
    assert (response.status_code, response.get_json()) == (503, {"error": "The server is shutting down."})


@pytest.mark.server
def test_a_signal_ends_the_program_at_once_with_sockets_open(start_server: Callable[..., Server]) -> None:
    server = start_server("--source", "demo")
    visitors = [Visitor(socket.create_connection(("127.0.0.1", server.port))) for _ in range(4)]
    for visitor in visitors:
        visitor.connection.sendall(visitor.request)
        assert isinstance(visitor.next(), AcceptConnection)
    visitors[0].send(BytesMessage(jpeg_of(200, 640, 480)))
    assert isinstance(visitors[0].next(), TextMessage)
    server.end()
    for visitor in visitors:
        assert visitor.next() == CloseConnection(1001, "The server is shutting down.")
        visitor.connection.close()
    server.stop()
    assert "Traceback" not in server.output
