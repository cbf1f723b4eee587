"""Pictures out of the bytes of visitors; the format is found in the bytes, never in a name."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from vision.jpeg import MAX_PIXELS

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
MAX_PICTURE_BYTES = 50_000_000
MAX_SIDE_PX = 1600  # as searched: faces are searched for in proportion, so more would only cost time
NO_MEMORY = "The file needs more memory than is available."
VIDEO_NAMES = (
    *(".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".ogv", ".mts"),
    *(
        ".m2ts",
        ".mjpeg",
        ".mjpg",
        ".3gp",
        ".3g2",
        ".asf",
        ".vob",
        ".m2v",
        ".mod",
        ".tod",
        ".dv",
        ".mxf",
        ".f4v",
    ),
    *(".ogg", ".divx", ".h264", ".264", ".h265", ".265", ".hevc", ".y4m", ".ivf", ".rm", ".rmvb", ".wtv"),
    *(".dav", ".nut", ".gxf"),
)
SIDEWAYS = (5, 6, 7, 8)  # orientations of EXIF, as are the keys of TRANSPOSES
TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ODD_TIFF = "This kind of TIFF cannot be read, or the file is damaged: save it as JPEG or PNG."
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SCAN_DATA = b"\xa5\x5a" * 64
# Bytes that a JPEG takes for more of it, at once or after a restart, unless it is at its end.
CONTINUATIONS = (b"", SCAN_DATA, b"".join(b"\xff%c" % marker + SCAN_DATA for marker in range(0xD0, 0xD8)))
PEAK_OF_16_BITS = 1 << 14  # a gray picture of 16 bits that stays below has 10, 12 or 14
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", b"RIFF", *TIFF_SIGNATURES)
AVIF_BRANDS = (b"avif", b"avis")
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


class PictureError(ValueError):
    """The bytes are a picture that cannot be read; the message says why, in one sentence."""


class UnknownFormatError(PictureError):
    """The bytes are no picture of any format that is read."""


class TooLargeError(PictureError):
    """The picture has more pixels or bytes than are read."""


@dataclass(frozen=True)
class Picture:
    """A picture as it is searched: image (H, W, 3) uint8 BGR, upright, no side over MAX_SIDE_PX.

    size_px is (width, height) as it was sent, upright; note is a sentence about parts not read, or "".
    """

    image: NDArray[np.uint8]
    size_px: tuple[int, int]
    note: str = ""

    @property
    def scale(self) -> float:
        """Return how many pixels of the file are one pixel of image, along a side."""
        width: int = self.image.shape[1]
        return self.size_px[0] / width


def read_picture(data: bytes, name: str = "") -> Picture:
    """Return the picture in data; raises PictureError, or one of its kinds, if there is none.

    The name is only used in the sentence about a file that is no picture.
    Its size is known before it is decoded, so a small file that unpacks to a huge picture costs nothing.
    Of an animation the first picture is read. Transparent parts become white.
    """
    if not data:
        raise UnknownFormatError("The file is empty.")
    if _is_heic(data):
        raise UnknownFormatError(
            "HEIC pictures cannot be read: save the picture as JPEG, or set your phone to do so."
        )
    try:
        return _open(data)
    except PictureError:
        raise
    except MemoryError:
        raise PictureError(NO_MEMORY) from None
    except UnidentifiedImageError:
        raise UnknownFormatError(_unlike(data, name)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # Pillow's limit is above ours
        raise TooLargeError(f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels.") from None
    except OSError as error:
        if "truncated" not in str(error):
            raise PictureError(_damaged(data)) from None
    except Exception:  # a broken file leads Pillow's decoders into errors of every kind
        raise PictureError(_damaged(data)) from None
    if picture := _read_without_end(data):
        return picture
    raise PictureError("The picture is cut off: the file ends too early.")


def _open(data: bytes) -> Picture:
    with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        return _decode(opened)


def _read_without_end(data: bytes) -> Picture | None:
    """Return a JPEG that lacks its last mark and no more; None if some of the picture is missing.

    Then what is added in its place changes the picture.
    """
    if not data.startswith(b"\xff\xd8"):
        return None
    try:
        picture, *others = (_open(data.removesuffix(b"\xff") + rest + b"\xff\xd9") for rest in CONTINUATIONS)
    except Exception:  # as above
        return None
    return picture if all(np.array_equal(picture.image, other.image) for other in others) else None


def is_picture(head: bytes) -> bool:
    """Return whether a file that begins with head (16 bytes) may be a picture that is read."""
    return head.startswith(SIGNATURES) or (is_picture_box(head) and not _is_heic(head))


def is_picture_box(data: bytes) -> bool:
    """Return whether data begins as HEIC or AVIF do, which look like MP4 videos at first."""
    return data[4:8] == b"ftyp" and data[8:12] in (*HEIC_BRANDS, *AVIF_BRANDS)


def _damaged(data: bytes) -> str:
    """Return the sentence about a picture that cannot be decoded."""
    return ODD_TIFF if data.startswith(TIFF_SIGNATURES) else "The picture is damaged."


def _unlike(data: bytes, name: str) -> str:
    """Return the sentence about a file of that name that is nothing that is read."""
    if data.startswith(TIFF_SIGNATURES):
        return ODD_TIFF
    ending = name[name.rfind(".") :].lower()
    if ending in (".zip", *VIDEO_NAMES):
        return f"This is no {'ZIP' if ending == '.zip' else 'video'} that can be read."
    return f"This is not a picture: {', '.join(FORMATS)} can be read."


def _is_heic(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS and b"avif" not in data[8:32]


def _decode(opened: Image.Image) -> Picture:
    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise TooLargeError(
            f"The picture has {width:,} x {height:,} pixels; up to {MAX_PIXELS // 1_000_000} million are read."
        )
    # phones append a second view (MPO); to count a long GIF's pictures would take longer than to read one
    several = getattr(opened, "is_animated", False) and opened.format != "MPO"
    small = _as_rgb(opened)
    orientation = _orientation(opened) if opened.format != "TIFF" else 1  # which Pillow turns by itself
    turn = TRANSPOSES.get(orientation)
    size_px = (height, width) if orientation in SIDEWAYS else (width, height)
    image = np.asarray(small.transpose(turn) if turn is not None else small)[..., ::-1].copy()
    return Picture(image, size_px, "The file has several pictures; the first was read." if several else "")


def _orientation(opened: Image.Image) -> int:
    try:
        return int(opened.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # the notes about a picture may be broken where the picture is not
        return 1


def _as_rgb(opened: Image.Image) -> Image.Image:
    """Return it in RGB and no larger than is searched."""
    limit_px = (MAX_SIDE_PX, MAX_SIDE_PX)
    if opened.mode in ("L", "RGB", "CMYK", "YCbCr"):
        opened.thumbnail(limit_px)  # a large JPEG is decoded at about this size to begin with
        return opened.convert("RGB")
    if opened.mode[0] in "IF":
        deep = _eight_bits(opened)
        deep.thumbnail(limit_px)
        return deep.convert("RGB")
    see_through = opened if opened.mode == "RGBA" else opened.convert("RGBA")
    see_through.thumbnail(limit_px)
    white = Image.new("RGBA", see_through.size, "white")
    return Image.alpha_composite(white, see_through).convert("RGB")


def _eight_bits(deep: Image.Image) -> Image.Image:
    """Return a gray picture of 10 to 32 bits in 8: Pillow's own conversion cuts bright pixels off."""
    levels: NDArray[Any] = np.asarray(deep)
    if deep.mode.startswith("I;16") and levels.max() >= PEAK_OF_16_BITS:
        return Image.fromarray((levels >> 8).astype(np.uint8))
    finite = np.nan_to_num(levels.astype(np.float32), posinf=0, neginf=0)
    low, high = float(finite.min()), float(finite.max())
    return Image.fromarray(((finite - low) * (255 / max(high - low, 1e-6))).astype(np.uint8))
