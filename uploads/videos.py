"""Video files of visitors, read frame by frame."""

import os
from collections.abc import Iterator
from typing import IO

import cv2
import numpy as np

from sources.base import SourceError
from sources.video import TimedImage, VideoReader
from vision.pictures import VIDEO_NAMES, is_picture

MAX_FRAMES = 54_000  # half an hour at 30 fps
MAX_SIDE_PX = 4096
JPEG_HEAD = b"\xff\xd8\xff"
JPEG_DUMPS = (".mjpeg", ".mjpg")  # one JPEG after the other, which begin as one picture does
MP4_BOXES = (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"wide", b"free", b"skip", b"pnot")  # MP4, MOV
SIGNATURES = (
    *(b"\x1aE\xdf\xa3", b"OggS", b"FLV", b"0&\xb2u", b".RMF", b"DKIF", b"YUV4MPEG2", b"DHAV"),
    *(b"\x06\x0e+4", b"nut/multimedia container", b"\xb7\xd8\x00 7I", b"\x1f\x07\x00"),  # MXF, NUT, WTV, DV
    *(b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"\x00\x00\x01\xb0"),  # MPEG
    *(b"\x00\x00\x00\x01" + unit for unit in (b"\x09", b"g", b"'", b"@\x01", b"F\x01")),  # H.264, H.265
    *(b"ID3", b"fLaC"),  # sound, of which the reader says that it is no video
)
MIN_BYTES = 200  # in which no video fits
RIFF_KINDS = (b"AVI ", b"WAVE", b"AMV ")
TS_PACKETS = ((0, 188), (4, 192), (0, 204))  # MPEG-TS: where the first begins, and their length, as of AVCHD


class VideoError(Exception):
    """The video cannot be read or written; the message says why, in one sentence."""


def is_video(head: bytes, name: str = "") -> bool:
    """Return whether a file that begins with head (256 bytes) is a video, by its container.

    The name counts where the bytes do not tell. Playlists are none, whatever FFmpeg takes them for: they can
    name files of this machine, and addresses.
    """
    ending = os.path.splitext(name)[1].lower()
    if head.startswith(JPEG_HEAD):
        return ending in JPEG_DUMPS
    return (
        head[4:8] in MP4_BOXES
        or head.startswith(SIGNATURES)
        or (head[:4] == b"RIFF" and head[8:12] in RIFF_KINDS)
        or any(head[at : at + 1] == head[at + size : at + size + 1] == b"G" for at, size in TS_PACKETS)
        or (ending in VIDEO_NAMES and len(head) >= MIN_BYTES and not is_picture(head))
    )


class Video:
    """A video file, read once from its beginning. size_px is (width, height); close it."""

    def __init__(
        self, file: IO[bytes], *, max_frames: int = MAX_FRAMES, max_side_px: int = MAX_SIDE_PX
    ) -> None:
        """Raises VideoError if no frame can be read, or one has a side over max_side_px.

        After max_frames the video ends. `note` is a sentence about what was not read, or "".
        """
        self._max_frames = max_frames
        self._file = file
        self._size = max(file.seek(0, os.SEEK_END), 1)
        file.seek(0)
        is_dump = file.read(len(JPEG_HEAD)) == JPEG_HEAD
        file.seek(0)
        self.note = ""
        try:
            self._reader = VideoReader(file, format="mjpeg" if is_dump else None)
        except SourceError as error:
            raise VideoError(f"The file {error}.") from None
        try:
            self._first = self._begin(max_side_px)
        except BaseException:
            self.close()
            raise
        self.fps = self._reader.fps
        self.size_px = (self._first.image.shape[1], self._first.image.shape[0])
        self.frame_count = min(self._reader.frame_count, max_frames)  # about, and 0 if that is not known

    @property
    def share(self) -> float:
        """How much of the video has been read, about, 0 to 1."""
        whole = self.frame_count
        return min(self._reader.read_count / whole if whole else self._file.tell() / self._size, 1.0)

    def __iter__(self) -> Iterator[TimedImage]:
        """Yield its images (H, W, 3) uint8 BGR, all of one size, with their times; raises MemoryError."""
        timed: TimedImage | None = self._first
        for _ in range(self._max_frames):
            if timed is None:
                self.note = self._reader.damage()
                return
            if (timed.image.shape[1], timed.image.shape[0]) != self.size_px:
                image = cv2.resize(timed.image, self.size_px).astype(np.uint8, copy=False)
                timed = timed._replace(image=image)
            yield timed
            timed = self._next()
        if timed is not None:
            self.note = f"The video is too long; its first {self._max_frames:,} frames were read."

    def close(self) -> None:
        """Close the video, and not its file."""
        self._reader.close()

    def _begin(self, max_side_px: int) -> TimedImage:
        width, height = self._reader.coded_size_px
        if max(width, height) > max_side_px:
            raise VideoError(f"The video has {width} x {height} px; up to {max_side_px} a side are read.")
        first = self._next()
        if first is None:
            raise VideoError("The video has no frame that can be read.")
        return first

    def _next(self) -> TimedImage | None:
        try:
            return self._reader.read()
        except SourceError:  # in the middle; what was read counts
            return None
