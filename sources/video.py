"""Videos in files and behind URLs, as FFmpeg decodes them: images with the container's own times.

PyAV brings FFmpeg. Its errors say why a video cannot be read, and its lines do not reach the terminal.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import IO, NamedTuple

import av
import av.logging
import cv2
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sources.base import SourceError
from sources.deinterlacer import Deinterlacer
from vision.frames import Image

DEFAULT_FPS = 25.0  # of a video that does not say
MAX_FPS = 1000.0  # a header that promises more is wrong, and so are its times
MAX_GAP_S = 3600.0  # between two frames; a longer one is a damaged time
MIN_GAP_S = 0.001
MAX_STRETCH = 8  # times that a pixel is wider than high, or higher than wide
MAX_FAILURES = 500  # packets in a row that cannot be read or decoded, until the video ends
PLANAR = frozenset({f"{kind}{colour}p" for kind in ("yuv", "yuvj") for colour in (420, 422, 444)})
CHROMA_STEP = 4  # of the coloured pixels every fourth is looked at; what is not written is at least eight wide
MAX_UNWRITTEN_SHARE = 0.002  # of them
MAX_THREADS = 4  # of a decoder, each of which holds frames
SLACK_S = 0.5  # that a whole video may be shorter than its head says,
SLACK_SHARE = 0.02  # and this share of it
ROTATIONS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}
# Their heads say nothing of the length, or FFmpeg estimates it from what is there.
WITHOUT_LENGTH = frozenset({"mpeg", "mpegts", "mpegvideo", "mjpeg", "h264", "hevc", "m4v", "dv", "hls", "rtsp"})
TRIMMED = "mov"  # where frames may be left out on purpose
RAW_STREAMS = frozenset({"h264", "hevc", "m4v", "mpegvideo"})  # without times; the coded frames tell their rate
# Those that name no other file and no address, as playlists do; with sounds, so that a file of one is told.
FILE_FORMATS = (
    "mov,mp4,matroska,webm,avi,asf,flv,live_flv,mpeg,mpegts,mpegvideo,m4v,h264,hevc,av1,obu,ivf,mjpeg,ogg,dv,mxf,"
    "gxf,nut,rm,wtv,dhav,yuv4mpegpipe,nsv,amr,mp3,aac,ac3,flac,wav,aiff,ape,caf"
)


class TimedImage(NamedTuple):
    """An image (H, W, 3) uint8 BGR, its time since the first one, and how long it is shown, in s."""

    image: Image
    t_s: float
    duration_s: float


class VideoReader:
    """Reads a video once from its beginning: upright, deinterlaced, with square pixels. Close it.

    format is FFmpeg's name of the container; length_s and frame_count are what its head says, or what FFmpeg
    estimates, 0 where neither is known; read_count is how many images were read.

    One thread reads; another may close it, which ends the reading at the latest with its time limit.
    """

    def __init__(
        self,
        file: str | IO[bytes],
        *,
        format: str | None = None,
        options: Mapping[str, str] | None = None,
        timeouts_s: tuple[float, float] | None = None,
    ) -> None:
        """Open a video; nothing is decoded yet beyond its head.

        Args:
            file: An address as FFmpeg reads it, or an open file, in which no name opens another one.
            format: FFmpeg's name of the container; by its bytes where None.
            options: FFmpeg's options.
            timeouts_s: The time that opening it may take, and each reading.

        Raises:
            SourceError: It is no video, or does not answer; the message, a clause without subject, says why.
            MemoryError: There is not enough memory.
        """
        if not isinstance(file, str):
            options = {"format_whitelist": FILE_FORMATS, "protocol_whitelist": "none", **(options or {})}
        self._lock = threading.Lock()  # held while FFmpeg works for this video
        self._is_closed = False
        self._container = _open(file, format, dict(options or {}), timeouts_s)
        try:
            self._stream = _video_stream(self._container)
        except SourceError:
            self._container.close()
            raise
        # Several frames at once would come late, and where one is damaged others show what was not written.
        self._stream.thread_type = "SLICE"
        self._stream.codec_context.thread_count = MAX_THREADS
        if self._stream.codec_context.name == "mjpeg":
            # which otherwise shows memory where a picture is cut off
            self._stream.codec_context.options = {"err_detect": "explode"}
        self.fps = _frame_rate(self._stream)
        self._clock = FrameClock(1 / self.fps, trust=_has_times(self._stream))
        self._reformatter = VideoReformatter()
        self._images = self._decode()
        self.format = self._container.format.name  # in FFmpeg's words
        self.length_s = _length_s(self._container, self._stream)
        self._is_counted = self._stream.frames > 0
        self.frame_count = max(self._stream.frames, 0) or round(self.length_s * self.fps)
        if self.format.startswith(TRIMMED) and self.length_s:  # without those that are left out on purpose
            self.frame_count = min(self.frame_count, round(self.length_s * self.fps))
        self.read_count = 0
        self.lost_count = 0  # frames, or packets that hold one
        self._repeated_count = 0
        self.end_s = 0.0

    @property
    def coded_size_px(self) -> tuple[int, int]:
        """The frames' (width, height) as they are coded; (0, 0) if the head does not say."""
        return self._stream.codec_context.width, self._stream.codec_context.height

    def read(self) -> TimedImage | None:
        """Return the next image; None after the last, or once the reader is closed.

        Raises:
            SourceError: No more can be read, as `__init__` says.
            MemoryError: There is not enough memory.
        """
        with self._lock:
            try:
                timed = None if self._is_closed else next(self._images, None)
            finally:
                if self._is_closed:
                    self._container.close()
        if timed:
            self.read_count += 1
            self.end_s = timed.t_s + timed.duration_s
        return timed

    def close(self) -> None:
        """Close the video; where another thread reads it, that one does so when its reading ends."""
        self._is_closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._container.close()
            finally:
                self._lock.release()

    def damage(self) -> str:
        """Return a sentence about what could not be read until the end, "" if the video was whole."""
        names = set(self.format.split(","))
        promised_s = 0.0 if names & WITHOUT_LENGTH else self.length_s
        promised = self.frame_count if self._is_counted else 0
        read, missing_s = self.read_count, promised_s - self.end_s
        missing_s = max(missing_s, (promised - read - self._repeated_count) / self.fps)
        is_cut = missing_s > SLACK_S + SLACK_SHARE * promised_s
        if not is_cut and not self.lost_count:
            return ""
        by_length = round(read * promised_s / self.end_s) if is_cut and self.end_s else 0
        whole = max(promised, by_length, read + self.lost_count)
        part = f"{read:,} of about {whole:,}" if whole <= 1000 * read else f"{read:,}"
        return f"The video is {'cut off or ' * is_cut}damaged: {part} frames could be read."

    def _decode(self) -> Iterator[TimedImage]:
        deinterlacer: Deinterlacer | None = None
        for frame in self._frames():
            rotation = frame.rotation % 360
            if deinterlacer is None:
                if not frame.interlaced_frame:
                    yield self._timed(frame, rotation)
                    continue
                deinterlacer = Deinterlacer()
            for whole in deinterlacer.feed(frame):
                yield self._timed(whole, rotation)
        for whole in deinterlacer.end() if deinterlacer else ():
            yield self._timed(whole, rotation)

    def _frames(self) -> Iterator[VideoFrame]:
        """Yield the decoded frames, without those known to be damaged."""
        failures = 0
        for packet in self._packets():
            if (
                packet.size == 0 and packet.dts is not None
            ):  # the frame before stays; only the last packet is empty
                self._repeated_count += 1
                continue
            try:
                frames = packet.decode()
            except av.error.MemoryError:
                raise MemoryError from None
            except (av.FFmpegError, ValueError):  # ValueError: a frame of a kind that is not known
                self.lost_count += 1
                failures += 1
                if failures == MAX_FAILURES:
                    return
                continue
            failures = 0
            for frame in frames:
                if not isinstance(frame, VideoFrame):
                    continue
                if frame.is_corrupt or is_unwritten(frame):
                    self.lost_count += 1
                else:
                    yield frame

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        """Yield the stream's packets, and an empty one at the end, which has the decoder give what it holds."""
        for _ in range(MAX_FAILURES):
            try:
                yield from self._container.demux(self._stream)
                return
            except av.error.MemoryError:
                raise MemoryError from None
            except (av.error.InvalidDataError, av.error.EOFError):
                self.lost_count += 1  # what comes after the damage may be whole
            except (av.FFmpegError, OSError) as error:
                raise SourceError(reason(error)) from None

    def _timed(self, frame: VideoFrame, rotation: int) -> TimedImage:
        """Return a frame as an image with its time."""
        width, height = square_pixels(frame.width, frame.height, self._stream.sample_aspect_ratio)
        try:
            # its tables are kept, and the result is not copied: to_ndarray takes eight times as long
            colour = self._reformatter.reformat(frame, width, height, "bgr24", threads=1)
        except av.error.MemoryError:
            raise MemoryError from None
        except (av.FFmpegError, ValueError) as error:
            raise SourceError(f"has frames in a format that cannot be read ({frame.format.name})") from error
        image = np.ascontiguousarray(_plane(colour, 0, 3)).reshape(height, width, 3)
        if rotation in ROTATIONS:
            image = cv2.rotate(image, ROTATIONS[rotation]).astype(np.uint8, copy=False)
        time_base = frame.time_base or Fraction(0)
        ticks = frame.pts if frame.pts is not None else frame.dts
        t_s = self._clock.time_s(None if ticks is None else float(ticks * time_base))
        return TimedImage(image, t_s, self._clock.duration_s(float(frame.duration * time_base)))


