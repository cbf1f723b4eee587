"""Opens the source that a setting names."""

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import cv2

from sources.base import Source, SourceError
from sources.opencv import CameraSource, FolderSource, VideoSource, _open_camera, open_capture

DEMO_IS = "average faces, not people."
URL_SCHEMES = ("http://", "https://", "rtsp://")


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
