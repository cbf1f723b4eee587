"""The annotated copy of a video: the frames with the faces drawn on them, at the times of the original."""

import os
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, Protocol

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from uploads.videos import VideoError
from vision.frames import Image

NOT_WRITTEN = "The annotated copy could not be written; the disk may be full."
TICK_S = Fraction(1, 90_000)  # in which times are written; finer than those of any container
THREADS = 2  # of the encoder, so that it works beside the reading


class Encoding(NamedTuple):
    """A way to write a video: the file's suffix, and FFmpeg's names of container and encoder, with options."""

    suffix: str
    container: str
    encoder: str
    options: dict[str, str]


# As browsers play it; the index first, so that it plays while it loads.
ENCODINGS = (
    # without B-frames, with which the file's head would say another length
    Encoding(".mp4", "mp4", "libx264", {"preset": "veryfast", "crf": "23", "bf": "0"}),
    Encoding(".webm", "webm", "libvpx", {"deadline": "realtime", "cpu-used": "5", "crf": "16", "b": "4M"}),
)


class Writer(Protocol):
    """Writes frames (H, W, 3) uint8 BGR into a file; close it. Every method raises VideoError if it cannot."""

    def write(self, scene: Image, t_s: float, duration_s: float) -> None:
        """Write the frame at t_s since the beginning, which is shown for duration_s."""

    def close(self) -> None:
        """Finish the file."""


class AnnotatedCopy:
    """The annotated copy of a video. Close it.

    No method raises an error, because the reading goes on without the copy; problem is "" or one sentence.
    """

    def __init__(self, open_writer: Callable[[], Writer | None]) -> None:
        """open_writer returns the copy's writer, None where none is wanted, or raises VideoError."""
        self.problem = ""
        self._writer: Writer | None = None
        try:
            self._writer = open_writer()
        except VideoError as error:
            self.problem = str(error)

    def write(self, scene: Image, t_s: float, duration_s: float) -> None:
        """Write a frame as `Writer.write` does, if the frames before it could be written."""
        try:
            if self._writer:
                self._writer.write(scene, t_s, duration_s)
        except VideoError as error:
            self.problem = str(error)
            self.close()

    def close(self) -> None:
        """Close the writer."""
        writer, self._writer = self._writer, None
        try:
            if writer:
                writer.close()
        except VideoError as error:
            self.problem = str(error)


def open_writer(stem: Path, fps: float, size_px: tuple[int, int]) -> tuple[Writer, Path]:
    """Return a writer and its file: MP4 (H.264), or WebM (VP8) with an FFmpeg that has no encoder of the first.

    size_px is the frames' (width, height), fps about their rate. Raises VideoError.
    """
    encoding = next((it for it in ENCODINGS if it.encoder in av.codecs_available), None)
    if encoding is None:
        raise VideoError("The annotated copy could not be written: FFmpeg has no encoder for it.")
    path = stem.with_name(stem.name + encoding.suffix)
    return VideoWriter(path, encoding, fps, size_px), path


class VideoWriter:
    """Writes a video of frames at times of their own."""

    def __init__(self, path: Path, encoding: Encoding, fps: float, size_px: tuple[int, int]) -> None:
        """Begin the file at path; raises VideoError."""
        self._path = path
        self._durations: dict[int, int] = {}  # by time, both in ticks, of frames within the encoder
        self._last = -1
        self._is_broken = False
        try:
            self._container = av.open(
                f"file:{os.path.abspath(path)}",
                "w",
                format=encoding.container,
                options={"movflags": "faststart"} if encoding.container == "mp4" else {},
            )
            self._stream = self._add_stream(encoding, fps, size_px)
        except (av.FFmpegError, OSError, ValueError):
            self._remove()
            raise VideoError(NOT_WRITTEN) from None

    def write(self, scene: Image, t_s: float, duration_s: float) -> None:
        """Encode and write a frame; raises VideoError."""
        pad_y, pad_x = scene.shape[0] % 2, scene.shape[1] % 2
        if pad_y or pad_x:  # H.264 with halved colour needs even sides
            scene = cv2.copyMakeBorder(scene, 0, pad_y, 0, pad_x, cv2.BORDER_REPLICATE).astype(
                np.uint8, copy=False
            )
        frame = VideoFrame.from_ndarray(scene, "bgr24")
        frame.time_base = TICK_S
        frame.pts = self._last = max(round(t_s / TICK_S), self._last + 1)
        self._durations[frame.pts] = max(round(duration_s / TICK_S), 1)
        self._encode(frame)

    def close(self) -> None:
        """Finish the file; raises VideoError, and leaves none, if it is not whole."""
        if self._is_broken:
            raise VideoError(NOT_WRITTEN)
        try:
            if self._last >= 0:
                self._encode(None)
            self._container.close()
        except (av.FFmpegError, OSError):
            self._remove()
            raise VideoError(NOT_WRITTEN) from None
        if self._last < 0:
            self._remove()

    def _add_stream(self, encoding: Encoding, fps: float, size_px: tuple[int, int]) -> VideoStream:
        stream = self._container.add_stream(encoding.encoder, Fraction(fps).limit_denominator(1001))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = (side + side % 2 for side in size_px)
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = TICK_S
        stream.thread_count = THREADS
        stream.options = dict(encoding.options)
        return stream

    def _encode(self, frame: VideoFrame | None) -> None:
        """Encode a frame, or those that the encoder still holds, and write what is ready."""
        try:
            for packet in self._stream.encode(frame):
                packet.duration = self._durations.pop(packet.pts or 0, packet.duration or 1)
                self._container.mux(packet)
        except (av.FFmpegError, OSError):
            self._remove()
            raise VideoError(NOT_WRITTEN) from None

    def _remove(self) -> None:
        """Delete the file, which is not whole."""
        self._is_broken = True
        with suppress(AttributeError, av.FFmpegError, OSError):  # AttributeError: it was not opened
            self._container.close()
        self._path.unlink(missing_ok=True)
