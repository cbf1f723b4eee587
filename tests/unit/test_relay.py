"""What goes through Redis, and the wall's pages; Redis itself is in test_relay_server.py."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from flask import Blueprint
from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as RedisConnectionError

from app import create_app
from recording.about import About
from recording.history import History
from recording.markers import MarkerError
from recording.recorder import Saved
from relay.calls import CallServer
from relay.cameras import Cameras, encode_from_jpeg
from relay.control import ControlServer
from relay.errors import CameraAwayError
from relay.protocol import pack, unpack, unpack_viewers
from relay.publisher import Publisher
from relay.remote import ControlClient, RelayWaits, RemoteCamera, RemoteControls, RemoteRecorder
from settings import Settings, SettingsError, StartError, read_settings
from streaming.audience import Names
from streaming.sender import Sender
from streaming.variants import Variant
from streaming.viewable import Counts, State
from tests.fakes.camera import FakeCrowd
from tests.fakes.images import make_track, picture_of, plain_image
from tests.fakes.outputs import FakeOutputs
from tests.fakes.recording import FakeRecorder
from tests.fakes.relay import FakeCameras, FakeRedis, make_fake_wall
from tests.fakes.waiting import PATIENCE_S, until
from vision.controls import ControlError
from vision.frames import AnnotatedFrame
from vision.jpeg import encode_jpeg
from vision.resting_face import RestError, RestingFace, RestRequest
from web.health import readiness
from web.history import history_pages

STATE = State("demo", "a note", True, "", 30.0, 5.0, 1, None, Counts(frames=7))


@pytest.fixture
def cameras() -> Iterator[FakeCameras]:
    crowd = FakeCrowd()
    crowd.feed.put(picture_of(1, b"\xff\xd8jpeg"))
    yield FakeCameras(crowd)
    crowd.close()


@pytest.fixture
def client(cameras: FakeCameras) -> FlaskClient:
    return make_fake_wall(cameras).test_client()


def as_read(fields: dict[str, bytes]) -> dict[bytes, bytes]:
    return {name.encode(): value for name, value in fields.items()}


def test_a_frame_comes_out_of_redis_as_it_went_in() -> None:
    captured_s = time.monotonic() - 0.05
    sent = AnnotatedFrame(9, captured_s, captured_s + 0.01, b"jpeg", [make_track(3, (1, 2, 30, 40), "sad")])
    came, source, note = unpack(as_read(pack(sent, STATE)))
    (track,), (expected,) = came.tracks, sent.tracks
    assert (came.index, came.jpeg, came.problem, source, note) == (9, b"jpeg", "", "demo", "a note")
    assert came.captured_s == pytest.approx(captured_s, abs=0.01)
    assert (track.track_id, track.box, track.emotion, track.sure) == (3, (1, 2, 30, 40), "sad", True)
    assert np.allclose(track.probs, expected.probs, atol=1e-5)
    assert track.probs.dtype == np.float32


def test_landmarks_come_with_the_frame_and_need_not() -> None:
    points = np.array([[1.04, 2], [3, 4], [5, 6], [7, 8], [9, 10]], dtype=np.float32)
    face = make_track(1, (1, 2, 30, 40))
    sent = AnnotatedFrame(9, 1.0, 1.0, b"", [replace(face, landmarks=points), face])
    fields = as_read(pack(sent, STATE))
    marked, plain = unpack(fields)[0].tracks
    assert marked.landmarks is not None
    assert np.allclose(marked.landmarks, points, atol=0.05)
    assert plain.landmarks is None
    about = json.loads(fields[b"about"])
    del about["landmarks"]  # as a camera's process of version 0.1 sends it
    came, _, _ = unpack(fields | {b"about": json.dumps(about).encode()})
    assert [track.landmarks for track in came.tracks] == [None, None]


def test_a_camera_whose_clock_is_ahead_has_not_seen_the_future() -> None:
    sent = AnnotatedFrame(9, time.monotonic() + 60, time.monotonic() + 60, b"jpeg")
    came, _, _ = unpack(as_read(pack(sent, STATE)))
    assert came.captured_s <= came.published_s


@pytest.fixture
def redis() -> FakeRedis:
    return FakeRedis()


def remote_camera(redis: Any, names: Names, **waits: float) -> RemoteCamera:
    return RemoteCamera(redis, ControlClient(redis, "lobby", RelayWaits(**waits)), "me", names)


def test_frames_that_cannot_be_read_are_said_to_be_so_and_the_next_good_one_is_shown(redis: FakeRedis) -> None:
    redis.entries = [{b"jpeg": b""}, {b"about": b"{}", b"jpeg": b""}, {b"about": b"no json", b"jpeg": b""}]
    redis.entries.append(as_read(pack(picture_of(5, b"whole"), STATE)))
    camera = remote_camera(redis, Names())
    problems: list[str] = []
    camera.annotated.subscribe(lambda: problems.append(camera.state().problem))
    with camera.viewing():
        until(lambda: (newest := camera.annotated.newest()) and newest.jpeg == b"whole")
    camera.close()
    assert problems[0] == "lobby sends data that this host cannot read; does it run another version?"
    assert camera.state().source == "demo"


def test_a_web_process_says_who_watches_through_it_and_whoever_dies_is_forgotten(
    redis: FakeRedis,
) -> None:
    camera = remote_camera(redis, Names(["bob"]), linger_s=0.0)
    with camera.viewing():
        until(lambda: b"me" in redis.hashes.get("fer:viewers:lobby", {}))
        assert unpack_viewers(redis.hashes["fer:viewers:lobby"][b"me"]) == ["bob"]
    until(lambda: b"me" not in redis.hashes["fer:viewers:lobby"])
    camera.close()
    same, other = b"1", b"2"
    publisher = Publisher(cast("Any", None), cast("Any", None), cast("Any", Unlockable()), "lobby")
    assert publisher.find_dead({b"one": same, b"two": same}, now_s=100.0) == []
    assert publisher.find_dead({b"one": same, b"two": other}, now_s=103.5) == [b"one"]
    assert publisher.find_dead({b"two": other}, now_s=107.0) == [b"two"]


class Unlockable:
    """A Redis of which only a lock is wanted."""

    def get_encoder(self) -> None: ...

    def register_script(self, script: str) -> str:
        return script


class FakeControls:
    """Controls that keep what they are given."""

    fixed = ("blur",)

    def __init__(self) -> None:
        self.rests: list[RestRequest] = []
        self.view: dict[str, Any] = {
            "boxes": True,
            "heat": False,
            "blur": True,
            "smoothing_s": 0.3,
            "resets": 0,
        }

    def read(self) -> dict[str, Any]:
        return dict(self.view)

    def change(self, requests: dict[str, Any]) -> None:
        if "unheard_of" in requests:
            raise ControlError("There is no control of that name.")
        self.view |= requests

    def reset(self) -> None:
        self.view["resets"] += 1

    def rest(self, request: RestRequest) -> None:
        if request.track_id != 1:
            raise RestError(f"Face {request.track_id} is not in the picture now.")
        self.rests.append(request)


class Process:
    """A camera's process behind a Redis: it hears of requests whenever it is asked for its report."""

    def __init__(self, redis: FakeRedis, record: bool = False) -> None:
        self.redis, self.controls, self.recorder = redis, FakeControls(), FakeRecorder()
        self.state = STATE
        self.outputs = FakeOutputs()
        self.control = ControlServer(
            cast("Any", self.controls), cast("Any", self.recorder), self.outputs, record
        )
        self.calls = CallServer(cast("Any", redis), "lobby")
        redis.before_get = self.meet

    def meet(self) -> None:
        self.calls.answer_all(self.control.act)
        requests = self.redis.hashes.get("fer:requests:lobby", {})
        self.control.apply({name.decode(): value.decode() for name, value in requests.items()})
        hashes = dict(self.redis.hashes.get("fer:viewers:lobby", {}))
        viewers = {process.decode(): unpack_viewers(names) for process, names in hashes.items()}
        self.redis.values["fer:report:lobby"] = self.control.status(self.state, viewers).pack()


