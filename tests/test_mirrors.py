"""Visitors' own cameras: who is read when, together with whom, and what is refused."""

import io
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import mirrors as module
from audience import FullError
from emotions import EMOTIONS
from metrics import MirrorCollector
from mirrors import BusyError, ClosedError, FrameError, Mirror, Mirrors, decode
from tests.conftest import PATIENCE_S
from tests.fakes import until
from tracker import Tracker

BOX = np.array([[4, 4, 36, 36]], dtype=np.int32)


class Recorder:
    """Says “sad” to dark pictures and “happy” to others, and can be made to wait or to fail."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.go = threading.Event()
        self.go.set()
        self.fault: Exception | None = None

    def predict_each(
        self, pictures: Sequence[tuple[NDArray[np.uint8], NDArray[Any]]]
    ) -> list[NDArray[np.float32]]:
        self.batches.append(len(pictures))
        assert self.go.wait(PATIENCE_S)
        if self.fault:
            raise self.fault
        return [self.read(int(gray[0, 0])) for gray, _ in pictures]

    def read(self, level: int) -> NDArray[np.float32]:
        probs = np.full((1, 7), 0.05, dtype=np.float32)
        probs[0, EMOTIONS.index("sad" if level < 100 else "happy")] = 0.7
        return probs


class OneFace:
    """Sees one face in every frame, and notes which were to be searched wholly."""

    def __init__(self) -> None:
        self.wanted = False
        self.searched: list[bool] = []
        self.takes_s = 0.0

    def detect(self, gray: NDArray[np.uint8]) -> NDArray[np.int32]:
        if gray[0, 0] == 255:
            raise RuntimeError("the detector is broken")
        self.searched.append(self.wanted)
        self.wanted = False
        until_s = time.thread_time() + self.takes_s
        while time.thread_time() < until_s:
            pass
        return BOX


class Hall:
    """Three mirrors, their detectors in the order in which they were taken, and the classifier behind them."""

    def __init__(self) -> None:
        self.detectors: list[OneFace] = []
        self.classifier = Recorder()
        self.mirrors = Mirrors(self.classifier, self.make_detector, lambda: Tracker(0.3, 0.4), 3)

    def make_detector(self) -> tuple[OneFace, OneFace]:
        self.detectors.append(OneFace())
        return self.detectors[-1], self.detectors[-1]


@pytest.fixture
def hall(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hall]:
    monkeypatch.setattr(module, "MOST_FPS", 1000)
    monkeypatch.setattr(module, "ANSWER_S", PATIENCE_S)
    hall = Hall()
    yield hall
    hall.classifier.go.set()
    hall.mirrors.close()


def jpeg_of(level: int, width: int = 48, height: int = 40, format: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height), level).save(file, format)
    return file.getvalue()


def look_beside(hall: Hall, mirror: Mirror, jpeg: bytes) -> threading.Thread:
    thread = threading.Thread(target=hall.mirrors.look, args=(mirror, jpeg))
    thread.start()
    until(lambda: mirror.frame)
    return thread


def test_a_face_is_shown_from_its_second_frame_with_the_frames_size(hall: Hall) -> None:
    with hall.mirrors.opened() as mirror:
        assert hall.mirrors.look(mirror, jpeg_of(200)).tracks == []
        seen = hall.mirrors.look(mirror, jpeg_of(200))
    (track,) = seen.tracks
    assert (seen.index, seen.width_px, seen.height_px) == (2, 48, 40)
    assert (track.track_id, track.emotion) == (1, "happy")
    assert 0 < seen.latency_ms < module.ANSWER_S * 1000


def test_nobody_sees_anything_of_anybody_elses(hall: Hall) -> None:
    with hall.mirrors.opened() as mine, hall.mirrors.opened() as yours:
        for _ in range(2):
            first = hall.mirrors.look(mine, jpeg_of(200))
            second = hall.mirrors.look(yours, jpeg_of(50))
    assert [(track.track_id, track.emotion) for track in first.tracks] == [(1, "happy")]
    assert [(track.track_id, track.emotion) for track in second.tracks] == [(1, "sad")]


def test_whatever_waits_at_the_moment_is_read_in_one_batch(hall: Hall) -> None:
    with hall.mirrors.opened() as one, hall.mirrors.opened() as two, hall.mirrors.opened() as three:
        hall.classifier.go.clear()
        threads = [look_beside(hall, one, jpeg_of(200))]
        until(lambda: hall.classifier.batches)
        threads += [look_beside(hall, mirror, jpeg_of(200)) for mirror in (two, three)]
        hall.classifier.go.set()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert hall.classifier.batches == [1, 2]


def test_only_one_frame_a_round_is_searched_wholly_and_everybody_has_a_turn(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEARCH_PERIOD_S", 1000)
    with hall.mirrors.opened() as one, hall.mirrors.opened() as two:
        hall.classifier.go.clear()
        warm_up = look_beside(hall, one, jpeg_of(200))
        until(lambda: hall.classifier.batches)
        hall.classifier.go.set()
        warm_up.join(PATIENCE_S)
        for mirror in (one, two):
            mirror.searched_at = -1e9
        for _ in range(2):
            hall.classifier.go.clear()
            batches = len(hall.classifier.batches)
            threads = [look_beside(hall, one, jpeg_of(200))]
            until(lambda: len(hall.classifier.batches) > batches)  # noqa: B023  # it is called at once
            threads.append(look_beside(hall, two, jpeg_of(200)))
            hall.classifier.go.set()
            for thread in threads:
                thread.join(PATIENCE_S)
    assert sum(sum(detector.searched) for detector in hall.detectors) == 3
    assert all(any(detector.searched) for detector in hall.detectors)


def test_whoever_costs_more_is_read_less_often(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEARCH_PERIOD_S", 1000)
    with hall.mirrors.opened() as mirror, hall.mirrors.opened(), hall.mirrors.opened():
        mirror.searched_at = started = time.monotonic()  # a search does not count
        hall.detectors[0].takes_s = 0.02
        hall.mirrors.look(mirror, jpeg_of(200))
        longest_s = mirror.due_at - time.monotonic()
    # it rests for twice what it took, for there are two others
    assert mirror.due_at - started > 3 * 0.02
    assert longest_s < 0.2


def test_nobody_is_read_more_often_than_may_be(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FPS", 50)
    started = time.monotonic()
    with hall.mirrors.opened() as mirror:
        for _ in range(4):
            hall.mirrors.look(mirror, jpeg_of(200))
    assert time.monotonic() - started >= 3 / 50


def test_a_visitor_with_one_frame_a_second_sees_faces_too() -> None:
    mirror = Mirror(OneFace(), OneFace(), tracker := Tracker(0.3, 0.4))
    probs = Recorder().read(200)
    shown = [tracker.update(BOX, probs, mirror.tick(at)) for at in (100.0, 101.0, 102.5)]
    assert [len(tracks) for tracks in shown] == [0, 1, 1]


def test_only_so_many_may_look_at_once(hall: Hall) -> None:
    with hall.mirrors.opened(), hall.mirrors.opened():
        hall.mirrors.session("a")
        with pytest.raises(FullError, match="3 mirrors are in use"), hall.mirrors.opened():
            pass
        with pytest.raises(FullError, match="3 mirrors are in use"):
            hall.mirrors.session("b")
        assert len(hall.mirrors) == 3
    assert len(hall.mirrors) == 1
    assert hall.mirrors.counts()["refused"] == 2


def test_a_session_is_kept_while_it_is_used_and_then_forgotten(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = hall.mirrors.session("a")
    assert hall.mirrors.session("a") is mirror
    monkeypatch.setattr(module, "KEEP_SESSION_S", -1.0)
    assert hall.mirrors.session("a") is not mirror
    assert len(hall.mirrors) == 0


def test_one_frame_at_a_time(hall: Hall) -> None:
    with hall.mirrors.opened() as mirror:
        hall.classifier.go.clear()
        thread = look_beside(hall, mirror, jpeg_of(200))
        with pytest.raises(BusyError, match="has not been answered yet"):
            hall.mirrors.look(mirror, jpeg_of(200))
        hall.classifier.go.set()
        thread.join(PATIENCE_S)


def test_a_frame_that_is_not_answered_in_time_is_given_up(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.01)
    hall.classifier.go.clear()
    with hall.mirrors.opened() as mirror:
        with pytest.raises(BusyError, match="too busy"):
            hall.mirrors.look(mirror, jpeg_of(200))
        hall.classifier.go.set()
        monkeypatch.setattr(module, "ANSWER_S", PATIENCE_S)
        assert hall.mirrors.look(mirror, jpeg_of(200)).index in (1, 2)  # the first may not have been begun


def test_a_bad_frame_harms_nobody_else(hall: Hall, caplog: pytest.LogCaptureFixture) -> None:
    with hall.mirrors.opened() as bad, hall.mirrors.opened() as good:
        with pytest.raises(FrameError, match="not a JPEG"):
            hall.mirrors.look(bad, b"nothing")
        with pytest.raises(FrameError, match="the log says why"):
            hall.mirrors.look(bad, jpeg_of(255))
        assert "the detector is broken" in caplog.text
        hall.classifier.fault = RuntimeError("no memory")
        with pytest.raises(FrameError, match="the log says why"):
            hall.mirrors.look(good, jpeg_of(200))
        hall.classifier.fault = None
        assert hall.mirrors.look(good, jpeg_of(200)).index == 1
    assert hall.mirrors.counts()["failed"] == 3


def test_closing_lets_everybody_go_who_waits(hall: Hall) -> None:
    with hall.mirrors.opened() as one, hall.mirrors.opened() as two:
        hall.classifier.go.clear()
        under_way = look_beside(hall, one, jpeg_of(200))
        until(lambda: hall.classifier.batches)
        ended: list[type[Exception]] = []

        def wait() -> None:
            try:
                hall.mirrors.look(two, jpeg_of(200))
            except ClosedError:
                ended.append(ClosedError)

        waiting = threading.Thread(target=wait)
        waiting.start()
        until(lambda: two.frame)
        closing = threading.Thread(target=hall.mirrors.close)
        closing.start()
        waiting.join(PATIENCE_S)
        assert ended == [ClosedError]
        hall.classifier.go.set()
        closing.join(PATIENCE_S)
        under_way.join(PATIENCE_S)
        with pytest.raises(ClosedError):
            hall.mirrors.look(two, jpeg_of(200))


def test_the_figures_are_what_happened(hall: Hall) -> None:
    with hall.mirrors.opened() as mirror:
        for _ in range(3):
            hall.mirrors.look(mirror, jpeg_of(200))
        with pytest.raises(FrameError):
            hall.mirrors.look(mirror, b"")
        hall.mirrors.look(mirror, jpeg_of(200))  # by now the round before has been counted
        figures = {family.name: family.samples[0].value for family in MirrorCollector(hall.mirrors).collect()}
    assert figures.pop("fer_mirror_seconds") > 0
    assert figures.pop("fer_mirror_batches") in (4, 5)
    assert figures == {
        **{"fer_mirrors": 1, "fer_refused_mirrors": 0, "fer_mirror_frames": 4, "fer_mirror_faces": 4},
        "fer_failed_mirror_frames": 1,
    }


def test_a_jpeg_becomes_its_brightness() -> None:
    colour = io.BytesIO()
    Image.new("RGB", (48, 40), (255, 0, 0)).save(colour, "JPEG", quality=95)
    gray = decode(colour.getvalue())
    assert gray.shape == (40, 48)
    assert gray.dtype == np.uint8
    assert abs(int(gray[20, 20]) - 76) <= 2  # 0.299 of red


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


@settings(max_examples=60)
@given(st.data())
def test_any_bytes_are_a_picture_or_a_sentence(data: st.DataObject) -> None:
    jpeg = bytearray(jpeg_of(9))
    for _ in range(data.draw(st.integers(0, 8))):
        jpeg[data.draw(st.integers(0, len(jpeg) - 1))] = data.draw(st.integers(0, 255))
    with suppress(FrameError):
        gray = decode(bytes(jpeg[: data.draw(st.integers(0, len(jpeg)))]))
        assert gray.shape[0] <= 960
        assert gray.shape[1] <= 1280
