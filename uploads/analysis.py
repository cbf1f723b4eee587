"""Pictures, ZIPs of them and videos, read one after the other: what predict.py and the site both run."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, NamedTuple

from uploads.archives import Archive, ArchiveError, is_zip
from uploads.pictures import PictureError, TooLargeError, is_picture_box, tidy
from uploads.recognizer import File, Reading, Recognizer
from uploads.videos import Video, VideoError, Writer, is_video, path_of
from vision.frames import Frame
from vision.pipeline import Pipeline
from vision.tracker import Track

MAX_PICTURE_BYTES = 50_000_000
HEAD_BYTES = 256


class Sent(NamedTuple):
    """A file to read: a name to show, its size in bytes, how it begins, and how to open it, once."""

    name: str
    size: int
    head: bytes
    open: Callable[[], IO[bytes]]

    @classmethod
    def of_path(cls, path: Path) -> "Sent":
        """Return a file of this machine; raises OSError if it cannot be read."""
        with path.open("rb") as file:
            return cls(str(path), path.stat().st_size, file.read(HEAD_BYTES), lambda: path.open("rb"))

    @classmethod
    def of_stream(cls, name: str, stream: IO[bytes]) -> "Sent":
        """Return an open file, which is closed when it was read."""
        head = stream.read(HEAD_BYTES)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        return cls(name, size, head, lambda: stream)

    @property
    def kind(self) -> str:
        """What it is by how it begins, whatever it is called: "zip", "video", or else "picture"."""
        if is_zip(self.head):
            return "zip"
        return "video" if is_video(self.head) and not is_picture_box(self.head) else "picture"


@dataclass(frozen=True)
class VideoFrame:
    """What was read in one frame of a video: its faces, at at_s since the beginning."""

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
    """Reads everything that was sent; iterate it once. progress and doing say how far it is."""

    def __init__(
        self,
        sent: Sequence[Sent],
        recognizer: Recognizer,
        make_pipeline: Callable[[], Pipeline],
        open_writer: WriterOpener,
        most_entries: int,
    ) -> None:
        """open_writer(name, fps, size_px) gives a video's annotated copy its place, or None for none."""
        self.progress = 0.0
        self.doing = ""
        self._sent = sent
        self._recognizer = recognizer
        self._make_pipeline = make_pipeline
        self._open_writer = open_writer
        self._most_entries = most_entries
        self._bytes_done = 0
        self._bytes = sum(one.size for one in sent) or 1

    def __iter__(self) -> Generator[Event]:
        """Yield what was read in pictures and in frames of videos, and remarks, as they come."""
        for kind, group in groupby(self._sent, lambda sent: sent.kind):
            if kind == "picture":
                yield from self._pictures(group)
                continue
            for sent in group:
                self.doing = tidy(sent.name)
                with sent.open() as file:
                    yield from self._zip(sent, file) if kind == "zip" else self._video(sent, file)
                self._bytes_done += sent.size
        self.progress = 1.0

    def _pictures(self, group: Iterator[Sent]) -> Iterator[Reading | Remark]:
        sizes: deque[int] = deque()

        def files() -> Iterator[File]:
            for sent in group:
                sizes.append(sent.size)
                yield _load(sent)

        for reading in self._recognizer.read(files()):
            self.doing = reading.name
            self._bytes_done += sizes.popleft()
            self._advance(0, 0)
            yield _told(reading)

    def _zip(self, sent: Sent, file: IO[bytes]) -> Iterator[Reading | Remark]:
        try:
            archive = Archive(file, self._most_entries)
        except ArchiveError as error:
            yield Remark(self.doing, str(error), is_problem=True)
            return
        if archive.note:
            yield Remark(self.doing, archive.note)
        for number, reading in enumerate(self._recognizer.read(archive.files()), 1):
            self.doing = f"picture {number:,} of {len(archive):,}"
            self._advance(sent.size, number / len(archive))
            yield _told(reading)

    def _video(self, sent: Sent, file: IO[bytes]) -> Iterator[VideoFrame | Remark]:
        name = self.doing
        try:
            with path_of(file) as path, closing(Video(path)) as video:
                yield from self._frames(name, sent.size, video)
                if video.note:
                    yield Remark(name, video.note)
        except VideoError as error:
            yield Remark(name, str(error), is_problem=True)

    def _frames(self, name: str, size: int, video: Video) -> Iterator[VideoFrame]:
        with ExitStack() as stack:
            pipeline = stack.enter_context(closing(self._make_pipeline()))
            writer = self._open_writer(name, video.fps, video.size_px)
            if writer:
                stack.callback(writer.close)
            for index, image in enumerate(video):
                t_s = index / video.fps  # the video's own clock, not ours: easing depends on it
                annotated = pipeline.process(Frame(index, t_s, image))
                if writer and annotated.scene is not None:
                    writer.write(annotated.scene)
                self._advance(size, (index + 1) / video.frame_count)
                self.doing = f"frame {index + 1:,} of about {max(video.frame_count, index + 1):,}"
                yield VideoFrame(name, index, t_s, annotated.tracks)

    def _advance(self, size: int, share: float) -> None:
        self.progress = min((self._bytes_done + size * min(share, 1.0)) / self._bytes, 0.99)


def _told(reading: Reading) -> Reading | Remark:
    """Return a reading, or a remark in the place of one that has no picture."""
    return Remark(reading.name, str(reading.problem), is_problem=True) if reading.problem else reading


def _load(sent: Sent) -> File:
    """Return a picture's bytes, or why there are none."""
    name = tidy(sent.name)
    if sent.size > MAX_PICTURE_BYTES:
        problem = TooLargeError(f"The picture is larger than {MAX_PICTURE_BYTES // 1_000_000} MB.")
        return File(name, b"", problem)
    try:
        with sent.open() as file:
            return File(name, file.read(MAX_PICTURE_BYTES))
    except OSError as error:
        return File(name, b"", PictureError(f"The file cannot be read: {error.strerror}."))
