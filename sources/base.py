"""The interface of a source of images, and the pacing of its frames."""

import itertools
import time
from collections.abc import Iterator
from typing import Protocol

from vision.frames import Frame, Image


class SourceError(Exception):
    """A source cannot be opened or has no more frames; the message says why, in one sentence."""


class Source(Protocol):
    """A source of images, used by one thread only."""

    @property
    def name(self) -> str:
        """The source's name on pages: "camera 0", "learn.mkv"."""

    @property
    def fps(self) -> float | None:
        """The frame rate at which the images are to be shown; None if `read` itself waits for each."""

    def read(self) -> Image:
        """Return the next image (H, W, 3) uint8 BGR; SourceError if there is none."""

    def close(self) -> None:
        """Release the source; a second call does nothing."""


def frames(source: Source) -> Iterator[Frame]:
    """Yield a source's frames when they are due, numbered from 0 and timed; ends with SourceError."""
    pace = Pace(source.fps) if source.fps else None
    for index in itertools.count():
        image = source.read()
        if pace:
            pace.wait()
        yield Frame(index, time.monotonic(), image)


class Pace:
    """A steady frame rate; a late frame delays those after it, so that no burst follows."""

    def __init__(self, fps: float) -> None:
        """Begin now, with fps frames a second."""
        self._period_s = 1 / fps
        self._due_s = time.monotonic()

    def wait(self) -> None:
        """Wait until the next frame is due, one period at most."""
        now_s = time.monotonic()
        self._due_s = max(self._due_s + self._period_s, now_s - self._period_s)
        time.sleep(max(self._due_s - now_s, 0))
