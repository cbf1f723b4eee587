"""The files of a folder, however deep; and a folder of pictures as a live source."""

import logging
import os
from collections.abc import Callable, Generator
from pathlib import Path

import cv2
import numpy as np

from sources.base import SourceError, shown_path
from vision.frames import Image
from vision.pictures import MAX_PICTURE_BYTES, Picture, PictureError, is_picture, read_picture

log = logging.getLogger(__name__)

PICTURE_S = 3.0
PICTURE_FPS = 10.0
MAX_SIDE_PX = 1280
HEAD_BYTES = 64
MAX_LOGGED = 20  # files that are not shown, each with its reason
LITTER = frozenset(("__macosx", ".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini"))


def is_litter(path: str) -> bool:
    """Return whether a path within a folder or a ZIP is that of a file that systems add by themselves."""
    parts = path.replace("\\", "/").lower().split("/")
    return any(part in LITTER or part.startswith("._") for part in parts)


def find_files(folder: Path, report: Callable[[Path, str], None]) -> list[Path]:
    """Return the files in a folder, however deep, by name, without litter.

    What is no file, and a folder that cannot be read, is reported with the reason.
    """
    found: list[Path] = []

    def unreadable(error: OSError) -> None:
        report(Path(error.filename), f"The folder cannot be read: {error.strerror}.")

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not is_litter(name)]
        for link in filter(Path.is_symlink, (Path(parent, name) for name in folders)):
            report(link, "It is a link to a folder, which is not followed.")
        for path in (Path(parent, name) for name in names if not is_litter(name)):
            if path.exists() and not path.is_file():
                report(path, "It is no ordinary file.")
            else:
                found.append(path)
    return sorted(found)


class FolderSource:
    """The pictures of a folder by name, three seconds each, repeated without end."""

    fps = PICTURE_FPS

    def __init__(self, folder: Path) -> None:
        """List the folder's pictures; SourceError if it has none or cannot be read.

        The note says how many of its files are not shown, and the log why.
        """
        shown = shown_path(folder)
        self.name = Path(shown).name or shown
        self._folder = folder
        self._unread: dict[Path, str] = {}
        files = find_files(folder, self._leave_out)
        if reason := self._unread.get(folder):
            raise SourceError(f"the folder {shown} cannot be read: {reason.rpartition(': ')[2].rstrip('.')}")
        self._paths = [path for path in files if self._is_picture(path)]
        if len(self._unread) > MAX_LOGGED:
            log.warning("%d more files in %s are not shown", len(self._unread) - MAX_LOGGED, self.name)
        if not self._paths:
            raise self._no_picture() if files else SourceError(f"the folder {shown} has no pictures")
        self._images = self._cycle()

    @property
    def note(self) -> str:
        """How many of its files are not shown, as a sentence; "" if all are."""
        count = len(self._unread)
        shown = "is not shown" if count == 1 else "are not shown"
        total = count + len(self._paths)
        return f"{count:,} of {total:,} files in the folder {shown}; the log says why." if count else ""

    def read(self) -> Image:
        """Return the next image (H, W, 3) uint8 BGR; SourceError if no picture can be read."""
        return next(self._images)

    def close(self) -> None:
        """Stop; no file is open."""
        self._images.close()

    def _cycle(self) -> Generator[Image]:
        """Yield each readable picture PICTURE_S long, again and again."""
        while True:
            readable = False
            for path in self._paths:
                try:
                    image = _fit(_read(path).image)
                except PictureError as problem:
                    self._leave_out(path, str(problem))  # a broken picture does not end the show
                    continue
                readable = True
                for _ in range(int(PICTURE_S * PICTURE_FPS)):
                    yield image
            if not readable:
                raise self._no_picture()

    def _no_picture(self) -> SourceError:
        return SourceError(f"no picture in the folder {self.name} can be read; the log says why")

    def _is_picture(self, path: Path) -> bool:
        """Return whether a file begins as a picture does; the name of another is noted."""
        try:
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
        except OSError as error:
            self._leave_out(path, f"The file cannot be read: {error.strerror}.")
            return False
        if is_picture(head):
            return True
        try:
            read_picture(head)
        except PictureError as problem:
            self._leave_out(path, str(problem))
        return False

    def _leave_out(self, path: Path, reason: str) -> None:
        """Note a file that is not shown, and log each once."""
        if path not in self._unread and len(self._unread) < MAX_LOGGED:
            log.warning("%s is not shown: %s", path, reason)
        self._unread[path] = reason


def _read(path: Path) -> Picture:
    """Return the picture in a file; raises PictureError."""
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            raise PictureError(f"The picture is larger than {MAX_PICTURE_BYTES // 1_000_000} MB.")
        return read_picture(path.read_bytes())
    except OSError as error:
        raise PictureError(f"The file cannot be read: {error.strerror}.") from None


def _fit(image: Image) -> Image:
    """Return an image shrunk to MAX_SIDE_PX, or as it is if it is no larger."""
    scale = MAX_SIDE_PX / max(image.shape[:2])
    if scale >= 1:
        return image
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)
