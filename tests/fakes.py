"""Fakes and helpers that several tests share: no camera, no network, no GPU."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from emotions import EMOTIONS
from pipeline import AnnotatedFrame, encode_jpeg
from sources import Frame, Image, SourceError
from tracker import Track


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
            self.release.wait(20)
            raise SourceError("released")
        return self.images[-1]

    def close(self) -> None:
        self.closed.set()


def fake_process(frame: Frame) -> AnnotatedFrame:
    """Annotate without a network: the frame's brightness comes back as the size of its box."""
    track = make_track(1, (0, 0, int(frame.image.flat[0]) + 1, 10))
    jpeg = encode_jpeg(frame.image, 80)
    return AnnotatedFrame(frame.index, frame.captured_at, frame.captured_at + 0.01, jpeg, [track])


def make_track(
    track_id: int, box: tuple[int, int, int, int], emotion: str = "happy", sure: bool = True
) -> Track:
    probs = np.full(7, 0.05, dtype=np.float32)
    probs[EMOTIONS.index(emotion)] = 0.7
    return Track(track_id, box, probs, emotion, sure, 0.0)


def plain_image(level: int = 100, height: int = 48, width: int = 64) -> Image:
    return np.full((height, width, 3), level, dtype=np.uint8)


def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Wait until condition() is true; fails the test when it does not become so."""
    clock = threading.Event()
    for _ in range(int(timeout_s / 0.01)):
        if condition():
            return
        clock.wait(0.01)
    pytest.fail("what the test waited for did not happen")
