"""The interface of a source of images, and the pacing of its frames."""

import time
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from vision.frames import Frame, Image


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
class TimedSource(Protocol):
    """A source that tells when each of its images began to come."""

    @property
    def captured_s(self) -> float:
        """The time at which the image that `read` gave last began to come, time.monotonic() in s."""


def frames(source: Source) -> Iterator[Frame | None]:
    """Yield a source's frames when they are due, numbered from 0 and timed; ends with SourceError.

    None stands for a source that is alive and has no new image.
    """
    pace = Pace(source.fps) if source.fps else None
    timed = source if isinstance(source, TimedSource) else None
    index = 0
    while True:
        try:
            image = source.read()
        except NoNewImage:
            yield None
            continue
        if pace:
            pace.wait()
        yield Frame(index, timed.captured_s if timed else time.monotonic(), image)
        index += 1


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
