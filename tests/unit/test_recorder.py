"""What the camera sees is recorded while that is wanted, and the stream notices nothing of it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from camera import Camera, CameraWaits
from recording.about import About
from recording.database import DatabaseError, RefusedError
from recording.history import DAY_MS, History, Session, Sighting
from recording.markers import MAX_MARKERS_A_SECOND, Marker, MarkerError
from recording.recorder import MAX_RECENT, OFF, RECENT_MS, Recorder, RecorderWaits, Saved
from streaming.viewable import Viewable
from tests.fakes.camera import FakeSource, Watched
from tests.fakes.images import make_track, plain_image
from tests.fakes.waiting import PATIENCE_S, until
from vision.frames import AnnotatedFrame, Frame
from web.metrics import RecorderCollector

MakeRecorder = Callable[..., Recorder]


class FakeCamera(Watched):
    """A camera whose frames the test puts."""

    def see(self, *faces: int, index: int = 0, problem: str = "") -> None:
        now = time.monotonic()
        tracks = [replace(make_track(face, (0, 0, 9, 9)), seen_s=now) for face in faces]
        self.annotated.put(AnnotatedFrame(index, now, now, b"", tracks, problem=problem))


class FlakyHistory(History):
    """A history that fails, or waits, while it is told to."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.error: Exception | None = None
        self.errors: list[Exception] = []  # each once
        self.refused: dict[int, Exception] = {}  # by the face with which nothing can be written
        self.free = threading.Event()
        self.free.set()
        self.tries = 0
        self.before_write: Callable[[], object] = lambda: None

    def write(
        self,
        session: Session,
        sightings: Sequence[Sighting],
        ended_ms: int,
        source: str,
        markers: Sequence[Marker] = (),
    ) -> None:
        self.tries += 1
        self.before_write()
        self.free.wait(PATIENCE_S)
        if self.errors:
            raise self.errors.pop()
        if self.error:
            raise self.error
        for sighting in sightings:
            if sighting[1].track_id in self.refused:
                raise self.refused[sighting[1].track_id]
        super().write(session, sightings, ended_ms, source, markers)


QUICK = RecorderWaits(flush_s=0.005, max_pause_s=0.02, join_s=PATIENCE_S)


@pytest.fixture
def camera() -> FakeCamera:
    return FakeCamera()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[FlakyHistory]:
    history = FlakyHistory(str(tmp_path / "history.sqlite"))
    yield history
    history.close()


@pytest.fixture
def make_recorder(camera: FakeCamera, history: FlakyHistory) -> Iterator[MakeRecorder]:
    """Return a function that makes a recorder of the camera, or of another, that does not wait long."""
    recorders: list[Recorder] = []

    def make(of: Viewable = camera, waits: RecorderWaits = QUICK, **options: Any) -> Recorder:
        recorders.append(Recorder(of, history, waits=waits, **options))
        return recorders[-1]

    yield make
    history.error = None
    history.free.set()
    for recorder in recorders:
        recorder.close()


@pytest.fixture
def recorder(make_recorder: MakeRecorder) -> Recorder:
    return make_recorder()


def faces_of(history: History, number: int = 0) -> list[int]:
    """Return the track ids in the session that is the newest but `number`."""
    summary = history.sessions(number, 1)[0]
    return [row.track_id for row in history.sightings(summary.session_id)]


def test_what_is_seen_while_the_recording_runs_is_in_the_history(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory
) -> None:
    camera.see(1)
    before_ms = time.time() * 1000
    recorder.start()
    camera.see(2, 3)
    camera.see(2)
    recorder.stop()
    camera.see(4)
    recorder.close()
    assert faces_of(history) == [2, 3, 2]
    (summary,) = history.sessions(0, 2)
    assert summary.source == "demo"
    assert before_ms - 1 <= summary.started_unix_ms <= summary.ended_unix_ms <= time.time() * 1000 + 1
    (at_ms, *_) = [row.at_ms for row in history.sightings(summary.session_id)]
    assert before_ms - 1 <= at_ms <= summary.ended_unix_ms + 1


