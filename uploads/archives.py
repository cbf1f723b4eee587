"""Reads the pictures of a ZIP in memory: nothing is unpacked to a disk, and no name in it opens a file."""

import zipfile
from collections.abc import Iterator
from typing import IO

from sources.folder import is_litter
from texts import clean_file_name
from uploads.recognizer import File
from uploads.videos import is_video
from uploads.zip_names import entry_names
from vision.pictures import NO_MEMORY, PictureError, is_picture_box

MAX_ENTRY_BYTES = 30_000_000
MAX_TOTAL_BYTES = 1_000_000_000  # unpacked, of one ZIP
MAX_RATIO = 200  # unpacked bytes a packed byte; pictures are packed already
RATIO_COUNTS_FROM = 1_000_000  # bytes: a flat little picture may be packed well
MAX_DIRECTORY_BYTES = 4_000_000  # of the list of entries, which zipfile reads at once
STEP_BYTES = 1 << 16
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may ask for gigabytes of memory


class ArchiveError(Exception):
    """The ZIP cannot be read; the message says why, in one sentence."""


def is_zip(head: bytes) -> bool:
    """Return whether a file that begins with head is a ZIP."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


class Archive:
    """A ZIP of pictures: its length is how many are read; note says if there are more."""

    def __init__(
        self,
        file: IO[bytes],
        max_entries: int,
        *,
        max_entry_bytes: int = MAX_ENTRY_BYTES,
        max_total_bytes: int = MAX_TOTAL_BYTES,
    ) -> None:
        """Raises ArchiveError if file is no ZIP, has no files in it, or too long a list of them.

        The first max_entries are read, up to max_entry_bytes unpacked each and max_total_bytes together.
        """
        try:
            self._zip = zipfile.ZipFile(_Sparing(file))
        except _TooMuchError:
            raise ArchiveError("The ZIP has too many entries.") from None
        except Exception:  # a broken directory leads zipfile into errors of every kind
            raise ArchiveError("The ZIP is damaged: its list of files cannot be read.") from None
        entries = [entry for entry in self._zip.infolist() if not _is_left_out(entry)]
        if not entries:
            raise ArchiveError("The ZIP is empty.")
        self._entries = entries[:max_entries]
        self._names = entry_names(self._entries)
        self._max_entry_bytes = max_entry_bytes
        self._left = max_total_bytes
        self.note = ""
        if len(entries) > max_entries:
            self.note = f"The ZIP has {len(entries):,} files; the first {max_entries:,} were read."

    def __len__(self) -> int:
        return len(self._entries)

    def files(self) -> Iterator[File]:
        """Yield a file an entry; one that cannot be read has its problem in place of its bytes."""
        for entry, shown in zip(self._entries, self._names, strict=True):
            name = clean_file_name(shown)
            try:
                yield File(name, self._read(entry))
            except PictureError as problem:
                # without its traceback, which would keep what was unpacked
                yield File(name, b"", problem.with_traceback(None))

    def _read(self, entry: zipfile.ZipInfo) -> bytes:
        if entry.flag_bits & 1:
            raise PictureError("It is encrypted.")
        if entry.compress_type not in METHODS:
            raise PictureError("Its compression is not supported; pack it as an ordinary ZIP.")
        try:
            with self._zip.open(entry) as packed:
                return self._unpack(packed, entry.compress_size)
        except PictureError:
            raise
        except MemoryError:
            raise PictureError(NO_MEMORY) from None
        except Exception:  # as above, entry by entry
            raise PictureError("It is damaged within the ZIP.") from None

    def _unpack(self, packed: IO[bytes], packed_bytes: int) -> bytes:
        """Return the unpacked bytes, counted meanwhile: the sizes that a ZIP gives may be wrong."""
        data = bytearray()
        while piece := packed.read(STEP_BYTES):
            self._left -= len(piece)
            if not data and is_zip(piece):
                raise PictureError("It is a ZIP within the ZIP; send it separately.")
            if not data and is_video(piece) and not is_picture_box(piece):
                raise PictureError("It is a video within the ZIP; send it separately.")
            data += piece
            if self._left < 0:
                raise PictureError("The ZIP is too large when unpacked; the rest of it was not read.")
            if len(data) > self._max_entry_bytes:
                raise PictureError(f"It is larger than {self._max_entry_bytes // 1_000_000} MB.")
            if len(data) > max(RATIO_COUNTS_FROM, packed_bytes * MAX_RATIO):
                raise PictureError("It is too large for a picture when unpacked.")
        return bytes(data)


def _is_left_out(entry: zipfile.ZipInfo) -> bool:
    """Return whether an entry is a folder, or was added by a system; zipfile stumbles over empty names here."""
    return entry.filename.endswith("/") or is_litter(entry.filename)


class _TooMuchError(Exception):
    pass


class _Sparing:
    """A file that gives no more than MAX_DIRECTORY_BYTES at once, which is how zipfile reads its directory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY_BYTES:
            raise _TooMuchError
        return self._file.read(size if size >= 0 else MAX_DIRECTORY_BYTES)

    def seekable(self) -> bool:
        return True
