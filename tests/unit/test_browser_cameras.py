"""Visitors' own cameras: who is read when, together with whom, and what is refused."""

import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from streaming.audience import FullError
from streaming.browser_cameras import BrowserCamera, BrowserCameras, BusyError, ClosedError, FrameError, decode
from tests.fakes.browser_cameras import BOX, QUICK, Hall, OneFace, Recorder, jpeg_of
from tests.fakes.recognition import LyingFaces
from tests.fakes.waiting import PATIENCE_S, until
from vision.crops import Tilts
from vision.detector import Boxes, Gray
from vision.tracker import Tracker
from web.metrics import BrowserCameraCollector


@pytest.fixture
def make_hall() -> Iterator[Callable[..., Hall]]:
    """Return a function that makes a hall in which some waits are others."""
    halls: list[Hall] = []

    def make(**waits: float) -> Hall:
        halls.append(Hall(replace(QUICK, **waits)))
        return halls[-1]

    yield make
    for hall in halls:
        hall.classifier.go.set()
        hall.cameras.close()


@pytest.fixture
def hall(make_hall: Callable[..., Hall]) -> Hall:
    return make_hall()


def read_beside(hall: Hall, camera: BrowserCamera, jpeg: bytes) -> threading.Thread:
    thread = threading.Thread(target=hall.cameras.read, args=(camera, jpeg))
    thread.start()
    until(lambda: camera.frame)
    return thread


def test_a_face_is_shown_from_its_second_frame_with_the_frames_size(hall: Hall) -> None:
    with hall.cameras.opened() as camera:
        assert hall.cameras.read(camera, jpeg_of(200)).tracks == []
        seen = hall.cameras.read(camera, jpeg_of(200))
    (track,) = seen.tracks
    assert (seen.index, seen.width_px, seen.height_px) == (2, 48, 40)
    assert (track.track_id, track.emotion) == (1, "happy")
    assert 0 < seen.latency_ms < PATIENCE_S * 1000


def test_nobody_sees_anything_of_anybody_elses(hall: Hall) -> None:
    with hall.cameras.opened() as mine, hall.cameras.opened() as yours:
        for _ in range(2):
            first = hall.cameras.read(mine, jpeg_of(200))
            second = hall.cameras.read(yours, jpeg_of(50))
    assert [(track.track_id, track.emotion) for track in first.tracks] == [(1, "happy")]
    assert [(track.track_id, track.emotion) for track in second.tracks] == [(1, "sad")]


def test_whatever_waits_at_the_moment_is_read_in_one_batch(hall: Hall) -> None:
    with hall.cameras.opened() as one, hall.cameras.opened() as two, hall.cameras.opened() as three:
        hall.classifier.go.clear()
        threads = [read_beside(hall, one, jpeg_of(200))]
        until(lambda: hall.classifier.batches)
        threads += [read_beside(hall, camera, jpeg_of(200)) for camera in (two, three)]
        hall.classifier.go.set()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert hall.classifier.batches == [1, 2]


def test_only_one_frame_a_round_is_searched_wholly_and_everybody_has_a_turn(
    make_hall: Callable[..., Hall],
) -> None:
    hall = make_hall(search_period_s=1000)
    with hall.cameras.opened() as one, hall.cameras.opened() as two:
        hall.classifier.go.clear()
        warm_up = read_beside(hall, one, jpeg_of(200))
        until(lambda: hall.classifier.batches)
        hall.classifier.go.set()
        warm_up.join(PATIENCE_S)
        for camera in (one, two):
            camera.searched_s = -1e9
        for _ in range(2):
            hall.classifier.go.clear()
            batches = len(hall.classifier.batches)
            threads = [read_beside(hall, one, jpeg_of(200))]
            until(lambda: len(hall.classifier.batches) > batches)  # noqa: B023  # it is called at once
            threads.append(read_beside(hall, two, jpeg_of(200)))
            hall.classifier.go.set()
            for thread in threads:
                thread.join(PATIENCE_S)
    assert sum(sum(detector.searched) for detector in hall.detectors) == 3
    assert all(any(detector.searched) for detector in hall.detectors)