def test_a_recording_tells_since_when_it_runs_and_afterwards_what_was_saved(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1_700_000_000.0]
    monkeypatch.setattr("recording.recorder.time.time", lambda: now_s[0])
    assert recorder.state() == OFF
    recorder.start()
    camera.see(2, 3)
    camera.see(2)
    now_s[0] += 66
    running = recorder.state()
    assert (running.started_unix_ms, running.length_ms, running.saved) == (1_700_000_000_000, 66_000, None)
    assert running.summary() == {"on": True, "seconds": 66.0}
    history.free.clear()  # the database is slow
    recorder.stop()
    assert recorder.state().saved is None
    history.free.set()
    assert recorder.flush(PATIENCE_S)
    (summary,) = history.sessions(0, 2)
    assert recorder.state() == replace(OFF, saved=Saved(summary.session_id, 66_000, 2))
    assert summary.ended_unix_ms - summary.started_unix_ms == 66_000
    recorder.start()
    assert recorder.state().saved is None


def test_a_session_counts_as_saved_only_when_all_of_it_is_written(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory
) -> None:
    saved: list[Saved | None] = []
    history.before_write = lambda: saved.append(recorder.state().saved)
    history.free.clear()
    recorder.start()
    camera.see(1)
    until(lambda: history.tries == 1)  # and is being written
    camera.see(2, 3)
    recorder.stop()
    history.free.set()
    assert recorder.flush(PATIENCE_S)
    assert saved == [None, None]
    last = recorder.state().saved
    assert last is not None
    assert last.faces == 3


@pytest.mark.parametrize("renewed", [False, True])
def test_while_a_session_is_not_all_written_none_before_it_is_called_saved(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory, renewed: bool
) -> None:
    recorder.start()
    camera.see(1)
    if renewed:
        recorder.renew()
    else:
        recorder.stop()
        assert recorder.flush(PATIENCE_S)
        recorder.start()
    assert recorder.flush(PATIENCE_S)
    history.free.clear()
    camera.see(2)
    recorder.stop()
    assert recorder.state().saved is None
    history.free.set()


def test_a_recording_that_goes_on_in_a_new_session_says_nothing_of_the_old_one(
    camera: FakeCamera, recorder: Recorder
) -> None:
    recorder.start()
    camera.see(1)
    recorder.renew()
    assert recorder.flush(PATIENCE_S)
    assert (recorder.state().on, recorder.state().saved) == (True, None)


def test_nothing_is_recorded_and_no_file_made_until_it_is_switched_on(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory
) -> None:
    camera.see(1)
    assert not recorder.state().on
    recorder.close()
    assert history.database.is_empty()


def test_a_face_that_is_drawn_but_was_not_found_is_no_sighting(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory
) -> None:
    recorder.start()
    now = time.monotonic()
    tracks = [
        replace(make_track(1, (0, 0, 9, 9)), seen_s=now - 0.2),
        replace(make_track(2, (0, 0, 9, 9)), seen_s=now),
    ]
    camera.annotated.put(AnnotatedFrame(0, now, now, b"", tracks))
    recorder.close()
    assert faces_of(history) == [2]


def test_a_picture_that_says_no_signal_is_not_recorded(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory
) -> None:
    recorder.start()
    camera.see(1, problem="camera 0 is not connected")
    recorder.close()
    assert faces_of(history) == []


def test_the_camera_stays_open_while_the_recording_runs_and_no_longer(
    camera: FakeCamera, recorder: Recorder
) -> None:
    recorder.start()
    recorder.start()
    assert camera.viewing_now == 1
    recorder.stop()
    recorder.stop()
    assert camera.viewing_now == 0
    recorder.start()
    recorder.close()
    assert camera.viewing_now == 0
    recorder.start()
    assert not recorder.state().on


def test_each_recording_is_a_session(camera: FakeCamera, recorder: Recorder, history: FlakyHistory) -> None:
    for face in (1, 2):
        recorder.start()
        camera.see(face)
        recorder.stop()
        time.sleep(0.002)  # so that one is the newer
    recorder.close()
    assert history.count() == 2
    assert (faces_of(history, 1), faces_of(history, 0)) == ([1], [2])