class CameraProcess(Process):
    """A camera's process whose camera has that problem; dies when it is killed."""

    def __init__(self, redis: FakeRedis, problem: str = "") -> None:
        super().__init__(redis)
        newest = picture_of(1, b"jpeg")
        self.state = replace(STATE, running=not problem, problem=problem, newest=newest)

    def kill(self) -> None:
        self.redis.before_get = self.redis.values.clear


STANDS_STILL = "The picture is frozen: no frame has been finished for 3 s"


def test_a_camera_whose_process_says_that_its_picture_stands_still_is_not_called_live(redis: FakeRedis) -> None:
    redis.entries = [as_read(pack(picture_of(5, b"old"), STATE))]
    process = CameraProcess(redis)
    camera = remote_camera(redis, Names(), tick_s=0.02)
    with camera.viewing():
        until(lambda: camera.state().counts.frames == 7 and readiness(camera) == (200, "frames are arriving"))
        process.state = replace(process.state, problem=STANDS_STILL)
        until(lambda: readiness(camera) == (503, STANDS_STILL))
        state = camera.state()
        assert (state.problem, state.running) == (STANDS_STILL, False)
        process.state = replace(process.state, problem="")
        until(lambda: readiness(camera) == (200, "frames are arriving"))
    camera.close()


def test_viewers_of_a_stream_that_stands_still_are_shown_what_the_camera_s_process_says(
    redis: FakeRedis,
) -> None:
    redis.entries = [as_read(pack(picture_of(5, b"old"), STATE))]
    CameraProcess(redis, STANDS_STILL)
    camera = remote_camera(redis, Names(), tick_s=0.02, stall_s=0.1)
    with camera.viewing():
        until(lambda: (newest := camera.annotated.newest()) and newest.problem == STANDS_STILL)
    camera.close()


