"""Video files of visitors: read frame by frame, and written again with the faces drawn on them."""

import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

import cv2

from sources.base import SourceError
from sources.opencv import DEFAULT_FPS, open_capture, to_bgr
from vision.frames import Image

MAX_FRAMES = 54_000  # half an hour at 30 fps
MAX_SIDE_PX = 4096
END_S = 30.0  # for ffmpeg to finish a file
NOT_WRITTEN = "The annotated copy could not be written; the disk may be full."
# as browsers play it: 8 bits with halved colour, the index first; even sides, which that needs
H264 = (
    *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23"),
    *("-pix_fmt", "yuv420p", "-threads", "1", "-movflags", "+faststart"),
)


class VideoError(Exception):
    """The video cannot be read or written; the message says why, in one sentence."""


def is_video(head: bytes) -> bool:
    """Return whether a file that begins with head (256 bytes) is a video, by its container.

    Playlists are none, whatever FFmpeg takes them for: they can name files of this machine, and addresses.
    """
    return (
        head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # MP4, MOV
        or head[:4]
        in (b"\x1aE\xdf\xa3", b"OggS", b"FLV\x01", b"0&\xb2u", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")
        or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
        or (head[:1] == b"G" and head[188:189] == b"G")  # MPEG-TS
    )


class Video:
    """A video file, read once from its beginning. size_px is (width, height); close it."""

    def __init__(self, path: str, *, max_frames: int = MAX_FRAMES, max_side_px: int = MAX_SIDE_PX) -> None:
        """Raises VideoError if no frame can be read, or one has a side over max_side_px.

        After max_frames the video ends, and note says so.
        """
        self._max_frames = max_frames
        try:
            self._capture = open_capture(path, "The video cannot be read.")
        except SourceError as error:
            raise VideoError(str(error)) from None
        width, height = self._number(cv2.CAP_PROP_FRAME_WIDTH), self._number(cv2.CAP_PROP_FRAME_HEIGHT)
        self._first = None if max(width, height) > max_side_px else self._next()
        if self._first is None:
            self.close()
            if max(width, height) > max_side_px:
                raise VideoError(
                    f"The video has {width:.0f} x {height:.0f} px; up to {max_side_px} a side are read."
                )
            raise VideoError("The video has no frame that can be read.")
        fps = self._number(cv2.CAP_PROP_FPS)
        self.fps = fps if 1 <= fps <= 240 else DEFAULT_FPS  # headers lie
        self.size_px = (self._first.shape[1], self._first.shape[0])
        self.frame_count = min(max(int(self._number(cv2.CAP_PROP_FRAME_COUNT)), 1), max_frames)
        self.note = ""

    def __iter__(self) -> Iterator[Image]:
        """Yield its frames (H, W, 3) uint8 BGR, all of one size; raises MemoryError."""
        image, self._first = self._first, None
        for _ in range(self._max_frames):
            if image is None:
                return
            if (image.shape[1], image.shape[0]) != self.size_px:
                image = to_bgr(cv2.resize(image, self.size_px))
            yield image
            image = self._next()
        if image is not None:
            self.note = f"The video is long: its first {self._max_frames:,} frames were read."

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def _next(self) -> Image | None:
        try:
            ok, image = self._capture.read()
        except cv2.error as error:
            if error.code == cv2.Error.StsNoMem:
                raise MemoryError from None
            return None
        return to_bgr(image) if ok and image is not None else None

    def _number(self, name: int) -> float:
        value = self._capture.get(name)
        return value if math.isfinite(value) else 0.0


class Writer(Protocol):
    """Writes frames (H, W, 3) uint8 BGR into a file; close it. Every method raises VideoError if it cannot."""

    def write(self, scene: Image) -> None:
        """Write a frame."""

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

    def write(self, scene: Image) -> None:
        """Write a frame (H, W, 3) uint8 BGR, if the frames before it could be written."""
        try:
            if self._writer:
                self._writer.write(scene)
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
    """Return a writer and its file: MP4 (H.264) where ffmpeg writes it, else WebM (VP8); raises VideoError."""
    ffmpeg = find_ffmpeg()
    path = stem.with_name(stem.name + (".mp4" if ffmpeg else ".webm"))
    if ffmpeg:
        return FfmpegWriter(ffmpeg, path, fps, size_px), path
    return OpenCvWriter(path, fps, size_px), path


def find_ffmpeg() -> str | None:
    """Return the system's ffmpeg if it can write H.264; OpenCV's own cannot."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return None
    try:
        command = [ffmpeg, "-hide_banner", "-encoders"]
        listed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ffmpeg if b" libx264 " in listed.stdout else None


class FfmpegWriter:
    """Writes H.264 by passing the frames to ffmpeg through a pipe."""

    def __init__(self, ffmpeg: str, path: Path, fps: float, size_px: tuple[int, int]) -> None:
        """Start the program ffmpeg, which writes path; raises VideoError."""
        frames = ("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{size_px[0]}x{size_px[1]}", "-r", f"{fps:.6f}")
        command = [
            ffmpeg,
            "-hide_banner",
            "-loglevel",
            "quiet",
            *frames,
            "-i",
            "pipe:0",
            *H264,
            "-y",
            str(path),
        ]
        self._path = path
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        except OSError:
            raise VideoError(NOT_WRITTEN) from None

    def write(self, scene: Image) -> None:
        """Pass a frame on; raises VideoError if ffmpeg has ended."""
        assert self._process.stdin
        try:
            self._process.stdin.write(scene.data)
        except OSError:
            raise VideoError(NOT_WRITTEN) from None

    def close(self) -> None:
        """Wait END_S for ffmpeg to finish the file; raises VideoError, and leaves none, if it fails."""
        assert self._process.stdin
        with suppress(OSError):  # how it ends says as much
            self._process.stdin.close()
        try:
            ended = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            ended = self._process.wait(END_S)
        if ended != 0:
            self._path.unlink(missing_ok=True)
            raise VideoError(NOT_WRITTEN)


class OpenCvWriter:
    """Writes VP8, which OpenCV brings itself and every browser plays."""

    def __init__(self, path: Path, fps: float, size_px: tuple[int, int]) -> None:
        """Begin the file at path."""
        self._path = path
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"VP80"), fps, size_px)

    def write(self, scene: Image) -> None:
        """Encode and write a frame."""
        self._writer.write(scene)

    def close(self) -> None:
        """Finish the file; raises VideoError, and leaves none, if nothing was written."""
        self._writer.release()
        if not self._path.is_file() or self._path.stat().st_size == 0:
            self._path.unlink(missing_ok=True)
            raise VideoError(NOT_WRITTEN)


@contextmanager
def path_of(file: IO[bytes]) -> Iterator[str]:
    """Give a path that OpenCV can open for a file that may have no name, as uploads have none."""
    if os.name == "posix":
        file.flush()
        yield f"/dev/fd/{file.fileno()}"
        return
    file.seek(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "video")
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        yield str(path)