def test_when_the_numbers_begin_again_so_does_a_session(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory
) -> None:
    recorder.renew()
    assert not recorder.state().on
    recorder.start()
    camera.see(1)
    time.sleep(0.002)
    recorder.renew()
    camera.see(1, 2)
    assert camera.viewing_now == 1
    recorder.close()
    assert (faces_of(history, 1), faces_of(history, 0)) == ([1], [1, 2])


class Doorkeeper(FakeCamera):
    """A camera whose next viewer, once `stops` is set, has to wait until `go` is."""

    def __init__(self) -> None:
        super().__init__()
        self.stops, self.waits, self.go = threading.Event(), threading.Event(), threading.Event()

    @contextmanager
    def viewing(self) -> Iterator[None]:
        if self.stops.is_set():
            self.waits.set()
            assert self.go.wait(PATIENCE_S)
        with super().viewing():
            yield


def test_a_reset_at_the_moment_of_stopping_does_not_start_the_recording_again(
    make_recorder: MakeRecorder,
) -> None:
    camera = Doorkeeper()
    recorder = make_recorder(camera)
    recorder.start()
    camera.stops.set()
    resetting = threading.Thread(target=recorder.renew)
    resetting.start()
    assert camera.waits.wait(PATIENCE_S)  # it has found a session, and is about to renew it
    stopping = threading.Thread(target=recorder.stop)
    stopping.start()
    stopping.join(0.3)  # without one lock for both it would be done now
    camera.go.set()
    for thread in (resetting, stopping):
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    assert not recorder.state().on
    assert camera.viewing_now == 0


class Hasty(Recorder):
    """A recorder that somebody starts again as soon as it has stopped."""

    def stop(self) -> None:
        super().stop()
        self.start()


def test_a_recorder_that_is_started_again_while_it_closes_does_not_hold_the_camera(
    camera: FakeCamera, history: FlakyHistory
) -> None:
    recorder = Hasty(camera, history, waits=QUICK)
    recorder.start()
    assert recorder.close()
    assert not recorder.state().on
    assert camera.viewing_now == 0


def test_a_recording_in_which_nobody_was_seen_has_its_length(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory
) -> None:
    recorder.start()
    camera.see()
    until(lambda: history.count() == 1)
    began = history.sessions(0, 1)[0].ended_unix_ms
    time.sleep(0.002)
    camera.see()
    until(lambda: history.sessions(0, 1)[0].ended_unix_ms > began)
    assert faces_of(history) == []


def test_the_state_says_what_is_recorded(camera: FakeCamera, recorder: Recorder, history: FlakyHistory) -> None:
    recorder.start()
    camera.see(1, 2)
    assert recorder.flush(PATIENCE_S)
    state = recorder.state()
    assert (state.on, state.waiting, state.dropped, state.problem) == (True, 0, 0, "")
    (summary,) = history.sessions(0, 1)
    assert state.session_id == summary.session_id
    assert recorder.unfinished() == {summary.key}
    recorder.close()
    assert recorder.unfinished() == set()


def test_whoever_stops_a_recording_can_wait_until_it_is_written(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory
) -> None:
    history.free.clear()
    recorder.start()
    camera.see(1)
    recorder.stop()
    assert not recorder.flush(0.05)
    history.free.set()
    assert recorder.flush(PATIENCE_S)
    assert faces_of(history) == [1]


def test_a_database_that_does_not_answer_holds_up_no_frame(
    camera: FakeCamera, make_recorder: MakeRecorder, history: FlakyHistory
) -> None:
    recorder = make_recorder(waits=replace(QUICK, slow_s=0.0))
    history.free.clear()
    recorder.start()
    until(lambda: history.tries)
    for _ in range(100):
        camera.see(1)  # would wait here
    assert recorder.state().problem == "The database is slow to answer."
    history.free.set()
    until(lambda: recorder.state().sightings == 100)
    until(lambda: recorder.state().problem == "")


