"""Fakes and helpers that several tests share: no camera, no network, no GPU."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flask import Flask
from numpy.typing import NDArray
from werkzeug.serving import BaseWSGIServer, make_server

from audience import Audience
from camera import Camera
from classifier import LiveClassifier
from emotions import EMOTIONS
from model import preprocess
from pipeline import AnnotatedFrame, Pipeline, encode_jpeg
from sender import Sender
from sources import Frame, Image, SourceError
from stream import Latest, follow
from tests.conftest import PATIENCE_S
from tracker import Track, Tracker
from uploads.recognizer import Recognizer
from variants import Variant, Variants


class FakeSource:
    """Gives the images it was made with, then what `then` says: an error, silence, or the last one again."""

    name = "fake"
    fps: float | None = 200.0

    def __init__(self, images: list[Image], then: Exception | str = "repeat") -> None:
        self.images, self.then = images, then
        self.reads = 0
        self.closed = threading.Event()
        self.release = threading.Event()

    def read(self) -> Image:
        index = self.reads
        self.reads += 1
        if index < len(self.images):
            return self.images[index]
        if isinstance(self.then, Exception):
            raise self.then
        if self.then == "stall":
            self.release.wait(PATIENCE_S)
            raise SourceError("released")
        return self.images[-1]

    def close(self) -> None:
        self.closed.set()


def fake_process(frame: Frame) -> AnnotatedFrame:
    """Annotate without a network: the frame's brightness comes back as the size of its box."""
    track = make_track(1, (0, 0, int(frame.image.flat[0]) + 1, 10))
    jpeg = encode_jpeg(frame.image, 80)
    return AnnotatedFrame(frame.index, frame.captured_at, frame.captured_at + 0.01, jpeg, [track])


def watch(camera: Camera) -> Generator[AnnotatedFrame]:
    """Watch as a viewer does: the newest frames, until the camera is closed or the viewer is."""
    with camera.viewing():
        yield from follow(camera.annotated)


class Watched:
    """Counts who is viewing now."""

    viewing_now = 0

    @contextmanager
    def viewing(self) -> Iterator[None]:
        self.viewing_now += 1
        try:
            yield
        finally:
            self.viewing_now -= 1


class FakeCrowd(Watched):
    """A feed without a camera, and the audience around it; put pictures into `feed`."""

    def __init__(self, max_viewers: int = 8) -> None:
        self.feed: Latest[AnnotatedFrame] = Latest()
        self.variants = Variants(self.feed, fake_variant)
        self.sender = Sender()
        self.audience = Audience(self, self.variants, self.sender, max_viewers)

    def close(self) -> None:
        self.sender.close()
        self.variants.close()
        self.feed.close()


def fake_variant(picture: AnnotatedFrame, variant: Variant) -> AnnotatedFrame:
    """Encode without OpenCV: the variant is named in the bytes."""
    return replace(picture, jpeg=picture.jpeg + f" {variant.width_px} {variant.quality}".encode())


def picture_of(index: int, jpeg: bytes) -> AnnotatedFrame:
    now = time.monotonic()
    return AnnotatedFrame(index, now, now, jpeg)


def make_track(
    track_id: int, box: tuple[int, int, int, int], emotion: str = "happy", sure: bool = True
) -> Track:
    probs = np.full(7, 0.05, dtype=np.float32)
    probs[EMOTIONS.index(emotion)] = 0.7
    return Track(track_id, box, probs, emotion, sure, 0.0)


@contextmanager
def serving(site: Flask, threaded: bool = True) -> Iterator[BaseWSGIServer]:
    """Serve a site in this process."""
    server = make_server("127.0.0.1", 0, site, threaded=threaded)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(PATIENCE_S)
        server.server_close()
    assert not thread.is_alive()


class BrightFaces:
    """A detector to which whatever is bright is a face: one at the most."""

    def detect(self, gray: NDArray[np.uint8]) -> NDArray[np.int32]:
        bright = gray > 150
        rows, columns = (np.flatnonzero(bright.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return np.empty((0, 4), dtype=np.int32)
        return np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], dtype=np.int32)

    def close(self) -> None:
        """There is nothing to end."""


class AlwaysHappy:
    """A classifier that counts its batches."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(crops))
        return np.tile(make_track(1, (0, 0, 1, 1), "happy").probs, (len(crops), 1))

    def explain_crops(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See happiness in the upper left corner, and nothing else anywhere."""
        maps = np.zeros((len(crops), 7, 6, 6), dtype=np.float32)
        maps[:, EMOTIONS.index("happy"), :2, :2] = 1
        return self.classify(crops), maps

    def predict(self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        return self.classify(preprocess(gray, boxes))


def fake_recognizer(classifier: AlwaysHappy | None = None) -> Recognizer:
    return Recognizer(BrightFaces, classifier or AlwaysHappy(), unsure_below=0.4)


def fake_pipeline() -> Pipeline:
    live = LiveClassifier(AlwaysHappy(), in_background=False)
    return Pipeline(BrightFaces(), live, Tracker(0.3, 0.4), 80)


def bright_image(height: int = 48, width: int = 64) -> Image:
    """Return a dark picture with a face for BrightFaces: the box (16, 12, 48, 36)."""
    image = plain_image(20, height, width)
    image[12:36, 16:48] = 220
    return image


def plain_image(level: int = 100, height: int = 48, width: int = 64) -> Image:
    return np.full((height, width, 3), level, dtype=np.uint8)


def until(condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Wait until condition() is true; fails the test when it does not become so."""
    clock = threading.Event()
    for _ in range(int(timeout_s / 0.01)):
        if condition():
            return
        clock.wait(0.01)
    pytest.fail("what the test waited for did not happen")
