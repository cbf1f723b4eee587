"""The interface of a source of images, and the pacing of its frames."""

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from vision.frames import Frame, Image

ALIVE_S = 0.25  # between two signs of life of a source whose next frame is not due yet


class SourceError(Exception):
    """A source cannot be opened or has no more frames; the message says why, in one sentence."""


class NoNewImage(Exception):  # noqa: N818  # it is no error
    """A source is alive, and its newest image is the one that it has given before."""


class Source(Protocol):
    """A source of images, used by one thread only."""

    @property
    def name(self) -> str:
        """The source's name on pages: "camera 0", "learn.mkv"."""

    @property
    def fps(self) -> float | None:
        """The frame rate at which the images are to be shown; None if `read` itself waits for each."""

    def read(self) -> Image:
        """Return the next image (H, W, 3) uint8 BGR; SourceError if there is none, NoNewImage if none yet."""

    def close(self) -> None:
        """Release the source; a second call does nothing."""


@runtime_checkable
class ClockedSource(Protocol):
    """A source with fps whose images have times of their own, so that they do not come at one rate."""

    @property
    def gap_s(self) -> float:
        """The time from the image before to the one that `read` gave last, in s."""


@runtime_checkable
class TimedSource(Protocol):
    """A source that tells when each of its images began to come."""

    @property
    def captured_s(self) -> float:
        """The time at which the image that `read` gave last began to come, time.monotonic() in s."""


def shown_path(path: Path | str) -> str:
    """Return a path as it may be shown and kept: what is no UTF-8 in it is replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def frames(source: Source) -> Iterator[Frame | None]:
    """Yield a source's frames when they are due, numbered from 0 and timed; ends with SourceError.

    None stands for a source that is alive and has no new image.
    """
    pace = Pace(source.fps) if source.fps else None
    clocked = source if isinstance(source, ClockedSource) else None
    timed = source if isinstance(source, TimedSource) else None
    index = 0
    while True:
        try:
            image = source.read()
        except NoNewImage:
            yield None
            continue
        if pace:
            pace.step(clocked.gap_s if clocked else None)
            while not pace.sleep(ALIVE_S):
                yield None
        yield Frame(index, timed.captured_s if timed else time.monotonic(), image)
        index += 1


class Pace:
    """The times at which frames are due; a late frame delays those after it, so that no burst follows."""

    def __init__(self, fps: float, catch_up_s: float | None = None) -> None:
        """Begin now, with fps frames a second; up to catch_up_s of lateness is made up for, or one gap."""
        self._period_s, self._catch_up_s = 1 / fps, catch_up_s
        self._due_s = time.monotonic()

    def wait(self, gap_s: float | None = None) -> None:
        """Wait until the next frame is due, gap_s after the last, or a period of the frame rate."""
        self.step(gap_s)
        self.sleep()

    def step(self, gap_s: float | None = None) -> None:
        """Go on to the next frame, as `wait` does, without waiting."""
        gap_s = self._period_s if gap_s is None else gap_s
        late_s = gap_s if self._catch_up_s is None else self._catch_up_s
        self._due_s = max(self._due_s + gap_s, time.monotonic() - late_s)

    def sleep(self, max_s: float = math.inf) -> bool:
        """Wait until the frame is due, max_s at most; return whether it is."""
        rest_s = max(self._due_s - time.monotonic(), 0)
        time.sleep(min(rest_s, max_s))
        return rest_s <= max_s