def test_whoever_costs_more_is_read_less_often(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall(search_period_s=1000)
    with hall.cameras.opened() as camera, hall.cameras.opened(), hall.cameras.opened():
        camera.searched_s = started = time.monotonic()  # a search does not count
        hall.detectors[0].takes_s = 0.02
        hall.cameras.read(camera, jpeg_of(200))
        longest_s = camera.due_s - time.monotonic()
    # it rests for twice what it took, for there are two others
    assert camera.due_s - started > 3 * 0.02
    assert longest_s < 0.2


def test_nobody_is_read_more_often_than_may_be(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall(frame_period_s=1 / 50)
    started = time.monotonic()
    with hall.cameras.opened() as camera:
        for _ in range(4):
            hall.cameras.read(camera, jpeg_of(200))
    assert time.monotonic() - started >= 3 / 50


def test_a_visitor_with_one_frame_a_second_sees_faces_too() -> None:
    camera = BrowserCamera(OneFace(), OneFace(), tracker := Tracker(0.3, 0.4))
    probs = Recorder().read(200)
    shown = [tracker.update(BOX, probs, camera.tick(at)) for at in (100.0, 101.0, 102.5)]
    assert [len(tracks) for tracks in shown] == [0, 1, 1]


def test_only_so_many_may_look_at_once(hall: Hall) -> None:
    with hall.cameras.opened(), hall.cameras.opened():
        hall.cameras.session("a")
        with (
            pytest.raises(FullError, match="All 3 places for visitors' cameras are taken"),
            hall.cameras.opened(),
        ):
            pass
        with pytest.raises(FullError, match="All 3 places for visitors' cameras are taken"):
            hall.cameras.session("b")
        assert len(hall.cameras) == 3
    assert len(hall.cameras) == 1
    assert hall.cameras.counts()["refused"] == 2


class Workshop(Hall):
    """A hall in which making a detector can be made to wait; `making` says that one is being made."""

    def __init__(self) -> None:
        super().__init__()
        self.making, self.go = threading.Event(), threading.Event()
        self.together = threading.Barrier(1)

    def make_detector(self) -> tuple[OneFace, OneFace]:
        self.making.set()
        assert self.go.wait(PATIENCE_S)
        self.together.wait(PATIENCE_S)
        return super().make_detector()


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    workshop = Workshop()
    yield workshop
    workshop.go.set()
    workshop.cameras.close()


def start(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_detector_that_is_slow_to_make_holds_up_no_other_visitor(workshop: Workshop) -> None:
    workshop.go.set()
    with workshop.cameras.opened() as camera:
        workshop.go.clear()
        workshop.making.clear()
        newcomer = start(lambda: workshop.cameras.session("new"))
        assert workshop.making.wait(PATIENCE_S)
        done: list[int] = []

        def use() -> None:
            done.append(workshop.cameras.read(camera, jpeg_of(200)).index)
            done.append(len(workshop.cameras))
            done.append(round(workshop.cameras.counts()["refused"]))

        start(use).join(10)
        assert done == [1, 1, 0]
        workshop.go.set()
        newcomer.join(PATIENCE_S)
        assert len(workshop.cameras) == 2


def test_of_visitors_who_come_at_the_same_moment_no_more_are_let_in_than_there_are_places(
    workshop: Workshop,
) -> None:
    workshop.go.set()
    workshop.together = threading.Barrier(5)  # all have found a free place when the first takes one
    refused: list[str] = []

    def come(key: str) -> None:
        try:
            workshop.cameras.session(key)
        except FullError as error:
            refused.append(str(error))

    visitors = [start(lambda key=key: come(key)) for key in "abcde"]  # type: ignore[misc]
    for visitor in visitors:
        visitor.join(PATIENCE_S)
    assert len(workshop.cameras) == 3
    assert len(refused) == 2
    assert workshop.cameras.counts()["refused"] == 2


def test_two_requests_of_a_new_session_at_the_same_moment_get_one_camera(workshop: Workshop) -> None:
    workshop.go.set()
    workshop.together = threading.Barrier(2)
    got: list[BrowserCamera] = []
    requests = [start(lambda: got.append(workshop.cameras.session("a"))) for _ in range(2)]
    for request in requests:
        request.join(PATIENCE_S)
    assert got[0] is got[1]
    assert len(workshop.cameras) == 1


def test_a_session_is_kept_while_it_is_used_and_then_forgotten(
    make_hall: Callable[..., Hall],
) -> None:
    hall = make_hall(keep_session_s=1000)
    camera = hall.cameras.session("a")
    assert hall.cameras.session("a") is camera
    camera.used_s -= 1001
    assert hall.cameras.session("a") is not camera
    assert len(hall.cameras) == 1
    hall.cameras.session("a").used_s -= 1001
    assert len(hall.cameras) == 0


def test_one_frame_at_a_time(hall: Hall) -> None:
    with hall.cameras.opened() as camera:
        hall.classifier.go.clear()
        thread = read_beside(hall, camera, jpeg_of(200))
        with pytest.raises(BusyError, match="has not been answered yet"):
            hall.cameras.read(camera, jpeg_of(200))
        hall.classifier.go.set()
        thread.join(PATIENCE_S)


def test_a_frame_that_is_not_answered_in_time_is_given_up(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall(answer_s=0.01)
    hall.classifier.go.clear()
    with hall.cameras.opened() as camera:
        with pytest.raises(BusyError, match="too busy"):
            hall.cameras.read(camera, jpeg_of(200))
        hall.classifier.go.set()

        def is_answered() -> bool:
            with suppress(BusyError):
                return bool(hall.cameras.read(camera, jpeg_of(200)))
            return False

        until(is_answered)


def test_a_bad_frame_harms_nobody_else(hall: Hall, caplog: pytest.LogCaptureFixture) -> None:
    with hall.cameras.opened() as bad, hall.cameras.opened() as good:
        with pytest.raises(FrameError, match="not a JPEG"):
            hall.cameras.read(bad, b"nothing")
        with pytest.raises(FrameError, match="the log says why"):
            hall.cameras.read(bad, jpeg_of(255))
        assert "the detector is broken" in caplog.text
        hall.classifier.fault = RuntimeError("no memory")
        with pytest.raises(FrameError, match="the log says why"):
            hall.cameras.read(good, jpeg_of(200))
        hall.classifier.fault = None
        assert hall.cameras.read(good, jpeg_of(200)).index == 1
    assert hall.cameras.counts()["failed"] == 3


def test_closing_lets_everybody_go_who_waits(hall: Hall) -> None:
    with hall.cameras.opened() as one, hall.cameras.opened() as two:
        hall.classifier.go.clear()
        under_way = read_beside(hall, one, jpeg_of(200))
        until(lambda: hall.classifier.batches)
        ended: list[type[Exception]] = []

        def wait() -> None:
            try:
                hall.cameras.read(two, jpeg_of(200))
            except ClosedError:
                ended.append(ClosedError)

        waiting = threading.Thread(target=wait)
        waiting.start()
        until(lambda: two.frame)
        closing = threading.Thread(target=hall.cameras.close)
        closing.start()
        waiting.join(PATIENCE_S)
        assert ended == [ClosedError]
        hall.classifier.go.set()
        closing.join(PATIENCE_S)
        under_way.join(PATIENCE_S)
        with pytest.raises(ClosedError):
            hall.cameras.read(two, jpeg_of(200))


def test_the_figures_are_what_happened(hall: Hall) -> None:
    with hall.cameras.opened() as camera:
        for _ in range(3):
            hall.cameras.read(camera, jpeg_of(200))
        with pytest.raises(FrameError):
            hall.cameras.read(camera, b"")
        hall.cameras.read(camera, jpeg_of(200))  # by now the round before has been counted
        figures = {
            family.name: family.samples[0].value for family in BrowserCameraCollector(hall.cameras).collect()
        }
    assert figures.pop("fer_mirror_seconds") > 0
    assert figures.pop("fer_mirror_batches") in (4, 5)
    assert figures == {
        **{"fer_mirrors": 1, "fer_refused_mirrors": 0, "fer_mirror_frames": 4, "fer_mirror_faces": 4},
        "fer_failed_mirror_frames": 1,
    }


def test_a_jpeg_becomes_a_bgr_image() -> None:
    colour = io.BytesIO()
    Image.new("RGB", (48, 40), (255, 0, 0)).save(colour, "JPEG", quality=95)
    image = decode(colour.getvalue())
    assert image.shape == (40, 48, 3)
    assert image.dtype == np.uint8
    assert np.abs(image[20, 20].astype(int) - (0, 0, 255)).max() <= 2


@pytest.mark.parametrize(
    ("jpeg", "sentence"),
    [
        (jpeg_of(9, 1281, 8), "A frame may have 1280x960 px at most, not 1281x8."),
        (jpeg_of(9, 8, 961), "A frame may have 1280x960 px at most, not 8x961."),
        (jpeg_of(9, format="PNG"), "not a JPEG picture"),
        (jpeg_of(9)[:-200], "not a JPEG picture"),
        (b"", "not a JPEG picture"),
    ],
    ids=["too wide", "too high", "png", "cut off", "empty"],
)
def test_what_is_no_frame_is_refused_in_one_sentence(jpeg: bytes, sentence: str) -> None:
    with pytest.raises(FrameError, match=sentence):
        decode(jpeg)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    head = bytearray(jpeg_of(9))
    at = head.index(b"\xff\xc0") + 5
    head[at : at + 4] = b"\xff\xff\xff\xff"  # 65535 x 65535
    started = time.process_time()
    with pytest.raises(FrameError):
        decode(bytes(head))
    assert time.process_time() - started < 0.5


@given(st.data())
def test_any_bytes_are_a_picture_or_a_sentence(data: st.DataObject) -> None:
    jpeg = bytearray(jpeg_of(9))
    for _ in range(data.draw(st.integers(0, 8))):
        jpeg[data.draw(st.integers(0, len(jpeg) - 1))] = data.draw(st.integers(0, 255))
    with suppress(FrameError):
        image = decode(bytes(jpeg[: data.draw(st.integers(0, len(jpeg)))]))
        assert image.shape[0] <= 960
        assert image.shape[1] <= 1280


def test_the_network_learns_how_far_each_head_is_tilted() -> None:
    tilts: list[float] = []

    def predict_each(pictures: Sequence[tuple[Gray, Boxes, Tilts]]) -> list[NDArray[np.float32]]:
        tilts.extend(tilt for *_, its in pictures if its is not None for tilt in its)
        return [Recorder().read(200) for _ in pictures]

    cameras = BrowserCameras(
        predict_each, lambda: (LyingFaces(), OneFace()), lambda: Tracker(0.3, 0.4), 1, waits=QUICK
    )
    with cameras.opened() as camera:
        cameras.read(camera, jpeg_of(200))
    cameras.close()
    assert tilts == [90]
