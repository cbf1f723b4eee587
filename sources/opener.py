"""The source that a setting names: checked, named for people, and opened."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from settings import ESCAPES, HIDDEN, has_host, mask_address
from sources.base import Source, SourceError, shown_path
from sources.folder import FolderSource
from sources.http_camera import open_http_camera
from sources.opencv import open_camera
from sources.playback import open_path, open_url
from texts import shorten

DEMO_NOTE = "average faces, not people."
URL_SCHEMES = ("http://", "https://", "rtsp://")
SECRET_SIGNS = set("@=&?#")  # that a path seldom has, and an address without its scheme has


def check_source(spec: str) -> None:
    """Raise SourceError for a source that can never work: a misspelt word, a missing or broken file.

    A camera or a URL that does not answer is no error here, because it may come back.
    """
    if spec in ("auto", "demo") or _is_device(spec):
        return
    if _is_url(spec):
        if not has_host(spec):
            raise SourceError(f"{source_name(spec)} has no host: {ESCAPES}")
        return
    try:
        Path(spec).stat()
    except (OSError, ValueError):  # ValueError: a null byte
        named = "of that name" if set(spec) & SECRET_SIGNS else repr(shorten(spec))
        raise SourceError(
            f"there is no source {named}: give auto, demo, a camera number, a file, a folder, or a URL that "
            f"begins with {', '.join(URL_SCHEMES)}"
        ) from None
    with contextlib.closing(open_path(Path(spec))) as source:
        source.read()


def source_name(spec: str) -> str:
    """Return the name of a source that is not open yet; of a URL its scheme and host alone."""
    return f"camera {spec}" if _is_device(spec) else mask_address(shown_path(spec))


def describe_source(name: str) -> str:
    """Return a sentence for people about what a source of that name shows."""
    if name == "auto":
        return "Looking for a camera …"
    if name == "demo":
        return "This is the demo: average faces, painted by code."
    if name.startswith("camera "):
        return f"This is {name} of the computer that runs this site."
    if "://" in name:
        return f"This is the picture from {name}."
    file = Path(name)
    return f"This is the file {file.name}." if file.suffix else f"These are the pictures in {file.name}."


class SourceOpener:
    """A callable that opens the source of a setting, and opens it again after a failure.

    `auto` opens camera 0, or the demo if there is no camera. Once the camera has opened, the demo never
    replaces it: a failed camera is waited for.
    """

    def __init__(self, spec: str, camera_size_px: tuple[int, int], open_demo: Callable[[], Source]) -> None:
        """Open nothing yet.

        Args:
            spec: The setting: auto, demo, a camera number or device, a path, or a URL.
            camera_size_px: The (width, height) to request of a camera.
            open_demo: A function that opens the demo.
        """
        self._spec, self._camera_size_px, self._open_demo = spec, camera_size_px, open_demo
        self._had_camera = False

    def __call__(self) -> tuple[Source, str]:
        """Open the source.

        Returns:
            The source, which the caller closes, and a note for viewers, empty where there is nothing to note.

        Raises:
            SourceError: The source cannot be opened now; a later call may succeed.
        """
        if self._spec != "auto":
            source = self._open_named()
            return source, source.note if isinstance(source, FolderSource) else ""
        try:
            camera = open_camera(0, self._camera_size_px)
        except SourceError as error:
            if self._had_camera:
                raise
            reason = str(error)
            return self._open_demo(), f"{reason[0].upper()}{reason[1:]}, so this is the demo: {DEMO_NOTE}"
        self._had_camera = True
        return camera, ""

    def _open_named(self) -> Source:
        """Return the source of any setting but auto."""
        if self._spec == "demo":
            return self._open_demo()
        if _is_device(self._spec):
            device = int(self._spec) if self._spec.isdecimal() else self._spec
            return open_camera(device, self._camera_size_px)
        if _is_url(self._spec):
            return self._open_url()
        return open_path(Path(self._spec))

    def _open_url(self) -> Source:
        """Return the source behind a URL; where signs of a password may be misread, the error says so."""
        name = source_name(self._spec)
        try:
            is_http = self._spec.lower().startswith("http")
            camera = open_http_camera(self._spec, name) if is_http else None
            return camera or open_url(self._spec, name)
        except SourceError as error:
            if not name.endswith(HIDDEN):
                raise
            raise SourceError(f"{error} ({ESCAPES})") from None


def _is_url(spec: str) -> bool:
    """Return whether a setting is a URL of a kind that is opened."""
    return spec.lower().startswith(URL_SCHEMES)


def _is_device(spec: str) -> bool:
    """Return whether a setting names a local camera."""
    return spec.isdecimal() or spec.startswith("/dev/")
