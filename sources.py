"""Where frames come from: cameras, video files, folders of pictures, network streams, the demo."""

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

TIMEOUT_MS = 5000  # of opening a URL, and of reading from it
DEFAULT_FPS = 25.0  # of a video file that does not say
PICTURE_S = 3.0
PICTURE_FPS = 10.0
MAX_SIDE_PX = 1280
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"})
DEMO_IS = "average faces, not people."
URL_SCHEMES = ("http://", "https://", "rtsp://")


class SourceError(Exception):
    """A source cannot be opened or gives no more frames; the message says why, in one sentence."""


@dataclass(frozen=True)
class Frame:
    """One picture of a source: its index from 0, time.monotonic() in s when it was taken, image BGR."""

    index: int
    captured_at: float
    image: Image


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


class CameraSource:
    """A camera, of this machine or behind a URL: OpenCV waits for the frames."""

    fps = None

    def __init__(self, name: str, capture: cv2.VideoCapture) -> None:
        self.name = name
        self._capture = capture

    def read(self) -> Image:
        ok, image = self._capture.read()
        if not ok or image is None:
            raise SourceError(f"{self.name} gives no more frames")
        return as_bgr(image)

    def close(self) -> None:
        self._capture.release()


class VideoSource:
    """A recorded video, in a file or behind a URL, looped, at its own frame rate."""

    def __init__(self, name: str, open_capture: Callable[[], cv2.VideoCapture]) -> None:
        self.name = name
        self.open_capture = open_capture
        self._capture = open_capture()
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 1 <= fps <= 240 else DEFAULT_FPS

    def read(self) -> Image:
        ok, image = self._capture.read()
        if not ok:
            self._capture.release()
            self._capture = self.open_capture()  # seeking is not reliable in every format
            ok, image = self._capture.read()
        if not ok or image is None:
            raise SourceError(f"{self.name} has no frame that can be read")
        return as_bgr(image)

    def close(self) -> None:
        self._capture.release()


class FolderSource:
    """The pictures of a folder, in the order of their names, three seconds each, again and again."""

    fps = PICTURE_FPS

    def __init__(self, folder: Path) -> None:
        self.name = folder.name or str(folder)
        try:
            self._paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
        except OSError as error:
            raise SourceError(f"the folder {folder} cannot be read: {error.strerror}") from None
        if not self._paths:
            raise SourceError(f"the folder {folder} has no pictures")
        self._images = self._cycle()

    def _cycle(self) -> Generator[Image]:
        while True:
            readable = False
            for path in self._paths:
                image = cv2.imread(str(path), cv2.IMREAD_COLOR)
                if image is None:
                    continue  # one broken picture does not end the show
                readable = True
                fitted = _fit(as_bgr(image))
                for _ in range(int(PICTURE_S * PICTURE_FPS)):
                    yield fitted
            if not readable:
                raise SourceError(f"no picture in the folder {self.name} can be read")

    def read(self) -> Image:
        return next(self._images)

    def close(self) -> None:
        self._images.close()


def check_source(spec: str) -> None:
    """Raise SourceError for a source that can never work: a misspelt word, a missing or broken file.

    A camera or a URL that is not there may come back, so it is no error here.
    """
    if spec in ("auto", "demo") or spec.startswith(URL_SCHEMES) or _is_device(spec):
        return
    try:
        Path(spec).stat()
    except (OSError, ValueError):  # ValueError: a null byte
        raise SourceError(
            f"there is no source {spec!r}: give auto, demo, a camera number, a file, a folder or a URL"
        ) from None
    with contextlib.closing(_open_path(Path(spec))) as source:
        source.read()


def source_name(spec: str) -> str:
    """Return what people are shown of a source that was not opened yet: no password, no query."""
    if not spec.startswith(URL_SCHEMES):
        return f"camera {spec}" if _is_device(spec) else spec
    parts = urlsplit(spec)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class SourceOpener:
    """Opens the source that a setting names, and opens it again when it has failed.

    `auto` decides once: a machine whose camera was there waits for it to come back, it does not fall
    back to the demo in the middle of a showing.
    """

    def __init__(self, spec: str, camera_size_px: tuple[int, int], open_demo: Callable[[], Source]) -> None:
        """camera_size_px is (width, height) asked of a camera."""
        self._spec, self._camera_size_px, self._open_demo = spec, camera_size_px, open_demo
        self._had_camera = False

    def __call__(self) -> tuple[Source, str]:
        """Return the source and a note for people, empty where there is nothing to note.

        Raises SourceError if it cannot be opened now.
        """
        if self._spec != "auto":
            return self._open_named(), ""
        try:
            camera = _open_camera(0, self._camera_size_px)
        except SourceError as error:
            if self._had_camera:
                raise
            reason = str(error)
            return self._open_demo(), f"{reason[0].upper()}{reason[1:]}, so this is the demo: {DEMO_IS}"
        self._had_camera = True
        return camera, ""

    def _open_named(self) -> Source:
        if self._spec == "demo":
            return self._open_demo()
        if _is_device(self._spec):
            device = int(self._spec) if self._spec.isdecimal() else self._spec
            return _open_camera(device, self._camera_size_px)
        if self._spec.startswith(URL_SCHEMES):
            return _open_url(self._spec)
        return _open_path(Path(self._spec))


def _is_device(spec: str) -> bool:
    return spec.isdecimal() or spec.startswith("/dev/")


def _open_camera(device: int | str, size_px: tuple[int, int]) -> CameraSource:
    name = f"camera {device}"
    if sys.platform == "linux" and not os.path.exists(_device_path(device)):
        raise SourceError(f"{name} is not connected")  # OpenCV would try every backend and take seconds
    with _quiet():
        capture = cv2.VideoCapture(device)
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"{name} does not open (is another program using it?)")
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))  # raw frames do not fit USB 2 at 30 fps
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, size_px[0])
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size_px[1])
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return CameraSource(name, capture)


def _device_path(device: int | str) -> str:
    return f"/dev/video{device}" if isinstance(device, int) else device


def _open_path(path: Path) -> Source:
    if path.is_dir():
        return FolderSource(path)
    failure = f"{path} is not a video that OpenCV can read"
    return VideoSource(path.name, partial(open_capture, str(path), failure))


def _open_url(url: str) -> Source:
    name = source_name(url)
    opened = partial(open_capture, url, f"{name} does not answer with a video")
    capture = opened()
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:  # a recording: it would rush by as fast as it loads
        capture.release()
        return VideoSource(name, opened)
    return CameraSource(name, capture)


def open_capture(path_or_url: str, failure: str) -> cv2.VideoCapture:
    """Return OpenCV's reader of a video; raises SourceError(failure) if it does not open."""
    timeouts = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS)
    with _quiet():
        capture = cv2.VideoCapture(path_or_url, cv2.CAP_FFMPEG, timeouts)
    if not capture.isOpened():
        capture.release()
        raise SourceError(failure)
    return capture


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV's own warnings about a source that does not open off the terminal: we say it ourselves."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def as_bgr(image: NDArray[Any]) -> Image:
    """Return what OpenCV has read, gray or BGR, as (H, W, 3) uint8."""
    if image.ndim == 2:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    return image.astype(np.uint8, copy=False)


def _fit(image: Image) -> Image:
    scale = MAX_SIDE_PX / max(image.shape[:2])
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(
        np.uint8, copy=False
    )
