"""JPEGs cut out of a stream of bytes by JPEG's own markers, whatever stands between them."""

import re

from vision.jpeg import STANDALONE_MARKERS

MAX_JPEG_BYTES = 20_000_000  # of a frame; one of 8K has less
START = b"\xff\xd8\xff"
END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # the first marker that is no part of a scan's data
INVALID_MARKERS = (0x00, *range(0x02, 0xC0))
START_OF_IMAGE, END_OF_IMAGE, START_OF_SCAN = 0xD8, 0xD9, 0xDA


class JpegSplitter:
    """Takes pieces of a stream and gives the whole JPEGs in it; holds MAX_JPEG_BYTES and one piece at most.

    A JPEG that is cut off, or larger, is left out.
    """

    def __init__(self, max_bytes: int = MAX_JPEG_BYTES) -> None:
        """Leave out JPEGs of more than max_bytes."""
        self._max_bytes = max_bytes
        self._data = bytearray()  # from the start of a JPEG on, unless _at is 0
        self._at = 0  # where the next marker is expected; 0 outside of a JPEG
        self._in_scan = False

    @property
    def is_inside(self) -> bool:
        """Whether a JPEG has begun that has not ended."""
        return self._at > 0

    @property
    def held_bytes(self) -> int:
        """The number of bytes that wait for more."""
        return len(self._data)

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the JPEGs that end in this piece, in their order."""
        self._data += piece
        jpegs = []
        while self._find_start():
            end, is_whole = self._walk()
            if end is None and len(self._data) <= self._max_bytes:
                break
            if end is not None and end <= self._max_bytes:
                if is_whole:
                    jpegs.append(bytes(self._data[:end]))
                del self._data[:end]
            else:
                del self._data[: self._max_bytes]
            self._at = 0
        return jpegs

    def _find_start(self) -> bool:
        """Drop what comes before the next JPEG; False if there is none."""
        if self._at:
            return True
        start = self._data.find(START)
        if start < 0:
            del self._data[: 1 - len(START)]
            return False
        del self._data[:start]
        self._at, self._in_scan = 2, False
        return True

    def _walk(self) -> tuple[int | None, bool]:
        """Return where the JPEG ends and whether it is whole there; None if that is still to come."""
        data = self._data
        while self._at + 2 <= len(data):
            if self._in_scan:
                found = END_OF_SCAN.search(data, self._at)
                self._at = found.start() if found else len(data) - 1
                self._in_scan = not found
                continue
            marker = data[self._at + 1]
            if data[self._at] != 0xFF or marker == START_OF_IMAGE or marker in INVALID_MARKERS:
                return self._at, False
            if marker == END_OF_IMAGE:
                return self._at + 2, True
            if marker == 0xFF or marker in STANDALONE_MARKERS:
                self._at += 1 if marker == 0xFF else 2
                continue
            if self._at + 4 > len(data):
                break
            length = int.from_bytes(data[self._at + 2 : self._at + 4], "big")
            if length < 2:
                return self._at + 2, False
            self._at += 2 + length
            self._in_scan = marker == START_OF_SCAN
        return None, False