def test_a_web_host_without_viewers_tells_the_problem_too(redis: FakeRedis) -> None:
    CameraProcess(redis, STANDS_STILL)
    camera = remote_camera(redis, Names())
    assert readiness(camera)[0] == 200
    camera._control.refresh()
    assert readiness(camera) == (503, STANDS_STILL)


def test_a_slow_source_of_a_living_process_is_no_frozen_one_and_a_dead_process_is_said_to_be(
    redis: FakeRedis,
) -> None:
    redis.entries = [as_read(pack(picture_of(5, b"slow"), STATE))]
    process = CameraProcess(redis)
    camera = remote_camera(redis, Names(), tick_s=0.02, stall_s=0.1)
    with camera.viewing():
        until(lambda: camera.annotated.newest())
        time.sleep(0.4)  # four times what a stall is
        assert camera.state().problem == ""
        process.kill()
        until(lambda: camera.state().problem == "lobby sends nothing; its process may have ended.")
    camera.close()


def test_a_fault_in_the_reading_of_the_stream_is_shown_and_ends_nothing(
    redis: FakeRedis, caplog: pytest.LogCaptureFixture
) -> None:
    redis.faults = [ZeroDivisionError("this client is broken")]
    redis.entries = [as_read(pack(picture_of(5, b"whole"), STATE))]
    camera = remote_camera(redis, Names())
    problems: list[str] = []
    camera.annotated.subscribe(lambda: problems.append(camera.state().problem))
    with camera.viewing():
        until(lambda: (newest := camera.annotated.newest()) and newest.jpeg == b"whole")
    camera.close()
    assert problems[0] == "The frames of lobby cannot be read; the log says why."
    assert "ZeroDivisionError" in caplog.text


@pytest.fixture
def control(redis: Any) -> ControlClient:
    return ControlClient(redis, "lobby", RelayWaits(done_s=0.5))


@pytest.fixture
def make_host(redis: Any) -> Iterator[Callable[..., Cameras]]:
    """Return a function that makes a web process's cameras, of which lobby is published."""
    redis.names = [b"door", b"lobby"]
    hosts: list[Cameras] = []

    def make(**waits: float) -> Cameras:
        relay_waits = RelayWaits(tick_s=0.01, **waits)
        hosts.append(Cameras(redis, Sender(), max_viewers=8, jpeg_quality=80, waits=relay_waits))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


@pytest.fixture
def hosts(make_host: Callable[..., Cameras]) -> list[Cameras]:
    return [make_host(), make_host()]


