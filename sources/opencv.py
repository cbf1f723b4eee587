"""Sources that OpenCV reads: local cameras, video files and network streams."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sources.base import Source, SourceError
from sources.folder import FolderSource
from vision.frames import Image

TIMEOUT_MS = 5000  # of opening a URL, and of reading from it
DEFAULT_FPS = 25.0  # of a video file that does not say


class CameraSource:
    """A live camera, local or behind a URL; OpenCV waits for its frames."""

    fps = None

    def __init__(self, name: str, capture: cv2.VideoCapture) -> None:
        """Read from an open capture, which `close` releases."""
        self.name = name
        self._capture = capture

    def read(self) -> Image:
        """Return the camera's next image (H, W, 3) uint8 BGR; SourceError if it gives no more."""
        ok, image = self._capture.read()
        if not ok or image is None:
            raise SourceError(f"{self.name} gives no more frames")
        return to_bgr(image)

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()


class VideoSource:
    """A recorded video, in a file or behind a URL, looped, at its own frame rate."""

    def __init__(self, name: str, open_video: Callable[[], cv2.VideoCapture]) -> None:
        """Open the video; open_video is called again for each repetition, and may raise SourceError."""
        self.name = name
        self._open_video = open_video
        self._capture = open_video()
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 1 <= fps <= 240 else DEFAULT_FPS

    def read(self) -> Image:
        """Return the next image (H, W, 3) uint8 BGR, after the last the first; SourceError if there is none."""
        ok, image = self._capture.read()
        if not ok:
            self._capture.release()
            self._capture = self._open_video()  # seeking is not reliable in every format
            ok, image = self._capture.read()
        if not ok or image is None:
            raise SourceError(f"{self.name} has no frame that can be read")
        return to_bgr(image)

    def close(self) -> None:
        """Release the video."""
        self._capture.release()


def open_camera(device: int | str, size_px: tuple[int, int]) -> CameraSource:
    """Open a local camera by its number or device path; size_px (width, height) is requested of it.

    Raises SourceError if it is not connected or does not open.
    """
    name = f"camera {device}"
    if sys.platform == "linux" and not os.path.exists(_device_path(device)):
        raise SourceError(f"{name} is not connected")  # OpenCV would try every backend and take seconds
    size = (cv2.CAP_PROP_FRAME_WIDTH, size_px[0], cv2.CAP_PROP_FRAME_HEIGHT, size_px[1])
    on_windows = sys.platform == "win32"  # whose MSMF opens a camera anew, for seconds, with each property set
    with _silent_opencv():
        capture = cv2.VideoCapture(device, cv2.CAP_ANY, size) if on_windows else cv2.VideoCapture(device)
        if on_windows and not capture.isOpened():  # a camera may refuse the size
            capture.release()
            capture = cv2.VideoCapture(device)
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"{name} does not open (is another program using it?)")
    if not on_windows:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))  # raw ones do not fit USB 2 at 30 fps
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size_px[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size_px[1])
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return CameraSource(name, capture)


def open_path(path: Path) -> Source:
    """Open a folder of pictures or a video file; SourceError if it cannot be read."""
    if path.is_dir():
        return FolderSource(path)
    failure = f"{path} is not a video that OpenCV can read"
    return VideoSource(path.name, partial(open_capture, str(path), failure))


def open_url(url: str, name: str) -> Source:
    """Open a live stream or a recorded video behind a URL; SourceError if it does not open."""
    open_video = partial(open_capture, url, f"{name} does not answer with a video")
    capture = open_video()
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:  # a recording: unpaced, it would play as fast as it loads
        capture.release()
        return VideoSource(name, open_video)
    return CameraSource(name, capture)


def open_capture(path_or_url: str, failure: str) -> cv2.VideoCapture:
    """Return OpenCV's reader of a video; SourceError with the message `failure` if it does not open."""
    timeouts = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS)
    with _silent_opencv():
        capture = cv2.VideoCapture(path_or_url, cv2.CAP_FFMPEG, timeouts)
    if not capture.isOpened():
        capture.release()
        raise SourceError(failure)
    return capture


def to_bgr(image: NDArray[Any]) -> Image:
    """Return an image that OpenCV has read, gray (H, W) or BGR, as (H, W, 3) uint8 BGR."""
    if image.ndim == 2:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    return image.astype(np.uint8, copy=False)


def _device_path(device: int | str) -> str:
    """Return a camera's device path on Linux."""
    return f"/dev/video{device}" if isinstance(device, int) else device


@contextlib.contextmanager
def _silent_opencv() -> Iterator[None]:
    """Silence OpenCV's own warnings about a source that does not open; SourceError says it instead."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
