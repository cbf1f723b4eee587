"""Reads pictures, ZIPs of them and videos, one after the other: predict.py and the site both run this."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, NamedTuple

import cv2

from texts import clean_file_name
from uploads.annotated_copy import AnnotatedCopy, Writer
from uploads.archives import Archive, ArchiveError, is_zip
from uploads.recognizer import File, Reading, Recognizer
from uploads.videos import Video, VideoError, is_video
from vision.frames import Frame
from vision.pictures import (
    MAX_PICTURE_BYTES,
    NO_MEMORY,
    PictureError,
    TooLargeError,
    is_picture,
    is_picture_box,
)
from vision.pipeline import Pipeline
from vision.resting_face import RestingFace
from vision.tracker import Track

HEAD_BYTES = 256


class InputFile(NamedTuple):
    """A file to read: a name to show, its size in bytes, its first HEAD_BYTES; open may be called once."""

    name: str
    size: int
    head: bytes
    open: Callable[[], IO[bytes]]

    @classmethod
    def of_path(cls, path: Path) -> "InputFile":
        """Return a file of this machine; raises OSError if it cannot be read."""
        with path.open("rb") as file:
            return cls(str(path), path.stat().st_size, file.read(HEAD_BYTES), lambda: path.open("rb"))

    @classmethod
    def of_stream(cls, name: str, stream: IO[bytes]) -> "InputFile":
        """Return an open file, which is closed after it was read."""
        head = stream.read(HEAD_BYTES)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        return cls(name, size, head, lambda: stream)

    @property
    def kind(self) -> str:
        """Return "zip", "video", or else "picture", by the first bytes; by the name where they do not tell."""
        if is_zip(self.head):
            return "zip"
        return "video" if is_video(self.head, self.name) and not is_picture_box(self.head) else "picture"


@dataclass(frozen=True)
class VideoFrame:
    """The faces in one frame of a video, t_s after its beginning."""

    name: str
    index: int
    t_s: float
    faces: list[Track]


@dataclass(frozen=True)
class Remark:
    """A sentence about a whole file; with is_problem nothing could be read in it."""

    name: str
    text: str
    is_problem: bool = False


Event = Reading | VideoFrame | Remark


WriterOpener = Callable[[str, float, tuple[int, int]], Writer | None]


class Analysis:
    """Reads all files; iterate it once. progress, 0 to 1, and doing, a phrase, are those of the last event."""

    def __init__(
        self,
        files: Sequence[InputFile],
        recognizer: Recognizer,
        make_pipeline: Callable[[], Pipeline],
        open_writer: WriterOpener,
        max_entries: int,
        *,
        whole: bool = False,
        rest: RestingFace | None = None,
        open_video: Callable[[IO[bytes]], Video] = Video,
    ) -> None:
        """Read up to max_entries of each ZIP; whole and rest are as in `Recognizer.read`, rest for videos too.

        open_writer(name, fps, size_px) returns the writer of a video's annotated copy, or None for no copy.
        """
        self.progress = 0.0
        self.doing = ""
        self._files = files
        self._recognizer = recognizer
        self._make_pipeline = make_pipeline
        self._open_writer = open_writer
        self._max_entries = max_entries
        self._whole = whole
        self._rest = rest
        self._open_video = open_video
        self._stopped = False
        self._bytes_done = 0
        self._bytes = sum(file.size for file in files) or 1

    def __iter__(self) -> Generator[Event]:
        """Yield readings of pictures, frames of videos, and remarks, as they come."""
        for kind, group in groupby(self._files, lambda file: file.kind):
            read = self._pictures if kind == "picture" else self._others
            yield from read(group)
            if self._stopped:
                return
        self.progress = 1.0

    def stop(self) -> None:
        """End the iteration after the event that was yielded last, but for a remark about its file."""
        self._stopped = True

    def _pictures(self, group: Iterator[InputFile]) -> Iterator[Reading | Remark]:
        sizes: deque[int] = deque()

        def loaded() -> Iterator[File]:
            for file in group:
                sizes.append(file.size)
                yield _load(file)

        with closing(self._recognizer.read(loaded(), whole=self._whole, rest=self._rest)) as readings:
            for reading in readings:
                if self._stopped:
                    return
                self.doing = reading.name
                self._bytes_done += sizes.popleft()
                self._advance(0, 0)
                yield _as_event(reading)

    def _others(self, group: Iterator[InputFile]) -> Iterator[Event]:
        for file in group:
            self.doing = clean_file_name(file.name)
            with file.open() as stream:
                yield from self._zip(file, stream) if file.kind == "zip" else self._video(file, stream)
            if self._stopped:
                return
            self._bytes_done += file.size

    def _zip(self, file: InputFile, stream: IO[bytes]) -> Iterator[Reading | Remark]:
        try:
            archive = Archive(stream, self._max_entries)
        except ArchiveError as error:
            yield Remark(self.doing, str(error), is_problem=True)
            return
        if archive.note:
            yield Remark(self.doing, archive.note)
        with closing(self._recognizer.read(archive.files(), whole=self._whole, rest=self._rest)) as readings:
            for number, reading in enumerate(readings, 1):
                if self._stopped:
                    return
                self.doing = f"picture {number:,} of {len(archive):,}"
                self._advance(file.size, number / len(archive))
                yield _as_event(reading)

    def _video(self, file: InputFile, stream: IO[bytes]) -> Iterator[VideoFrame | Remark]:
        name = self.doing
        try:
            with closing(self._open_video(stream)) as video:
                yield from self._frames(name, file.size, video)
                if video.note:
                    yield Remark(name, video.note)
        except VideoError as error:
            yield Remark(name, str(error), is_problem=True)
        except MemoryError:
            yield Remark(name, NO_MEMORY, is_problem=True)
        except cv2.error as error:
            if error.code != cv2.Error.StsNoMem:
                raise
            yield Remark(name, NO_MEMORY, is_problem=True)

    def _frames(self, name: str, size: int, video: Video) -> Iterator[VideoFrame | Remark]:
        with ExitStack() as stack:
            pipeline = stack.enter_context(closing(self._make_pipeline()))
            pipeline.tracker.everybodys_rest = self._rest
            copy = AnnotatedCopy(lambda: self._open_writer(name, video.fps, video.size_px))
            stack.callback(copy.close)
            for index, (image, t_s, duration_s) in enumerate(video):
                if self._stopped:
                    break
                annotated = pipeline.process(Frame(index, t_s, image))  # on the video's clock, not ours
                if annotated.scene is not None:
                    copy.write(annotated.scene, t_s, duration_s)
                self._advance(size, video.share)
                whole = f" of about {max(video.frame_count, index + 1):,}" if video.frame_count else ""
                self.doing = f"frame {index + 1:,}{whole}"
                yield VideoFrame(name, index, t_s, annotated.tracks)
        if copy.problem:
            yield Remark(name, copy.problem)

    def _advance(self, size: int, share: float) -> None:
        self.progress = min((self._bytes_done + size * min(share, 1.0)) / self._bytes, 0.99)


def _as_event(reading: Reading) -> Reading | Remark:
    """Return a reading, or a remark in the place of one that has no picture."""
    return Remark(reading.name, str(reading.problem), is_problem=True) if reading.problem else reading


def _load(file: InputFile) -> File:
    """Return a picture's bytes, or the problem in place of them."""
    name = clean_file_name(file.name)
    known = is_picture(file.head)
    if known and file.size > MAX_PICTURE_BYTES:
        problem = TooLargeError(f"The picture is larger than {MAX_PICTURE_BYTES // 1_000_000} MB.")
        return File(name, b"", problem)
    try:
        with file.open() as stream:
            return File(name, stream.read(MAX_PICTURE_BYTES if known else HEAD_BYTES))
    except OSError as error:
        return File(name, b"", PictureError(f"The file cannot be read: {error.strerror}."))
    except MemoryError:
        return File(name, b"", PictureError(NO_MEMORY))
