"""Streams over RTSP and HLS: right pictures, soon, at their pace; and what is said where there are none."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice, pairwise
from pathlib import Path

import pytest

from camera import Camera, CameraWaits
from sources.base import Source, SourceError, frames
from sources.opener import SourceOpener
from sources.playback import SegmentedSource, StreamSource, VideoSource, open_url
from tests.fakes.rtsp import H264, MJPEG, MPEG2, PASSWORD, USER, Coding, RtspCamera, read_number
from tests.fakes.videos import gray_steps, make_video, number_of
from tests.fakes.waiting import PATIENCE_S, until
from vision.frames import AnnotatedFrame, Frame

pytestmark = pytest.mark.server

SIZE = (640, 480)


@pytest.mark.parametrize(
    ("coding", "interlaced", "late_frames"),
    [(H264, False, 2), (MJPEG, False, 1), (MPEG2, True, 5), (H264, True, 4)],
    ids=["H.264", "MJPEG", "interlaced MPEG-2", "interlaced H.264"],
)
def test_every_picture_of_a_camera_comes_whole_in_order_and_soon(
    coding: Coding, interlaced: bool, late_frames: int
) -> None:
    with RtspCamera(coding, interlaced=interlaced) as camera:
        source = open_url(camera.url, "cam")
        assert isinstance(source, StreamSource)
        numbers: list[int] = []
        lags_s: list[float] = []

        def soon() -> bool:
            newest = sorted(lags_s[-30:])
            return newest[10] < (late_frames + 0.9) / camera.fps  # on a busy machine not all come at once

        while len(numbers) < 70 or (len(numbers) < 500 and not soon()):  # the machine may be busy for a while
            numbers.append(read_number(source.read()))
            lags_s.append(time.monotonic() - camera.sent_s[numbers[-1]])
        source.close()
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert soon()


def test_a_wrong_password_is_said_and_the_right_one_opens() -> None:
    with RtspCamera(locked=True) as camera:
        for login in ("", f"{USER}:wrong@"):
            with pytest.raises(SourceError, match=r"^cam requires a valid user name and password \(401\)$"):
                open_url(camera.url.replace("//", f"//{login}"), "cam")
        source = open_url(camera.url.replace("//", f"//{USER}:{PASSWORD.replace(' ', '%20')}@"), "cam")
        read_number(source.read())
        source.close()


def test_a_camera_that_accepts_and_says_nothing_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.playback.OPEN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began_s = time.monotonic()
        with pytest.raises(SourceError, match=r"^cam does not answer in time$"):
            open_url(f"rtsp://127.0.0.1:{mute.getsockname()[1]}/live", "cam")
        assert time.monotonic() - began_s < 3


def no_demo() -> Source:
    """Be the demo of a test in which none may be opened."""
    pytest.fail("the demo was opened")


def annotate(frame: Frame) -> AnnotatedFrame:
    return AnnotatedFrame(frame.index, frame.captured_s, time.monotonic(), b"", scene=frame.image)


def test_a_camera_that_was_switched_off_is_shown_again_when_it_is_back() -> None:
    waits = CameraWaits(min_pause_s=0.1)
    with RtspCamera() as camera, ExitStack() as stack:
        opener = SourceOpener(camera.url, SIZE, no_demo)
        shown = Camera("cam", opener, annotate, idle_s=9, stall_s=3, waits=waits)
        stack.callback(shown.close)
        stack.enter_context(shown.viewing())
        until(lambda: shown.state().counts.frames > 10)
        camera.close()
        until(lambda: shown.state().problem)
        assert "127.0.0.1" in shown.state().problem
        count = shown.state().counts.frames
        with RtspCamera(port=camera.port):
            until(lambda: shown.state().counts.frames > count + 10)
            assert shown.state().problem == ""


class LivePlaylist:
    """A live HLS stream in a folder: each second a segment of a second is added, and one goes."""

    SEGMENT_S, FPS, KEPT = 1.0, 24, 4

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._images = gray_steps(self.FPS)
        self._ended = threading.Event()
        for number in range(self.KEPT):
            self._add(number)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join(PATIENCE_S)

    def _run(self) -> None:
        began_s, number = time.monotonic(), self.KEPT
        while True:
            due_s = began_s + (number - self.KEPT + 1) * self.SEGMENT_S
            if self._ended.wait(max(due_s - time.monotonic(), 0)):
                return
            self._add(number)
            number += 1

    def _add(self, number: int) -> None:
        times_s = [number * self.SEGMENT_S + frame / self.FPS for frame in range(self.FPS)]
        data = make_video(self._images, container="mpegts", fps=self.FPS, times_s=times_s)
        (self._folder / f"{number}.ts").write_bytes(data)
        kept = range(max(number - self.KEPT + 1, 0), number + 1)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{kept[0]}"]
        lines += [f"#EXTINF:{self.SEGMENT_S},\n{one}.ts" for one in kept]
        unfinished = self._folder / "new"
        unfinished.write_text("\n".join(lines) + "\n")
        unfinished.replace(self._folder / "live.m3u8")


class QuietHandler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The address of a server of the files in tmp_path."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(PATIENCE_S)


def test_hls_neither_rushes_nor_stands_still(tmp_path: Path, site: str) -> None:
    playlist = LivePlaylist(tmp_path)
    try:
        source = SourceOpener(f"{site}/live.m3u8", SIZE, no_demo)()[0]
        assert isinstance(source, SegmentedSource)
        numbers, times_s = [], []
        for _ in range(5 * playlist.FPS):
            numbers.append(number_of(source.read()))
            times_s.append(time.monotonic())
        source.close()
    finally:
        playlist.close()
    assert numbers == [(numbers[0] + step) % playlist.FPS for step in range(len(numbers))]
    assert times_s[-1] - times_s[0] == pytest.approx(5, abs=1.5)
    gaps_s = [later - earlier for earlier, later in pairwise(times_s)]
    assert sorted(gaps_s)[-4] < 0.6  # unpaced, there are four of a second; a busy machine may stand still, too
    assert sum(gap_s < 0.01 for gap_s in gaps_s) < len(gaps_s) / 4  # unpaced, nearly all


def test_a_recording_behind_an_address_is_played_at_its_times_and_looped(tmp_path: Path, site: str) -> None:
    times_s = [0, 0.1, 0.5, 0.6]
    (tmp_path / "clip").write_bytes(make_video(gray_steps(4), times_s=times_s))
    source = SourceOpener(f"{site}/clip", SIZE, no_demo)()[0]
    assert isinstance(source, VideoSource)
    stream = (frame for frame in frames(source) if frame)
    shown: list[Frame] = []

    def in_time() -> bool:
        gaps_s = [later.captured_s - earlier.captured_s for earlier, later in pairwise(shown[-4:])]
        return gaps_s == pytest.approx([0.1, 0.4, 0.1], abs=0.08)

    while len(shown) < 6 or (len(shown) < 60 and not in_time()):  # the machine may be busy for a while
        shown += islice(stream, 4)
    source.close()
    assert [number_of(frame.image) for frame in shown] == [0, 1, 2, 3] * (len(shown) // 4)
    assert in_time()


def test_what_is_no_video_is_said_to_be_none(tmp_path: Path, site: str) -> None:
    (tmp_path / "text").write_text("hello " * 100)
    for name, words in (("text", "is not a video that can be read"), ("none", r"404")):
        with pytest.raises(SourceError, match=words):
            open_url(f"{site}/{name}", "cam")