def test_a_web_process_without_viewers_of_its_own_knows_who_watches_through_another(
    redis: FakeRedis, hosts: list[Cameras]
) -> None:
    here, elsewhere = (host.find("lobby").audience for host in hosts)
    assert elsewhere.is_watching("me") is None  # the camera's process has said nothing yet
    Process(redis)
    seat = here.admit("me", Variant(None, None))
    player = here.admit("", Variant(None, None))
    assert here.is_watching("me")
    until(lambda: hosts[1].reports() and elsewhere.is_watching("me"))
    until(lambda: hosts[1].reports() and elsewhere.watching() == 2)
    assert here.watching() == 2
    assert elsewhere.is_watching("nobody") is False
    seat.leave("it left")
    assert here.watching() == 1
    until(lambda: hosts[1].reports() and elsewhere.is_watching("me") is False)
    player.leave("it left")
    redis.before_get = lambda: None
    redis.values.clear()
    assert hosts[1].reports() == {"door": None, "lobby": None}
    assert elsewhere.is_watching("me") is None
    assert elsewhere.watching() == 0


def test_a_poll_of_the_wall_asks_redis_once_for_all_cameras(
    redis: FakeRedis, make_host: Callable[..., Cameras]
) -> None:
    cameras = make_host(names_s=PATIENCE_S)
    Process(redis)
    assert [about["name"] for about in cameras.summaries("me")] == ["door", "lobby"]
    redis.asked.clear()
    for _ in range(5):
        assert cameras.reports()["lobby"]
    assert redis.asked == ["mget"] * 5
    redis.names.append(b"attic")
    assert cameras.find("attic").camera.name == "attic"  # another process may list it already
    redis.names.clear()
    assert len(cameras.names()) == 3
    assert make_host(names_s=0.0).reports() == {}


def test_the_wall_tells_which_camera_records_and_its_page_what_was_saved(
    redis: FakeRedis, make_host: Callable[..., Cameras], control: ControlClient
) -> None:
    process = Process(redis)
    process.recorder.start()
    cameras = make_host(names_s=PATIENCE_S)
    recordings = {about["name"]: about["recording"] for about in cameras.summaries("me")}
    assert recordings == {"door": None, "lobby": {"on": True, "seconds": 66.0}}
    process.recorder.stop()
    control.status()
    assert RemoteRecorder(control, open_to_all=True).state().saved == Saved(1, 66_000, 4)


def test_a_web_host_changes_the_picture_of_a_camera_elsewhere(redis: FakeRedis, control: ControlClient) -> None:
    process, controls = Process(redis), RemoteControls(control, open_to_all=True)
    assert controls.read() == {}
    control.status()
    assert (controls.read(), controls.fixed) == (process.controls.view, ["blur"])
    controls.change({"heat": True, "smoothing_s": 2})
    assert process.controls.view | {"heat": True, "smoothing_s": 2} == process.controls.view
    assert controls.read()["heat"] is True
    for _ in range(2):
        controls.reset()
    assert process.controls.view["resets"] == 2
    with pytest.raises(ControlError, match="was set when the program started"):
        controls.change({"blur": False})
    with pytest.raises(ControlError, match="must be true or false"):
        controls.change({"heat": "yes"})


def test_what_nobody_watches_here_is_looked_up_when_it_is_old(
    redis: FakeRedis,
) -> None:
    process = Process(redis)
    lately, long_ago = (
        ControlClient(cast("Any", redis), "lobby", RelayWaits(tick_s=t)) for t in (PATIENCE_S, 0.0)
    )
    for control in (lately, long_ago):
        control.status()
    process.recorder.start()
    for control, is_on in ((lately, False), (long_ago, True)):
        control.refresh()
        assert RemoteRecorder(control, open_to_all=True).state().on is is_on


def test_a_web_host_records_a_camera_elsewhere(redis: FakeRedis, control: ControlClient) -> None:
    process, recorder = Process(redis), RemoteRecorder(control, open_to_all=True)
    assert not recorder.state().on
    recorder.start()
    assert process.recorder.now.on
    assert recorder.state() == process.recorder.now
    assert not recorder.flush(0.1)
    recorder.stop()
    assert not process.recorder.now.on
    assert recorder.flush(0.1)


