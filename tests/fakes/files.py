"""Files as people send them."""

import io
import struct
import tempfile
import zipfile
import zlib
from typing import IO

CLIP_FRAMES = 12  # of the video that the fixture `clip` gives


def zip_of(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as packing:
        for name, data in entries:
            packing.writestr(name, data)
    return file.getvalue()


def black_png(width: int, height: int) -> bytes:
    """Return a tiny file that says it unpacks to width x height pixels, and begins to."""
    rows = zlib.compress(bytes(1 + width // 8) * min(height, 500))
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def anonymous(data: bytes) -> IO[bytes]:
    """Return an open file without a name, as uploads are."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  # whoever reads it closes it  # whoever reads it closes it
    file.write(data)
    file.seek(0)
    return file