class FrameClock:
    """Turns the times of a container into ones that begin at 0 and always grow."""

    def __init__(self, period_s: float, trust: bool = True) -> None:
        """Frames without a time come period_s after the one before; without trust all do."""
        self._period_s, self._trust = period_s, trust
        self._start_s: float | None = None  # the container's time at which ours is 0
        self._last_s = 0.0

    def time_s(self, stamp_s: float | None) -> float:
        """Return the time in s since the first frame of the next one, whose stamp is the container's time."""
        if self._start_s is None:
            self._start_s = stamp_s if stamp_s is not None else 0.0
            return 0.0
        next_s = self._last_s + self._period_s
        if stamp_s is None or not self._trust:
            self._last_s = next_s
            return next_s
        t_s = stamp_s - self._start_s
        if t_s > self._last_s + MAX_GAP_S or t_s < self._last_s - 1.0:  # the container's clock begins anew
            self._start_s = stamp_s - next_s
            t_s = next_s
        self._last_s = max(t_s, self._last_s + MIN_GAP_S)
        return self._last_s

    def duration_s(self, duration_s: float) -> float:
        """Return the duration of a frame in s: that of the container, or the period where it is none."""
        return duration_s if self._trust and 0 < duration_s <= MAX_GAP_S else self._period_s