def test_a_web_host_says_what_a_recording_elsewhere_is_about(redis: FakeRedis, control: ControlClient) -> None:
    process, recorder = Process(redis), RemoteRecorder(control, open_to_all=True)
    about = About("Pilot", "two lines\nof a note", ("happy film", "P01"))
    recorder.describe(about, ["on", "off"])
    assert (process.recorder.now.about, process.recorder.now.labels) == (about, ("on", "off"))
    assert recorder.state().about == about
    process.recorder.describe(replace(about, note=""), ["on", "off"])  # as at the end of a recording
    recorder.describe(about, ["on", "off"])
    assert process.recorder.now.about == about
    spare = Process(redis)
    spare.meet()
    assert spare.recorder.now.about == about


def test_a_marker_from_a_web_host_is_answered_as_at_the_camera_itself(
    redis: FakeRedis, control: ControlClient
) -> None:
    process, recorder = Process(redis), RemoteRecorder(control, open_to_all=True)
    control.status()
    with pytest.raises(MarkerError, match="Nothing is being recorded") as caught:
        recorder.mark("on", None, 0)
    assert caught.value.status == 409
    process.recorder.start()
    before_ms = time.time() * 1000

    def late() -> None:
        if redis.lists.get("fer:calls:lobby"):
            redis.now_s = 1000.25  # so long it has waited until the process takes it
        process.meet()

    redis.before_get = late
    marker = recorder.mark("on", 5, 0)
    redis.before_get = process.meet
    assert (marker.number, marker.label, marker.caller_unix_ms) == (1, "on", 5)
    assert before_ms - 251 <= marker.arrived_unix_ms <= time.time() * 1000 - 249
    assert recorder.mark("off", None, 0).number == 2
    assert recorder.state().recent_markers[0] == marker
    assert [key for key in redis.lists if redis.lists[key]] == []


def test_a_marker_that_nobody_takes_is_taken_back(redis: FakeRedis, control: ControlClient) -> None:
    process, recorder = Process(redis), RemoteRecorder(control, open_to_all=True)
    process.recorder.start()
    redis.before_get = lambda: None
    with pytest.raises(CameraAwayError, match="lobby does not answer"):
        recorder.mark("on", None, 0)
    process.meet()
    assert process.recorder.now.markers == 0


def test_a_call_of_another_version_is_answered_in_one_sentence(
    redis: FakeRedis, control: ControlClient
) -> None:
    Process(redis)
    answer = control.calls.call("dance", {})
    assert answer == {
        "error": "The camera's process cannot “dance”; does it run another version?",
        "status": 501,
    }


def test_a_web_host_asks_for_the_resting_face_of_a_camera_elsewhere_and_is_told_why_not(
    redis: FakeRedis, control: ControlClient
) -> None:
    process, controls = Process(redis), RemoteControls(control, open_to_all=True)
    asked = [RestRequest(1, "measure", "Anna"), RestRequest(1, "forget")]
    for request in asked:
        controls.rest(request)
    with pytest.raises(RestError, match=r"Face 7 is not in the picture now\."):
        controls.rest(RestRequest(7, "measure"))
    process.meet()
    assert process.controls.rests == asked  # each once


def test_a_frame_brings_its_resting_faces_along() -> None:
    rest = RestingFace(np.full(7, 1 / 7, dtype=np.float32), 1_700_000_000.5, "Anna")
    plain = make_track(1, (0, 0, 9, 9))
    tracks = [plain, replace(plain, rest=rest), replace(plain, rest_progress=0.4)]
    packed = as_read(pack(replace(picture_of(1, b"jpeg"), tracks=tracks), STATE))
    none, measured, measuring = unpack(packed)[0].tracks
    assert (none.rest, none.rest_progress) == (None, None)
    assert measured.rest is not None
    assert (measured.rest.since_unix_s, measured.rest.name) == (rest.since_unix_s, "Anna")
    assert measured.rest.probs == pytest.approx(rest.probs, abs=1e-4)
    assert measuring.rest_progress == 0.4


