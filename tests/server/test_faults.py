"""What can go wrong with real sources, tried with the real pipeline."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import pytest

from app import SAMPLES, make_live_pipeline
from camera import Camera
from settings import Settings
from sources.demo import DemoSource
from sources.opener import SourceOpener
from tests.fakes.camera import FakeSource
from tests.fakes.images import plain_image
from tests.fakes.waiting import PATIENCE_S, until
from uploads.assemble import load_classifier
from vision.background import limit_threads
from vision.detectors import Detectors
from vision.jpeg import encode_jpeg
from vision.pipeline import Pipeline

pytestmark = pytest.mark.server


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    settings = Settings()
    limit_threads()
    pipeline = make_live_pipeline(settings, load_classifier(settings), Detectors.load(settings))
    yield pipeline
    pipeline.close()


def open_camera(spec: str, pipeline: Pipeline) -> Camera:
    opener = SourceOpener(spec, (640, 480), partial(DemoSource, SAMPLES))
    return Camera(spec, opener, pipeline.process, idle_s=60, stall_s=1)


def index_of(camera: Camera) -> int:
    newest = camera.annotated.newest()
    return newest.index if newest and not newest.problem else -1


def test_frames_of_another_size_in_the_middle_are_shown(pipeline: Pipeline) -> None:
    sizes = [(480, 640), (240, 320), (720, 1280), (64, 48), (480, 640)]
    images = [plain_image(90, *size) for size in sizes for _ in range(8)]
    source = FakeSource(images)
    source.fps = 60.0
    camera = Camera("fake", lambda: (source, ""), pipeline.process, idle_s=60, stall_s=5)
    try:
        with camera.viewing():
            until(lambda: index_of(camera) >= len(images))
            counts = camera.state().counts
    finally:
        camera.close()
    assert counts.faults == 0
    assert counts.openings == 1


def test_a_video_that_is_corrupt_in_the_middle_goes_on(pipeline: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "broken.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 240, (320, 240))
    for level in range(40):
        writer.write(plain_image(level, 240, 320))
    writer.release()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = b"\x55" * 3000
    path.write_bytes(content)
    camera = open_camera(str(path), pipeline)
    try:
        with camera.viewing():
            until(lambda: index_of(camera) > 100)  # more than once through
    finally:
        camera.close()


class Webcam(ThreadingHTTPServer):
    """A camera behind a URL that can be made to stop answering."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), WebcamRequest)
        self.silent = threading.Event()
        self.ended = threading.Event()


class WebcamRequest(BaseHTTPRequestHandler):
    server: Webcam

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        jpeg = encode_jpeg(plain_image(120, 240, 320), 80)
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
        while not self.server.ended.wait(0.02):
            if self.server.silent.is_set():
                continue
            try:
                self.wfile.write(head + jpeg + b"\r\n")
            except OSError:
                return

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def webcam() -> Iterator[Webcam]:
    webcam = Webcam()
    thread = threading.Thread(target=webcam.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield webcam
    webcam.ended.set()
    webcam.shutdown()
    thread.join(PATIENCE_S)
    webcam.server_close()


def test_a_url_that_stops_answering_says_so_and_comes_back(
    pipeline: Pipeline, webcam: Webcam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.http.SILENCE_S", 1.0)
    camera = open_camera(f"http://127.0.0.1:{webcam.server_port}/", pipeline)
    try:
        with camera.viewing():
            until(lambda: index_of(camera) > 5)
            webcam.silent.set()
            until(lambda: index_of(camera) < 0)
            webcam.silent.clear()
            until(lambda: index_of(camera) >= 0 and not camera.state().problem)
    finally:
        camera.close()