def test_what_waits_for_a_database_that_is_away_is_bounded_and_the_rest_counted(
    camera: FakeCamera, make_recorder: MakeRecorder, history: FlakyHistory
) -> None:
    recorder = make_recorder(max_waiting=50)
    history.error = DatabaseError("The database is away.")
    recorder.start()
    until(lambda: recorder.state().problem == "The database is away.")
    for _ in range(100):
        camera.see(1, 2, 3)
    state = recorder.state()
    assert state.waiting + state.dropped == 300
    assert 30 <= state.waiting <= 50
    history.error = None
    until(lambda: not recorder.state().problem)
    camera.see(9)
    recorder.close()
    assert len(faces_of(history)) == state.waiting + 1
    assert faces_of(history)[-1] == 9


def figures_of(recorder: Recorder) -> dict[str, float]:
    return {family.name: family.samples[0].value for family in RecorderCollector(recorder).collect()}


def test_the_figures_are_those_of_all_sessions(
    camera: FakeCamera, make_recorder: MakeRecorder, history: FlakyHistory
) -> None:
    recorder = make_recorder(max_waiting=12)
    for faces in ((1, 2), (3,)):
        recorder.start()
        camera.see(*faces)
        recorder.stop()
    assert recorder.flush(5)
    nothing = {"fer_recording": 0, "fer_waiting_sightings": 0, "fer_dropped_sightings": 0}
    assert figures_of(recorder) == nothing | {"fer_recorded_sightings": 3, "fer_recording_problem": 0}
    history.error = DatabaseError("The database is away.")
    recorder.start()
    until(lambda: recorder.state().problem)
    camera.see(4)
    camera.see(*range(5, 15))
    assert figures_of(recorder) == {
        **{"fer_recording": 1, "fer_waiting_sightings": 1, "fer_dropped_sightings": 10},
        **{"fer_recorded_sightings": 3, "fer_recording_problem": 1},
    }


def test_a_problem_is_logged_once_and_its_end_too(
    recorder: Recorder, history: FlakyHistory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "recording.recorder")
    history.error = DatabaseError("The database is away.")
    recorder.start()
    until(lambda: history.tries > 2)
    history.error = None
    until(lambda: not recorder.state().problem)
    assert [record.message for record in caplog.records] == [
        "recording began",
        "The database is away.",
        "the database is back",
    ]


def test_recordings_begun_and_ended_while_the_database_is_away_are_kept(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory
) -> None:
    history.error = DatabaseError("The database is away.")
    for face in (1, 2):
        recorder.start()
        camera.see(face)
        recorder.stop()
        time.sleep(0.002)
    history.error = None
    recorder.close()
    assert (faces_of(history, 1), faces_of(history, 0)) == ([1], [2])


def test_what_cannot_be_written_at_the_end_is_said(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory, caplog: pytest.LogCaptureFixture
) -> None:
    history.error = DatabaseError("The database is away.")
    recorder.start()
    camera.see(1, 2)
    assert recorder.close()
    (record,) = [record for record in caplog.records if "could not be written" in record.message]
    assert vars(record)["sightings"] == 2


def test_a_fault_of_our_own_ends_nothing(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory, caplog: pytest.LogCaptureFixture
) -> None:
    history.errors = [ZeroDivisionError()]
    recorder.start()
    camera.see(1)
    until(lambda: "ZeroDivisionError" in caplog.text)
    assert "The recording failed; the log says why." in caplog.text
    until(lambda: recorder.state().sightings == 1)