def test_a_process_that_takes_a_dead_ones_place_goes_on_with_what_was_wished(
    redis: FakeRedis, control: ControlClient
) -> None:
    Process(redis)
    RemoteControls(control, open_to_all=True).change({"heat": True})
    RemoteControls(control, open_to_all=True).reset()
    RemoteRecorder(control, open_to_all=True).start()
    spare = Process(redis)
    spare.meet()
    assert spare.controls.view["heat"]
    assert spare.controls.view["resets"] == 0  # its numbers begin anew anyway
    assert spare.recorder.now.on
    spare.control.release()
    assert not spare.recorder.now.on


def test_what_is_to_be_recorded_from_the_start_is_until_somebody_stops_it(
    redis: FakeRedis, control: ControlClient
) -> None:
    Process(redis, record=True).meet()
    recorder = RemoteRecorder(control, open_to_all=True)
    control.status()
    assert recorder.state().on
    recorder.stop()
    again = Process(redis, record=True)
    again.meet()
    assert not again.recorder.now.on


def test_only_the_process_that_publishes_a_camera_sends_its_faces_to_other_programs(redis: FakeRedis) -> None:
    process = Process(redis)
    assert not process.outputs.on
    process.meet()
    assert process.outputs.on
    process.control.release()
    assert not process.outputs.on


def test_a_web_host_tells_what_the_outputs_of_a_camera_elsewhere_do(
    redis: FakeRedis, control: ControlClient
) -> None:
    process = Process(redis)
    assert control.outputs() == ()
    control.status()
    assert control.outputs() == process.outputs.now
    redis.before_get = lambda: None
    report = json.loads(redis.values["fer:report:lobby"])
    del report["outputs"]  # as a version without them reports
    redis.values["fer:report:lobby"] = json.dumps(report).encode()
    control.status()
    assert control.outputs() == []


def test_a_wish_of_another_version_harms_nothing(redis: FakeRedis, control: ControlClient) -> None:
    process = Process(redis)
    for name, value in (("unheard_of", "1"), ("heat", "no json"), ("boxes", "false")):
        redis.hset("fer:requests:lobby", name, value)
    control.status()
    assert process.controls.view["boxes"] is False
    redis.before_get = lambda: None
    report = json.loads(redis.values["fer:report:lobby"])
    others: list[dict[str, Any]] = [{"view": {}}, report | {"viewers": 3}]
    for other in others:
        redis.values["fer:report:lobby"] = json.dumps(other).encode()
        assert control.status() is None


def test_a_camera_whose_process_is_away_takes_no_wishes(redis: FakeRedis, control: ControlClient) -> None:
    controls = RemoteControls(control, open_to_all=True)
    with pytest.raises(CameraAwayError, match="lobby does not answer"):
        controls.reset()
    process = Process(redis)
    control.status()
    redis.before_get = lambda: None  # it says what it said, and does nothing
    with pytest.raises(CameraAwayError, match="lobby does not answer"):
        controls.change({"heat": True})
    assert process.controls.view["heat"] is False


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


def test_a_page_that_asks_for_the_cameras_is_told_which_of_them_still_send_to_it(
    client: FlaskClient, cameras: FakeCameras
) -> None:
    def watching(viewer: str) -> list[bool]:
        listing = client.get(f"/cameras?viewer={viewer}").get_json()
        return [camera["watching"] for camera in listing["cameras"]]

    seat = cameras.crowd.audience.admit("me", Variant(None, None))
    assert watching("me") == [True, True]
    assert watching("you") == [False, False]
    seat.leave("it left")
    assert watching("me") == [False, False]


def test_each_camera_has_its_stream(client: FlaskClient) -> None:
    response = client.get("/video_feed/lobby", buffered=False)
    assert response.status_code == 200
    assert b"\xff\xd8jpeg" in b"".join(islice(response.iter_encoded(), 2))
    response.close()
    assert client.get("/video_feed/cellar").status_code == 404
    assert "no camera “cellar”" in client.get("/video_feed/cellar").text


