"""What a source of frames is, and how its frames are paced."""

import itertools
import time
from collections.abc import Iterator
from typing import Protocol

from vision.frames import Frame, Image


class SourceError(Exception):
    """A source cannot be opened or gives no more frames; the message says why, in one sentence."""


class Source(Protocol):
    """Something that gives images; used by one thread only."""

    @property
    def name(self) -> str:
        """What it is, for people: "camera 0", "learn.mkv"."""

    @property
    def fps(self) -> float | None:
        """At how many images a second it is meant to be shown; None: `read` itself waits for them."""

    def read(self) -> Image:
        """Return the next image (H, W, 3) uint8 BGR; SourceError if there is none."""

    def close(self) -> None:
        """Release it; safe to call twice."""


def frames(source: Source) -> Iterator[Frame]:
    """Yield a source's frames as they are due, numbered and timed, until it raises SourceError."""
    pace = Pace(source.fps) if source.fps else None
    for index in itertools.count():
        image = source.read()
        if pace:
            pace.wait()
        yield Frame(index, time.monotonic(), image)


class Pace:
    """Waits so that frames come at a steady rate; a late frame moves the beat, no burst follows."""

    def __init__(self, fps: float) -> None:
        self._period_s = 1 / fps
        self._due_at = time.monotonic()

    def wait(self) -> None:
        """Return when the next frame is due, after one period at the most."""
        now = time.monotonic()
        self._due_at = max(self._due_at + self._period_s, now - self._period_s)
        time.sleep(max(self._due_at - now, 0))