@pytest.mark.parametrize("error", [ValueError("no such text"), RefusedError("The database refuses a value.")])
def test_one_moment_that_can_never_be_written_costs_none_of_the_others(
    camera: FakeCamera,
    recorder: Recorder,
    history: FlakyHistory,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    history.refused = {666: error}
    history.free.clear()
    recorder.start()
    for face in (1, 2, 666, 3, 4):
        camera.see(face, index=face)
    history.free.set()
    until(lambda: recorder.state().sightings == 4)
    until(lambda: not recorder.state().problem)
    camera.see(5)
    recorder.close()
    assert faces_of(history) == [1, 2, 3, 4, 5]
    assert recorder.state().dropped == 1
    assert "a moment of the recording was refused, and is dropped" in caplog.text


def test_a_writer_that_the_database_holds_does_not_hold_up_the_end(
    make_recorder: MakeRecorder, history: FlakyHistory
) -> None:
    recorder = make_recorder(waits=replace(QUICK, join_s=0.05))
    history.free.clear()
    recorder.start()
    until(lambda: history.tries)
    assert not recorder.close()
    history.free.set()


def test_old_recordings_are_deleted_when_the_program_starts(
    make_recorder: MakeRecorder, history: FlakyHistory
) -> None:
    now_ms = round(time.time() * 1000)
    for age_days in (1, 3):
        at_ms = now_ms - age_days * DAY_MS
        history.write(Session(at_ms), [], at_ms, f"{age_days} days ago")
    make_recorder(keep_days=0).close()
    assert history.count() == 2
    make_recorder(keep_days=2)
    until(lambda: history.count() == 1)
    assert history.sessions(0, 1)[0].source == "1 days ago"


def now_ms() -> int:
    return round(time.time() * 1000)


def test_a_marker_is_kept_with_the_callers_time_and_the_servers(
    recorder: Recorder, history: FlakyHistory, camera: FakeCamera
) -> None:
    recorder.start()
    camera.see(1)
    at_ms = now_ms()
    first = recorder.mark("on", at_ms - 40, at_ms)
    second = recorder.mark("off", None, at_ms + 1)
    state = recorder.state()
    assert (first.number, second.number, state.markers, state.last_marker) == (1, 2, 2, second)
    recorder.stop()
    assert recorder.state().markers == 0
    recorder.close()
    (summary,) = history.sessions(0, 9)
    assert history.markers(summary.session_id) == [first, second]


def test_the_newest_markers_of_the_last_minute_are_told(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.start()
    at_ms = now_ms()
    early = recorder.mark("a moment ago", at_ms - 1500, at_ms)
    for number in range(MAX_RECENT - 1):
        recorder.mark(str(number), None, at_ms)
    assert recorder.state().recent_markers[0] == early
    recorder.mark("last", None, at_ms)
    labels = [marker.label for marker in recorder.state().recent_markers]
    assert labels == [*(str(number) for number in range(MAX_RECENT - 1)), "last"]
    now_s = time.time()
    monkeypatch.setattr("recording.recorder.time.time", lambda: now_s + RECENT_MS / 1000 - 3)
    assert len(recorder.state().recent_markers) == MAX_RECENT
    monkeypatch.setattr("recording.recorder.time.time", lambda: now_s + RECENT_MS / 1000 + 1)
    assert recorder.state().recent_markers == ()
    recorder.mark("new", None, at_ms + RECENT_MS)
    recorder.stop()
    recorder.start()
    assert recorder.state().recent_markers == ()


def test_markers_are_told_to_whoever_asked_for_them(make_recorder: MakeRecorder) -> None:
    told: list[Marker] = []
    recorder = make_recorder(on_marker=told.append)
    recorder.start()
    assert [recorder.mark("on", None, now_ms())] == told


@pytest.mark.parametrize(
    ("caller_ms", "sentence"),
    [
        (-5000, r"time is 5\.\d s before the session began"),
        (5000, r"time is \d\.\d s ahead of the server's clock"),
    ],
)
def test_a_marker_outside_the_session_is_refused(recorder: Recorder, caller_ms: int, sentence: str) -> None:
    recorder.start()
    with pytest.raises(MarkerError, match=sentence):
        recorder.mark("on", now_ms() + caller_ms, now_ms())
    recorder.mark("on", now_ms() - 1500, now_ms())  # clocks may differ somewhat
    assert recorder.state().markers == 1


def test_without_a_session_nothing_is_marked(recorder: Recorder, history: FlakyHistory) -> None:
    with pytest.raises(MarkerError, match="Nothing is being recorded") as caught:
        recorder.mark("on", None, now_ms())
    assert caught.value.status == 409
    recorder.close()
    assert history.database.is_empty()


def test_too_many_markers_a_second_are_refused(recorder: Recorder) -> None:
    recorder.start()
    for _ in range(MAX_MARKERS_A_SECOND):
        recorder.mark("on", None, now_ms())
    with pytest.raises(MarkerError, match="More than 50 markers arrived within a second") as caught:
        recorder.mark("on", None, now_ms())
    assert caught.value.status == 429
    assert recorder.state().markers == MAX_MARKERS_A_SECOND


def test_a_marker_that_does_not_fit_while_the_database_is_away_is_refused_and_not_lost_silently(
    make_recorder: MakeRecorder, history: FlakyHistory
) -> None:
    recorder = make_recorder(max_waiting=3)
    history.error = DatabaseError("The database is away.")
    recorder.start()
    recorder.mark("first", None, now_ms())
    recorder.mark("second", None, now_ms())
    with pytest.raises(MarkerError, match="no more markers can be kept") as caught:
        recorder.mark("third", None, now_ms())
    assert caught.value.status == 503
    history.error = None
    recorder.close()
    assert [marker.label for marker in history.markers(1)] == ["first", "second"]


def test_what_a_recording_is_about_is_kept_for_the_next_but_for_its_note(
    recorder: Recorder, history: FlakyHistory
) -> None:
    recorder.describe(About("Pilot", "before", ("P01",)), ["on", "off"])
    recorder.start()
    recorder.describe(About("Pilot", "coughed", ("P01",)), ["on"])
    recorder.stop()
    state = recorder.state()
    assert (state.about, state.labels) == (About("Pilot", "", ("P01",)), ("on",))
    time.sleep(0.002)
    recorder.start()
    recorder.close()
    abouts = [summary.about for summary in history.sessions(0, 9)]
    assert abouts == [About("Pilot", "", ("P01",)), About("Pilot", "coughed", ("P01",))]


def test_a_session_says_what_recorded_it(make_recorder: MakeRecorder, history: FlakyHistory) -> None:
    recorder = make_recorder(describe_setup=lambda: '{"network": "emotion"}')
    recorder.start()
    recorder.close()
    assert history.sessions(0, 1)[0].setup == '{"network": "emotion"}'


def test_the_pictures_brightness_is_recorded_with_each_face(
    camera: FakeCamera, recorder: Recorder, history: FlakyHistory
) -> None:
    recorder.start()
    now = time.monotonic()
    tracks = [replace(make_track(1, (0, 0, 9, 9)), seen_s=now)]
    camera.annotated.put(AnnotatedFrame(0, now, now, b"", tracks, brightness=41.7))
    recorder.close()
    assert [row.brightness for row in history.sightings(1)] == [42]


def real_camera(process: Callable[[Frame], AnnotatedFrame]) -> Camera:
    waits = CameraWaits(join_s=PATIENCE_S)
    source = FakeSource([plain_image()])
    return Camera("fake", lambda: (source, ""), process, idle_s=0.0, stall_s=5.0, waits=waits)


def test_every_frame_of_a_real_camera_is_recorded_and_all_threads_end(
    make_recorder: MakeRecorder, history: FlakyHistory
) -> None:
    def process(frame: Frame) -> AnnotatedFrame:
        track = replace(make_track(1, (0, 0, 9, 9)), seen_s=frame.captured_s)
        return AnnotatedFrame(frame.index, frame.captured_s, time.monotonic(), b"", [track])

    camera = real_camera(process)
    recorder = make_recorder(camera)
    recorder.start()
    until(lambda: camera.state().counts.frames >= 20)
    before = camera.state().counts.frames
    assert recorder.close()
    after = camera.state().counts.frames
    assert camera.close()
    assert before <= len(faces_of(history)) <= after
    assert history.sessions(0, 1)[0].source == "fake"


def test_starting_and_stopping_while_frames_come_never_locks_up(
    make_recorder: MakeRecorder, history: FlakyHistory
) -> None:
    def process(frame: Frame) -> AnnotatedFrame:
        return AnnotatedFrame(frame.index, frame.captured_s, time.monotonic(), b"")

    camera = real_camera(process)
    recorder = make_recorder(camera)

    def switch() -> None:
        for _ in range(50):
            recorder.start()
            recorder.state()
            recorder.renew()
            recorder.stop()

    with camera.viewing():
        switchers = [threading.Thread(target=switch, daemon=True) for _ in range(3)]
        for switcher in switchers:
            switcher.start()
        for switcher in switchers:
            switcher.join(PATIENCE_S)
            assert not switcher.is_alive()
    assert recorder.close()
    assert camera.close()
    assert 50 <= history.count() <= 300