def test_each_camera_has_a_site_of_its_own_below_the_wall(client: FlaskClient) -> None:
    page = client.get("/cameras/lobby/")
    assert page.status_code == 200
    assert '<h1 class="unseen">lobby</h1>' in page.text
    assert "<title>lobby " in page.text
    assert '<a href="/">All cameras</a>' in page.text
    assert 'data-feed="/cameras/lobby/video_feed"' in page.text
    assert client.get("/cameras/lobby").location == "http://localhost/cameras/lobby/"
    assert client.get("/cameras/lobby/state").get_json()["source"] == "camera 0"
    below = client.get("/cameras/lobby/", environ_overrides={"SCRIPT_NAME": "/faces"})
    assert '<a href="/faces/">All cameras</a>' in below.text
    assert 'data-feed="/faces/cameras/lobby/video_feed"' in below.text
    assert "no camera “cellar”" in client.get("/cameras/cellar/").text
    for path in ("/", "/cameras/lobby/", "/cameras/cellar/"):
        assert "stays on the computers that run this site" in client.get(path).text


def test_a_wall_without_cameras_says_what_starts_one(client: FlaskClient) -> None:
    assert (
        "<code>python main.py camera --name lobby --redis-url redis://HOST:6379/0</code>"
        in client.get("/").text
    )


@pytest.mark.parametrize("open_to_all", [True, False])
def test_a_wall_links_to_the_history_where_it_is_open(cameras: FakeCameras, open_to_all: bool) -> None:
    cameras.open_to_all = open_to_all
    history = Blueprint("history", __name__)
    history.add_url_rule("/history", "index", lambda: "")
    wall = make_fake_wall(cameras, [history])
    assert ('href="/history"' in wall.test_client().get("/").text) == open_to_all


def test_what_a_camera_that_is_away_was_to_do_is_answered_in_one_sentence(client: FlaskClient) -> None:
    for response in (
        client.post("/cameras/lobby/view", json={"heat": True}),
        client.post("/cameras/lobby/reset"),
        client.post("/cameras/lobby/recording", data={"on": "true"}),
    ):
        assert response.status_code == 503
        assert response.text == "The process of the camera lobby does not answer.\n"


def test_the_figures_of_all_cameras_are_those_that_their_processes_report(client: FlaskClient) -> None:
    figures = client.get("/metrics").text
    assert 'fer_up{camera="door"} 0.0' in figures
    assert 'fer_up{camera="lobby"} 1.0' in figures
    assert 'fer_frames_total{camera="lobby"} 7.0' in figures
    assert 'fer_viewers{camera="lobby"} 3.0' in figures
    assert 'fer_frames_total{camera="door"}' not in figures


class NoRedis:
    """Recorders of cameras that cannot be asked."""

    open_to_all = True

    def unfinished(self) -> set[str]:
        raise RedisConnectionError("refused")


def test_without_redis_the_history_says_so_too(cameras: FakeCameras, tmp_path: Path) -> None:
    history = History(str(tmp_path / "history.sqlite"))
    pages = [history_pages(history, NoRedis())]
    client = make_fake_wall(cameras, pages).test_client()
    response = client.get("/history")
    history.close()
    assert response.status_code == 503
    assert "Redis, which carries the frames, does not answer." in response.text


def test_without_redis_every_page_says_so(client: FlaskClient, cameras: FakeCameras) -> None:
    assert client.get("/readyz").data == b"cameras: 2\n"
    cameras.away = True
    assert client.get("/cameras").status_code == 503
    assert client.get("/cameras").get_json()["problem"].startswith("Redis")
    assert client.get("/video_feed/lobby").status_code == 503
    assert client.get("/cameras/lobby/").status_code == 503
    assert client.get("/metrics").status_code == 503
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    assert 'id="wall"' in client.get("/").text
    assert "--tone" in client.get("/emotions.css").text


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["camera"], "--role camera needs --redis-url"),
        (["--workers", "2"], "2 workers would each open the camera"),
        (["--name", "a b"], "--name must be 1 to 40 letters"),
    ],
)
def test_roles_that_cannot_be_are_refused_in_one_sentence(argv: list[str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        read_settings(argv, {})


def test_a_camera_process_is_no_site() -> None:
    with pytest.raises(StartError, match="serves no site"):
        create_app(Settings(role="camera", redis_url="redis://localhost"))


def test_the_first_word_is_the_role() -> None:
    settings = read_settings(["camera", "--redis-url", "redis://localhost", "--name", "lobby"], {})
    assert (settings.role, settings.name) == ("camera", "lobby")
    assert read_settings([], {}).role == "all"
