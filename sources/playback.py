"""Sources out of videos: in files and behind URLs, recorded or live."""

import os
from collections.abc import Callable
from pathlib import Path

from sources.base import Pace, Source, SourceError, shown_path
from sources.folder import FolderSource
from sources.video import TimedImage, VideoReader
from vision.frames import Image

OPEN_S = 10.0  # for a URL to answer, and again to tell its format, which a busy computer reads slowly
READ_S = 5.0  # for a camera to send its next frame,
SEGMENT_S = 15.0  # and a server its next piece: some send one in ten seconds
SEGMENTED = frozenset({"hls", "dash"})
CATCH_UP_S = 2.0  # of lateness, after a segment that came late
# over TCP first, which loses nothing
URL_OPTIONS = {"rtsp_flags": "prefer_tcp"}


class VideoSource:
    """A recorded video, looped, whose images are due at the container's times."""

    def __init__(
        self, name: str, open_video: Callable[[], VideoReader], first: VideoReader | None = None
    ) -> None:
        """Play `first`, if it is open already; open_video is called for each repetition. Raises SourceError."""
        self.name = name
        self._open_video = open_video
        self._reader = first or open_video()
        self.fps = self._reader.fps
        self.gap_s = 0.0
        self._last: TimedImage | None = None

    def read(self) -> Image:
        """Return the next image (H, W, 3) uint8 BGR, after the last the first; SourceError if there is none."""
        timed = _read(self.name, self._reader)
        if timed is None:
            self._reader.close()
            self._reader = self._open_video()  # seeking is not reliable in every format
            timed = _read(self.name, self._reader)
        if timed is None:
            raise SourceError(f"{self.name} has no frame that can be read")
        last = self._last
        if last is None:
            self.gap_s = 0.0
        else:  # the first image again comes when the last has been shown
            self.gap_s = timed.t_s - last.t_s if timed.t_s > last.t_s else last.duration_s
        self._last = timed
        return timed.image

    def close(self) -> None:
        """Close the video."""
        self._reader.close()


class StreamSource:
    """A live stream behind a URL; reading it waits for its frames."""

    fps = None

    def __init__(self, name: str, reader: VideoReader) -> None:
        """Read from an open video, which `close` closes."""
        self.name = name
        self._reader = reader

    def read(self) -> Image:
        """Return the stream's next image (H, W, 3) uint8 BGR; SourceError if it gives no more."""
        return self._next().image

    def close(self) -> None:
        """Close the stream."""
        self._reader.close()

    def _next(self) -> TimedImage:
        timed = _read(self.name, self._reader)
        if timed is None:
            raise SourceError(f"{self.name} sends no more frames")
        return timed


class SegmentedSource(StreamSource):
    """A live stream that comes in segments of seconds, as HLS does, shown at the pace of its own times."""

    def __init__(self, name: str, reader: VideoReader) -> None:
        """Read from an open video, which `close` closes."""
        super().__init__(name, reader)
        self._pace = Pace(reader.fps, CATCH_UP_S)
        self._last_s = 0.0

    def read(self) -> Image:
        """Return the next image (H, W, 3) uint8 BGR when it is due; SourceError if there is none."""
        timed = self._next()
        self._pace.wait(timed.t_s - self._last_s)
        self._last_s = timed.t_s
        return timed.image


def open_path(path: Path) -> Source:
    """Open a folder of pictures or a video file; SourceError if it cannot be read."""
    if path.is_dir():
        return FolderSource(path)
    address = f"file:{os.path.abspath(path)}"  # no name passes for a protocol then

    def open_video() -> VideoReader:
        return _open(shown_path(path), lambda: VideoReader(address))

    return VideoSource(shown_path(path.name), open_video)


def open_url(url: str, name: str) -> Source:
    """Open a live stream or a recorded video behind a URL; SourceError if it does not open."""
    read_s = READ_S if url.lower().startswith("rtsp") else SEGMENT_S

    def open_video() -> VideoReader:
        return _open(
            name,
            lambda: VideoReader(url, options=URL_OPTIONS, timeouts_s=(OPEN_S, read_s)),
        )

    reader = open_video()
    if reader.length_s > 0:  # a recording: unpaced, it would play as fast as it loads
        return VideoSource(name, open_video, reader)
    if SEGMENTED.intersection(reader.format.split(",")):
        return SegmentedSource(name, reader)
    return StreamSource(name, reader)


def _open(name: str, open_reader: Callable[[], VideoReader]) -> VideoReader:
    """Return an open video; SourceErrors begin with its name."""
    try:
        return open_reader()
    except SourceError as error:
        raise SourceError(f"{name} {error}") from None


def _read(name: str, reader: VideoReader) -> TimedImage | None:
    """Return a video's next image, None after the last; SourceErrors begin with its name."""
    try:
        return reader.read()
    except SourceError as error:
        raise SourceError(f"{name} {error}") from None