def is_unwritten(frame: VideoFrame) -> bool:
    """Return whether a part of a frame was left as it was allocated, as some decoders leave what is damaged.

    It is all zeros then, a colour that no camera sees.
    """
    if frame.format.name not in PLANAR:
        return False
    blue, red = (_plane(frame, number)[::CHROMA_STEP, ::CHROMA_STEP] for number in (1, 2))
    return bool(np.count_nonzero(blue | red) < (1 - MAX_UNWRITTEN_SHARE) * blue.size)


def square_pixels(width: int, height: int, ratio: Fraction | None) -> tuple[int, int]:
    """Return the (width, height) px of a frame with square pixels; ratio is its pixels' width by their height.

    The frame becomes larger in one direction, so that no detail is lost.
    """
    if not ratio or not Fraction(1, MAX_STRETCH) <= ratio <= MAX_STRETCH:
        return width, height
    if ratio >= 1:
        return round(width * ratio), height
    return width, round(height / ratio)


def reason(error: Exception) -> str:
    """Return why FFmpeg cannot read a video, as a clause without subject."""
    for kind, clause in REASONS:
        if isinstance(error, kind):
            return clause
    words = getattr(error, "strerror", None) or str(error)
    return f"cannot be read ({words})"


TOO_LATE = "does not answer in time"
REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (av.error.HTTPUnauthorizedError, "requires a valid user name and password (401)"),
    (av.error.HTTPForbiddenError, "denies access (403)"),
    (av.error.HTTPNotFoundError, "has nothing at that address (404)"),
    (av.error.HTTPClientError, "refuses the request"),
    (av.error.HTTPServerError, "reports an internal error (5xx)"),
    (av.error.ConnectionRefusedError, "refuses the connection"),
    ((av.error.TimeoutError, av.error.ExitError), TOO_LATE),
    ((av.error.ConnectionResetError, av.error.BrokenPipeError), "has closed the connection"),
    (av.error.FileNotFoundError, "does not exist"),
    (av.error.PermissionError, "cannot be read: permission is denied"),
    (
        (av.error.InvalidDataError, av.error.DemuxerNotFoundError, av.error.ArgumentError),
        "is not a video that can be read",
    ),
    (av.error.DecoderNotFoundError, "is a kind of video that cannot be read"),
    (av.error.EOFError, "ends before the first frame"),
)


