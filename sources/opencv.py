"""Local cameras, which OpenCV reads."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sources.base import SourceError
from vision.frames import Image


class CameraSource:
    """A local camera; OpenCV waits for its frames."""

    fps = None

    def __init__(self, name: str, capture: cv2.VideoCapture) -> None:
        """Read from an open capture, which `close` releases."""
        self.name = name
        self._capture = capture

    def read(self) -> Image:
        """Return the camera's next image (H, W, 3) uint8 BGR; SourceError if it gives no more."""
        ok, image = self._capture.read()
        if not ok or image is None:
            raise SourceError(f"{self.name} sends no more frames")
        return to_bgr(image)

    def close(self) -> None:
        """Release the camera."""
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
