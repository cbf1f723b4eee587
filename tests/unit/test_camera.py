import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from camera import Camera, CameraWaits
from sources.base import NoNewImage, Source, SourceError
from streaming.viewable import rate
from tests.fakes.camera import FakeSource, fake_process, watch
from tests.fakes.images import plain_image
from tests.fakes.waiting import PATIENCE_S, until
from vision.frames import AnnotatedFrame, Frame, Image
from web.health import readiness

MakeCamera = Callable[..., Camera]


class HangingStep:
    """A step that does not return from the frames after `index` before the test lets it."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.hangs, self.go = threading.Event(), threading.Event()

    def __call__(self, frame: Frame) -> AnnotatedFrame:
        if frame.index >= self.index and not self.go.is_set():
            self.hangs.set()
            assert self.go.wait(PATIENCE_S)
        return fake_process(frame)


# The same waits in the same order, a tenth as long, so that the tests are quick.
QUICK = CameraWaits(tick_s=0.025, min_pause_s=0.05, max_pause_s=0.2, settle_s=0.07, join_s=PATIENCE_S)


@pytest.fixture
def make_camera() -> Iterator[MakeCamera]:
    """Return a function that makes a camera around fake sources, opened one after the other.

    The last one is opened again and again, until the test puts others into `later`.
    """
    cameras: list[Camera] = []

    def make(
        *sources: FakeSource | Exception,
        later: Sequence[FakeSource] = (),
        process: Callable[[Frame], AnnotatedFrame] = fake_process,
        idle_s: float = 60.0,
        stall_s: float = 5.0,
        waits: CameraWaits = QUICK,
    ) -> Camera:
        left = list(sources)

        def open_next() -> tuple[Source, str]:
            queue = [*left, *later]
            source = left.pop(0) if len(queue) > 1 and left else queue[0]
            if isinstance(source, Exception):
                raise source
            return source, ""

        cameras.append(Camera("fake", open_next, process, idle_s=idle_s, stall_s=stall_s, waits=waits))
        return cameras[-1]

    yield make
    for camera in cameras:
        if isinstance(camera._process, HangingStep):
            camera._process.go.set()
        camera.close()


def watch_for(camera: Camera, problem: str) -> AnnotatedFrame:
    """Return the first frame a viewer gets whose problem contains the words; "" stands for a real frame."""
    deadline = time.monotonic() + PATIENCE_S
    for annotated in watch(camera):
        if (problem in annotated.problem) if problem else not annotated.problem:
            return annotated
        if time.monotonic() > deadline:
            break
    pytest.fail(f"no frame with {problem!r} came")


def test_nothing_is_opened_before_the_first_viewer(make_camera: MakeCamera) -> None:
    source = FakeSource([plain_image()])
    camera = make_camera(source)
    assert not camera.state().running
    assert source.reads == 0
    next(watch(camera))
    assert source.reads > 0


def test_many_viewers_share_one_source(make_camera: MakeCamera) -> None:
    opened = []

    class Counted(FakeSource):
        def __init__(self) -> None:
            super().__init__([plain_image()])
            opened.append(self)

    camera = make_camera(Counted())
    viewers = [watch(camera) for _ in range(8)]
    assert all(next(viewer).jpeg for viewer in viewers)
    assert camera.state().viewers == 8
    assert len(opened) == 1
    for viewer in viewers:
        viewer.close()
    assert camera.state().viewers == 0


def test_the_source_is_closed_when_nobody_looks_and_opened_again_for_the_next_viewer(
    make_camera: MakeCamera,
) -> None:
    first, second = FakeSource([plain_image(10)]), FakeSource([plain_image(200)])
    camera = make_camera(first, second, idle_s=0.1)
    viewer = watch(camera)
    next(viewer)
    viewer.close()
    until(first.closed.is_set)
    until(lambda: camera.state().newest is None)
    assert not camera.state().running
    assert next(watch(camera)).tracks[0].box[2] == 201


def test_each_opening_after_a_closing_is_logged(
    make_camera: MakeCamera, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    camera = make_camera(FakeSource([plain_image()]), idle_s=0.05)
    for _ in range(2):
        with camera.viewing():
            until(lambda: camera.state().newest)
        until(lambda: camera.state().newest is None)
    assert [record.getMessage() for record in caplog.records] == ["opened fake", "closed fake"] * 2


def test_a_short_break_between_two_viewers_does_not_close_the_source(make_camera: MakeCamera) -> None:
    source = FakeSource([plain_image()])
    camera = make_camera(source, idle_s=30)
    viewer = watch(camera)
    next(viewer)
    viewer.close()
    time.sleep(0.1)
    assert not source.closed.is_set()


def test_an_unplugged_camera_shows_why_and_comes_back(make_camera: MakeCamera) -> None:
    broken = FakeSource([plain_image()], then=SourceError("camera 0 sends no more frames"))
    gone = SourceError("camera 0 is not connected")
    later: list[FakeSource] = []
    camera = make_camera(broken, gone, later=later)
    problem = watch_for(camera, "camera 0")
    assert problem.jpeg.startswith(b"\xff\xd8")
    later.append(FakeSource([plain_image()]))
    assert watch_for(camera, "").tracks
    until(lambda: camera.state().problem == "")
    assert broken.closed.is_set()


def test_a_source_that_raises_anything_is_reported_and_reopened(make_camera: MakeCamera) -> None:
    later: list[FakeSource] = []
    camera = make_camera(FakeSource([plain_image()], then=ZeroDivisionError("oops")), later=later)
    watch_for(camera, "the source failed")
    later.append(FakeSource([plain_image()]))
    watch_for(camera, "")


def test_a_camera_that_is_missing_at_the_start_is_waited_for(make_camera: MakeCamera) -> None:
    missing = SourceError("camera 0 is not connected")
    later: list[FakeSource] = []
    camera = make_camera(missing, later=later)
    watch_for(camera, "not connected")
    later.append(FakeSource([plain_image()]))
    watch_for(camera, "")


def test_a_camera_that_freezes_without_an_error_is_noticed(make_camera: MakeCamera) -> None:
    frozen = FakeSource([plain_image()], then="stall")
    camera = make_camera(frozen, stall_s=0.15)
    watch_for(camera, "has sent no picture for 0.15 s")
    frozen.release.set()


def test_a_source_that_stands_still_for_long_is_opened_again(make_camera: MakeCamera) -> None:
    frozen = FakeSource([plain_image(10)], then="stall")
    waits = replace(QUICK, reopen_after_s=0.5)
    camera = make_camera(frozen, FakeSource([plain_image(200)]), stall_s=0.15, waits=waits)
    watch_for(camera, "has sent no picture")
    assert watch_for(camera, "").tracks[0].box[2] == 201
    frozen.release.set()
    until(frozen.closed.is_set)
    assert camera.state().problem == ""


def test_a_source_that_takes_longer_to_open_than_the_first_wait_is_opened_in_the_end(
    make_camera: MakeCamera,
) -> None:
    waits = replace(QUICK, reopen_after_s=0.1)
    camera = make_camera(FakeSource([plain_image()]), stall_s=0.1, waits=waits)
    open_at_once = camera._open_source

    def open_slowly() -> tuple[Source, str]:
        time.sleep(0.5)
        return open_at_once()

    camera._open_source = open_slowly
    assert watch_for(camera, "").tracks


def test_a_source_that_was_slow_to_open_is_opened_again_as_soon_as_any_other(make_camera: MakeCamera) -> None:
    silent = [FakeSource([], then="stall") for _ in range(2)]
    frozen = FakeSource([plain_image(10)], then="stall")
    waits = replace(QUICK, reopen_after_s=0.2, max_reopen_after_s=PATIENCE_S)
    camera = make_camera(*silent, frozen, FakeSource([plain_image(200)]), stall_s=0.1, waits=waits)
    with camera.viewing():
        until(lambda: frozen.reads > 1)  # it was opened third; without its frame 0.9 s would be waited now
        stalled_s = time.monotonic()
        for source in silent:
            source.release.set()
        until(lambda: camera.state().counts.openings == 4)
        assert time.monotonic() - stalled_s < 0.8
    frozen.release.set()


def test_a_device_that_holds_every_thread_gets_no_more_than_three(
    make_camera: MakeCamera, caplog: pytest.LogCaptureFixture
) -> None:
    frozen = [FakeSource([plain_image(10)], then="stall") for _ in range(3)]
    waits = replace(QUICK, reopen_after_s=0.0)
    # a busy machine may take a while from an opening to the read that holds the thread
    camera = make_camera(*frozen, FakeSource([plain_image(200)]), stall_s=0.3, waits=waits)
    with camera.viewing():
        until(lambda: camera.state().counts.openings == 3)
        with pytest.raises(pytest.fail.Exception):
            until(lambda: camera.state().counts.openings > 3, 0.6)
        logged = caplog.text
        frozen[0].release.set()
        assert watch_for(camera, "").tracks[0].box[2] == 201
    for source in frozen:
        source.release.set()
    assert logged.count("reopening it") == 2  # and none is announced that cannot be


def test_a_problem_of_long_ago_does_not_meet_the_next_viewer(make_camera: MakeCamera) -> None:
    camera = make_camera(SourceError("busy"), FakeSource([plain_image()]), idle_s=0.1)
    assert camera.snapshot(PATIENCE_S) is not None
    until(lambda: camera.state().newest is None)
    assert camera.state().problem == ""


def test_a_late_picture_does_not_meet_the_next_viewer(make_camera: MakeCamera) -> None:
    def slow(frame: Frame) -> AnnotatedFrame:
        time.sleep(0.08)
        return fake_process(frame)

    source = FakeSource([plain_image()])
    camera = make_camera(source, process=slow, idle_s=0.05)
    assert camera.snapshot(PATIENCE_S) is not None
    until(source.closed.is_set)
    time.sleep(0.15)
    until(lambda: camera.state().newest is None)


def test_a_frame_that_makes_a_step_raise_ends_nothing(make_camera: MakeCamera) -> None:
    def fragile(frame: Frame) -> AnnotatedFrame:
        if frame.index % 2:
            raise ValueError("odd frames are not liked")
        return fake_process(frame)

    camera = make_camera(FakeSource([plain_image()]), process=fragile)
    indices = [annotated.index for annotated, _ in zip(watch(camera), range(5), strict=False)]
    assert indices == sorted(indices)
    assert all(index % 2 == 0 for index in indices)


def test_frames_that_can_never_be_processed_are_told_in_one_sentence_and_why_in_the_log(
    make_camera: MakeCamera, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(frame: Frame) -> AnnotatedFrame:
        raise ValueError(f"the network is broken at frame {frame.image.shape}")

    camera = make_camera(FakeSource([plain_image()]), process=broken, stall_s=0.1)
    watch_for(camera, "Frames cannot be processed; the log says why")
    assert "the network is broken" not in camera.state().problem
    assert caplog.text.count("ValueError: the network is broken at frame") == 1


STANDS_STILL = "The picture is frozen: no frame has been finished for 0.3 s"


def test_a_step_that_never_returns_is_a_problem_until_it_does(
    make_camera: MakeCamera, caplog: pytest.LogCaptureFixture
) -> None:
    step = HangingStep(5)
    camera = make_camera(FakeSource([plain_image()]), process=step, stall_s=0.3)
    with camera.viewing():
        assert step.hangs.wait(PATIENCE_S)
        shown = watch_for(camera, "is frozen")
        state = camera.state()
        assert (shown.problem, state.problem, state.running) == (STANDS_STILL, STANDS_STILL, False)
        assert state.summary()["problem"] == STANDS_STILL
        assert readiness(camera) == (503, STANDS_STILL)
        until(lambda: STANDS_STILL in caplog.text)
        (record,) = [record for record in caplog.records if STANDS_STILL in record.getMessage()]
        assert "self.go.wait" in vars(record)["at"]  # the log has the line that hangs
        step.go.set()
        assert watch_for(camera, "").tracks
        until(lambda: readiness(camera) == (200, "frames are arriving"))
        assert camera.state().running


def test_a_picture_that_stands_still_is_no_live_one_even_if_no_thread_is_left_to_say_so(
    make_camera: MakeCamera,
) -> None:
    step = HangingStep(5)
    waits = replace(QUICK, tick_s=PATIENCE_S)  # the watching thread sleeps
    camera = make_camera(FakeSource([plain_image()]), process=step, stall_s=0.3, waits=waits)
    with camera.viewing():
        assert step.hangs.wait(PATIENCE_S)
        newest = camera.annotated.newest()
        assert newest is not None
        assert not newest.problem
        until(lambda: camera.state().problem == STANDS_STILL)
        assert camera.annotated.newest() is newest
        step.go.set()


def test_a_step_that_hangs_at_the_first_frame_is_a_problem_too(make_camera: MakeCamera) -> None:
    step = HangingStep(0)
    camera = make_camera(FakeSource([plain_image()]), process=step, stall_s=0.3)
    watch_for(camera, "is frozen")
    step.go.set()


def test_a_hanging_step_does_not_have_the_source_opened_again(make_camera: MakeCamera) -> None:
    step = HangingStep(0)
    waits = replace(QUICK, reopen_after_s=0.1)
    camera = make_camera(FakeSource([plain_image()]), process=step, stall_s=0.2, waits=waits)
    with camera.viewing():
        watch_for(camera, "is frozen")
        time.sleep(0.4)
        assert camera.state().counts.openings == 1
    step.go.set()


def test_a_listener_that_raises_stops_neither_the_frames_nor_the_other_listeners(
    make_camera: MakeCamera, caplog: pytest.LogCaptureFixture
) -> None:
    camera = make_camera(FakeSource([plain_image()]))
    indices: list[int] = []

    def fail() -> None:
        raise RuntimeError("this listener is broken")

    camera.annotated.subscribe(fail)
    camera.annotated.subscribe(
        lambda: indices.append(newest.index if (newest := camera.annotated.newest()) else 0)
    )
    with camera.viewing():
        until(lambda: len(indices) > 10)
        assert camera.state().problem == ""
    assert caplog.text.count("RuntimeError: this listener is broken") == 1


class SlowSource(FakeSource):
    """Gives a picture every period_s, as a camera does that waits for something to move."""

    fps = None

    def __init__(self, period_s: float) -> None:
        super().__init__([plain_image()])
        self.period_s = period_s

    def read(self) -> Image:
        self.release.wait(self.period_s)
        return super().read()


def test_a_source_that_is_slower_than_usual_is_no_frozen_one_while_stall_s_allows_it(
    make_camera: MakeCamera,
) -> None:
    source = SlowSource(period_s=0.4)
    camera = make_camera(source, stall_s=60.0)
    problems: set[str] = set()
    with camera.viewing():
        while source.reads < 4:
            problems.add(camera.state().problem)
            time.sleep(0.02)
    source.release.set()
    assert problems == {""}


def test_a_slow_source_is_given_its_own_period_and_not_called_lost(make_camera: MakeCamera) -> None:
    source = SlowSource(period_s=0.6)
    waits = replace(QUICK, first_gap_s=2.0, reopen_after_s=0.2)
    camera = make_camera(source, stall_s=0.2, waits=waits)
    problems: set[str] = set()

    def note() -> None:
        if newest := camera.annotated.newest():
            problems.add(newest.problem)

    camera.annotated.subscribe(note)
    with camera.viewing():
        until(lambda: source.reads > 4)
        problems.add(camera.state().problem)
        assert readiness(camera) == (200, "frames are arriving")
        assert camera.state().counts.openings == 1
        assert camera.state().fps == pytest.approx(1 / 0.6, rel=0.3)
        assert problems == {""}
        source.period_s = PATIENCE_S  # and now it is lost
        watch_for(camera, "has sent no picture for ")
    source.release.set()


def test_a_source_that_says_it_has_no_new_image_is_alive(make_camera: MakeCamera) -> None:
    class Still(FakeSource):
        fps = None

        def read(self) -> Image:
            if self.reads:
                self.reads += 1
                self.release.wait(0.02)
                raise NoNewImage
            return super().read()

    source = Still([plain_image()])
    camera = make_camera(source, stall_s=0.2, waits=replace(QUICK, first_gap_s=0.2))
    with camera.viewing():
        until(lambda: source.reads > 40)
        assert camera.state().problem == ""
        assert camera.state().counts.frames == 1
        assert camera.state().counts.openings == 1
        newest = camera.annotated.newest()
        assert newest is not None
        assert not newest.problem


def test_a_step_that_hangs_is_a_problem_though_the_source_shows_signs_of_life(make_camera: MakeCamera) -> None:
    class Still(FakeSource):
        fps = None

        def read(self) -> Image:
            if self.reads:
                self.release.wait(0.02)
                raise NoNewImage
            return super().read()

    step = HangingStep(0)
    camera = make_camera(Still([plain_image()]), process=step, stall_s=0.3)
    watch_for(camera, "is frozen")
    step.go.set()


def test_a_source_that_comes_and_goes_all_day_does_not_fill_the_log(
    make_camera: MakeCamera, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    ends = SourceError("camera 0 sends no more frames")
    sources = [FakeSource([plain_image()], then=ends) for _ in range(12)]
    waits = replace(QUICK, min_pause_s=0.01, max_pause_s=0.01, log_after_s=0.5)
    later: list[FakeSource] = []
    camera = make_camera(*sources, SourceError("camera 0 is gone"), later=later, waits=waits)
    with camera.viewing():
        until(lambda: camera.state().counts.openings >= 12)
        until(lambda: "camera 0 is gone" in caplog.text)  # what stays is logged
        assert len(caplog.records) <= 5
        later.append(FakeSource([plain_image()]))
        until(lambda: "the picture is back" in caplog.text.partition("camera 0 is gone")[2])


def test_a_source_that_comes_back_after_long_is_not_called_frozen_before_its_first_frame_is_done(
    make_camera: MakeCamera,
) -> None:
    def slow(frame: Frame) -> AnnotatedFrame:
        time.sleep(0.2)
        return fake_process(frame)

    later: list[FakeSource] = []
    missing = SourceError("camera 0 is not connected")
    camera = make_camera(missing, later=later, process=slow, stall_s=1.0)
    shown: list[str] = []

    def note() -> None:
        if newest := camera.annotated.newest():
            shown.append(newest.problem)

    camera.annotated.subscribe(note)
    with camera.viewing():
        until(lambda: shown)
        time.sleep(1.5)  # longer than stall_s, which is longer than the step
        later.append(FakeSource([plain_image()]))
        until(lambda: shown[-1] == "")
    assert set(shown) == {"camera 0 is not connected", ""}


def test_a_picture_that_stands_still_is_sent_again(make_camera: MakeCamera) -> None:
    frozen = FakeSource([plain_image()], then="stall")
    camera = make_camera(frozen, stall_s=30)
    viewer = watch(camera)
    assert next(viewer) is next(viewer)
    frozen.release.set()


def test_a_snapshot_opens_the_source_and_lets_go_of_it(make_camera: MakeCamera) -> None:
    camera = make_camera(FakeSource([plain_image()]))
    annotated = camera.snapshot(PATIENCE_S)
    assert annotated is not None
    assert camera.state().viewers == 0


def test_a_snapshot_of_a_silent_source_ends_at_its_timeout(make_camera: MakeCamera) -> None:
    frozen = FakeSource([], then="stall")
    camera = make_camera(frozen, stall_s=30)
    assert camera.snapshot(0.05) is None
    frozen.release.set()


def test_the_state_knows_rate_and_latency(make_camera: MakeCamera) -> None:
    frozen = FakeSource([plain_image()] * 20, then="stall")
    camera = make_camera(frozen, stall_s=PATIENCE_S, waits=replace(QUICK, fps_window_s=PATIENCE_S))
    published: dict[int, float] = {}

    def note() -> None:
        if newest := camera.annotated.newest():
            published[newest.index] = newest.published_s

    camera.annotated.subscribe(note)
    with camera.viewing():
        until(lambda: 19 in published)
        state = camera.state()
    frozen.release.set()
    assert state.fps == pytest.approx((len(published) - 1) / (published[19] - min(published.values())))
    assert state.latency_ms == pytest.approx(10)


def test_the_rate_is_that_of_the_last_two_seconds() -> None:
    assert rate(deque([80.0, 98.0, 99.0, 99.5, 100.0]), 100.5) == pytest.approx(2)
    assert rate(deque([80.0]), 100.0) == 0


def test_the_rate_of_a_slow_source_is_that_of_its_last_two_frames_until_a_third_is_long_due() -> None:
    assert rate(deque([80.0, 85.0, 90.0]), 94.0) == pytest.approx(0.2)
    assert rate(deque([80.0, 85.0, 90.0]), 101.0) == 0
    assert rate(deque([89.9, 90.0]), 93.0) == 0


def test_closing_lets_viewers_go_and_joins_the_threads(make_camera: MakeCamera) -> None:
    camera = make_camera(FakeSource([plain_image()]))
    left = threading.Event()

    def view() -> None:
        for _ in watch(camera):
            pass
        left.set()

    viewer = threading.Thread(target=view)
    viewer.start()
    until(lambda: camera.state().viewers == 1)
    assert camera.close()
    assert left.wait(PATIENCE_S)
    viewer.join(PATIENCE_S)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("camera")]
    assert list(watch(camera)) == []


def test_closing_with_a_device_that_holds_its_thread_says_so(make_camera: MakeCamera) -> None:
    frozen = FakeSource([plain_image()], then="stall")
    camera = make_camera(frozen, waits=replace(QUICK, join_s=0.05))
    next(watch(camera))
    until(lambda: frozen.reads > 1)
    assert not camera.close()
    frozen.release.set()


def test_a_face_is_found_in_the_newest_picture_without_its_drawings(make_camera: MakeCamera) -> None:
    camera = make_camera(FakeSource([plain_image(90)]))
    assert camera.find_face(1) is None  # nothing was ever seen
    next(watch(camera))
    found = camera.find_face(1)
    assert found
    image, track = found
    assert (image == plain_image(90)).all()
    assert track.track_id == 1
    assert camera.find_face(2) is None