def _open(
    file: str | IO[bytes],
    format: str | None,
    options: dict[str, str],
    timeouts_s: tuple[float, float] | None,
) -> InputContainer:
    began_s = time.monotonic()
    try:
        return av.open(
            file,
            "r",
            format=format,
            options=options,
            timeout=timeouts_s,
            metadata_errors="replace",
        )
    except av.error.MemoryError:
        raise MemoryError from None
    except (av.FFmpegError, OSError, ValueError) as error:
        if timeouts_s and time.monotonic() - began_s >= timeouts_s[0]:  # which FFmpeg may call by another name
            raise SourceError(TOO_LATE) from None
        raise SourceError(reason(error)) from None


def _plane(frame: VideoFrame, number: int, channels: int = 1) -> NDArray[np.uint8]:
    """Return a view (h, w * channels) uint8 of one of a frame's planes."""
    plane = frame.planes[number]
    rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)
    return np.asarray(rows[:, : plane.width * channels])


def _video_stream(container: InputContainer) -> VideoStream:
    """Return the container's video, that is no cover of its sound; raises SourceError if there is none."""
    films = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not films:
        raise SourceError("has sound but no video" if container.streams.audio else "contains no video")
    best = container.streams.best("video")
    stream = best if best in films else films[0]
    assert isinstance(stream, VideoStream)
    if stream.codec_context is None:
        raise SourceError("is a kind of video that cannot be read")
    return stream


def _length_s(container: InputContainer, stream: VideoStream) -> float:
    """Return how long the video is by its head, or as FFmpeg estimates it; 0 if that is not known."""
    if stream.duration and stream.time_base and stream.duration > 0:
        return float(stream.duration * stream.time_base)
    return max(container.duration or 0, 0) / 1e6


def _frame_rate(stream: VideoStream) -> float:
    """Return the frames a second that the head says, or DEFAULT_FPS where it says nothing possible."""
    coded = stream.codec_context.framerate
    for rate in (coded if _is_raw(stream) else None, stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= MAX_FPS:
            return float(rate)
    return DEFAULT_FPS


def _has_times(stream: VideoStream) -> bool:
    """Return whether the container has times that can be right: those of an impossible frame rate cannot."""
    return not _is_raw(stream) and (not stream.average_rate or stream.average_rate <= MAX_FPS)


def _is_raw(stream: VideoStream) -> bool:
    """Return whether coded frames are all that the file is."""
    return stream.container.format.name in RAW_STREAMS
