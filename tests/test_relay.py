"""What goes through Redis, and the wall's pages; Redis itself is in test_relay_server.py."""

import time
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as RedisConnectionError

from camera import State
from pipeline import AnnotatedFrame, encode_jpeg
from relay import RemoteCamera, UnknownError, encode_from_jpeg, pack, unpack
from settings import SettingsError, read_settings
from tests.fakes import FakeCrowd, make_track, picture_of, plain_image, until
from variants import Variant
from web import make_wall

STATE = State("demo", "a note", True, "", 30.0, 5.0, 1, None)


class FakeCameras:
    """Two cameras, of which one is watched here; Redis can be away."""

    def __init__(self, crowd: FakeCrowd) -> None:
        self.crowd, self.away = crowd, False

    def names(self) -> list[str]:
        if self.away:
            raise RedisConnectionError("refused")
        return ["door", "lobby"]

    def audience(self, name: str) -> object:
        if name not in self.names():
            raise UnknownError(f"There is no camera “{name}” here.")
        return self.crowd.audience

    def state(self, name: str) -> State | None:
        newest = AnnotatedFrame(7, 1.0, 1.02, b"jpeg", [make_track(1, (1, 2, 30, 40))])
        return State("demo", "", True, "", 29.97, 20.0, 1, newest) if name == "lobby" else None


@pytest.fixture
def cameras() -> Iterator[FakeCameras]:
    crowd = FakeCrowd()
    crowd.feed.put(picture_of(1, b"\xff\xd8jpeg"))
    yield FakeCameras(crowd)
    crowd.close()


@pytest.fixture
def client(cameras: FakeCameras) -> FlaskClient:
    return make_wall(cameras, "127.0.0.1").test_client()  # type: ignore[arg-type]


def as_read(fields: dict[str, bytes]) -> dict[bytes, bytes]:
    return {name.encode(): value for name, value in fields.items()}


def test_a_frame_comes_out_of_redis_as_it_went_in() -> None:
    captured_at = time.monotonic() - 0.05
    sent = AnnotatedFrame(9, captured_at, captured_at + 0.01, b"jpeg", [make_track(3, (1, 2, 30, 40), "sad")])
    came, source, note = unpack(as_read(pack(sent, STATE)))
    (track,), (expected,) = came.tracks, sent.tracks
    assert (came.index, came.jpeg, came.problem, source, note) == (9, b"jpeg", "", "demo", "a note")
    assert came.captured_at == pytest.approx(captured_at, abs=0.01)
    assert (track.track_id, track.box, track.emotion, track.sure) == (3, (1, 2, 30, 40), "sad", True)
    assert np.allclose(track.probs, expected.probs, atol=1e-5)
    assert track.probs.dtype == np.float32


def test_a_camera_whose_clock_is_ahead_has_not_seen_the_future() -> None:
    sent = AnnotatedFrame(9, time.monotonic() + 60, time.monotonic() + 60, b"jpeg")
    came, _, _ = unpack(as_read(pack(sent, STATE)))
    assert came.captured_at <= came.published_at


class OneEntry:
    """A Redis in whose stream there is one frame after the other, all of them broken but the last."""

    def __init__(self) -> None:
        self.entries = [{b"jpeg": b""}, {b"about": b"{}", b"jpeg": b""}, {b"about": b"no json", b"jpeg": b""}]
        self.entries.append(as_read(pack(picture_of(5, b"whole"), STATE)))

    def set(self, *_: object, **__: object) -> None:
        pass

    def xread(self, *_: object, **__: object) -> list[object]:
        if not self.entries:
            time.sleep(0.01)
            return []
        return [[b"frames", [(b"1-0", self.entries.pop(0))]]]


def test_frames_that_cannot_be_read_are_said_to_be_so_and_the_next_good_one_is_shown() -> None:
    camera = RemoteCamera(OneEntry(), "lobby")  # type: ignore[arg-type]
    problems: list[str] = []
    camera.annotated.subscribe(lambda: problems.append(camera.state().problem))
    with camera.viewing():
        until(lambda: (newest := camera.annotated.newest()) and newest.jpeg == b"whole")
    camera.close()
    assert problems[0] == "lobby sends what this host cannot read; is it of another version?"
    assert camera.state().source == "demo"


def test_a_smaller_stream_is_made_of_the_jpeg_that_came() -> None:
    came = picture_of(1, encode_jpeg(plain_image(100, 480, 640), 90))
    small = encode_from_jpeg(came, Variant(160, None), 80)
    assert len(small.jpeg) < len(came.jpeg)
    broken = picture_of(1, b"no jpeg")
    assert encode_from_jpeg(broken, Variant(160, None), 80).jpeg == b"no jpeg"


def test_the_cameras_are_listed_with_what_is_known_here(client: FlaskClient) -> None:
    listing = client.get("/cameras").get_json()
    door, lobby = listing["cameras"]
    assert listing["problem"] == ""
    assert (door["name"], door["fps"], door["faces"]) == ("door", None, None)
    assert (lobby["name"], lobby["source"], lobby["fps"]) == ("lobby", "demo", 30.0)
    assert [face["emotion"] for face in lobby["faces"]] == ["happy"]


def test_each_camera_has_its_stream(client: FlaskClient) -> None:
    response = client.get("/video_feed/lobby", buffered=False)
    assert response.status_code == 200
    assert b"\xff\xd8jpeg" in b"".join(islice(response.iter_encoded(), 2))
    response.close()
    assert client.get("/video_feed/cellar").status_code == 404
    assert "no camera “cellar”" in client.get("/video_feed/cellar").text


def test_without_redis_every_page_says_so(client: FlaskClient, cameras: FakeCameras) -> None:
    assert client.get("/readyz").data == b"cameras: 2\n"
    cameras.away = True
    assert client.get("/cameras").status_code == 503
    assert client.get("/cameras").get_json()["problem"].startswith("Redis")
    assert client.get("/video_feed/lobby").status_code == 503
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    assert 'id="wall"' in client.get("/").text
    assert "--tone" in client.get("/emotions.css").text


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["camera"], "--role camera needs --redis-url"),
        (["--workers", "2"], "each of several workers would open the camera"),
        (["--name", "a b"], "--name must be 1 to 40 letters"),
    ],
)
def test_roles_that_cannot_be_are_refused_in_one_sentence(argv: list[str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        read_settings(argv, {})


def test_the_first_word_is_the_role() -> None:
    settings = read_settings(["camera", "--redis-url", "redis://localhost", "--name", "lobby"], {})
    assert (settings.role, settings.name) == ("camera", "lobby")
    assert read_settings([], {}).role == "all"
