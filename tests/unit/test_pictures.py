"""From bytes to pictures, whatever the bytes are."""

import contextlib
import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from tests.fakes.files import black_png
from vision.pictures import (
    MAX_SIDE_PX,
    PictureError,
    TooLargeError,
    UnknownFormatError,
    read_picture,
)

HALVES = np.zeros((40, 60), np.uint8)  # dark on the left, bright on the right
HALVES[:, 30:] = 200


def encode(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def halves(mode: str) -> Image.Image:
    return Image.fromarray(HALVES).convert(mode)


JPEG = encode(halves("RGB"), "JPEG", quality=90)
READABLE: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: JPEG,
    "progressive JPEG": lambda: encode(halves("RGB"), "JPEG", progressive=True),
    "gray JPEG": lambda: encode(halves("L"), "JPEG"),
    "CMYK JPEG": lambda: encode(halves("CMYK"), "JPEG", quality=95),
    "PNG": lambda: encode(halves("RGB"), "PNG"),
    "alpha PNG": lambda: encode(halves("RGBA"), "PNG"),
    "gray alpha PNG": lambda: encode(halves("LA"), "PNG"),
    "palette PNG": lambda: encode(halves("P"), "PNG"),
    "16-bit PNG": lambda: encode(Image.fromarray(HALVES.astype(np.uint16) * 257), "PNG"),
    "GIF": lambda: encode(halves("P"), "GIF"),
    "WebP": lambda: encode(halves("RGB"), "WEBP", lossless=True),
    "BMP": lambda: encode(halves("RGB"), "BMP"),
    "TIFF": lambda: encode(halves("L"), "TIFF"),
    "float TIFF": lambda: encode(Image.fromarray(HALVES.astype(np.float32) / 200 * 0.78), "TIFF"),
    "AVIF": lambda: encode(halves("RGB"), "AVIF"),
}


@pytest.mark.parametrize("kind", READABLE)
def test_every_kind_of_picture_becomes_the_same_bgr_array(kind: str) -> None:
    picture = read_picture(READABLE[kind]())
    assert picture.image.shape == (40, 60, 3)
    assert picture.image.dtype == np.uint8
    assert picture.size_px == (60, 40)
    assert picture.image[:, :25].max() < 12
    bright = 255 if kind == "float TIFF" else 200  # such a picture does not say what is white
    assert np.abs(picture.image[:, 35:].astype(int) - bright).max() < 12
    assert picture.note == ""


def test_colours_come_in_opencvs_order() -> None:
    red = read_picture(encode(Image.new("RGB", (8, 8), "#c81e0a"), "PNG")).image
    assert red[0, 0].tolist() == [10, 30, 200]


def test_what_is_transparent_becomes_white() -> None:
    see_through = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert read_picture(encode(see_through, "PNG")).image.min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG"])
def test_a_picture_stands_upright_however_the_camera_was_held(orientation: int, kind: str) -> None:
    upright = Image.fromarray(np.dstack((HALVES, np.zeros_like(HALVES), HALVES.T.repeat(2, 1)[:40, :60])))
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(turns[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    picture = read_picture(encode(stored, kind, exif=exif, **options))
    assert picture.size_px == (60, 40)
    wanted = np.asarray(upright)[..., ::-1].astype(int)
    assert np.abs(picture.image - wanted).mean() < 8


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_broken_exif_block_does_not_lose_the_picture() -> None:
    exif = b"Exif\x00\x00II*\x00\xff\xff\xff\xff"
    assert read_picture(encode(halves("RGB"), "JPEG", exif=exif)).size_px == (60, 40)


def test_a_large_picture_is_made_smaller_and_remembers_its_size() -> None:
    picture = read_picture(encode(Image.new("RGB", (4000, 1000), "gray"), "JPEG"))
    assert picture.image.shape == (400, MAX_SIDE_PX, 3)
    assert picture.size_px == (4000, 1000)
    assert picture.scale == 2.5


def test_of_an_animation_the_first_picture_is_read_and_that_is_said() -> None:
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "green", "blue")]
    data = encode(halves("RGB"), "GIF", save_all=True, append_images=frames)
    picture = read_picture(data)
    assert picture.size_px == (60, 40)
    assert picture.note == "The file has several pictures; the first was read."


def test_a_tiny_file_of_a_huge_picture_is_refused_before_it_is_decoded() -> None:
    data = black_png(30_000, 30_000)
    assert len(data) < 200_000
    with pytest.raises(TooLargeError, match="million"):
        read_picture(data)


def test_a_picture_over_our_limit_and_under_pillows_is_refused_with_its_size() -> None:
    with pytest.raises(TooLargeError, match=r"8,000 x 7,000 pixels; up to 50 million are read\."):
        read_picture(black_png(8000, 7000))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (b"<!doctype html><html><script>alert(1)</script>", "This is not a picture"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(100), "HEIC pictures cannot be read"),
        (b"PK\x03\x04" + bytes(60), "This is not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "This is not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "This is not a picture"),
    ],
    ids=["empty", "HTML", "HEIC", "ZIP", "SVG", "PostScript"],
)
def test_what_is_no_picture_is_refused_in_one_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(UnknownFormatError, match=sentence):
        read_picture(data)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_gray_pictures_of_few_bits_in_sixteen_are_stretched_and_those_of_sixteen_are_not(bits: int) -> None:
    levels = np.where(HALVES > 0, (1 << bits) - 1, 0).astype(np.uint16)
    for kind in ("PNG", "TIFF"):
        image = read_picture(encode(Image.fromarray(levels), kind)).image
        assert (image.min(), image.max()) == (0, 255)
    half = read_picture(encode(Image.fromarray(levels // 2), "PNG")).image
    assert half.max() == (127 if bits == 16 else 255)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}], ids=str)
@pytest.mark.parametrize("content", ["noise", "plain"])
def test_a_jpeg_without_its_last_two_bytes_is_read_and_one_that_lacks_more_is_cut_off(
    options: dict[str, Any], content: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    plain = np.full_like(noise, 100)
    plain[20:40, 20:60] = 200
    data = encode(Image.fromarray(noise if content == "noise" else plain), "JPEG", **options)
    whole = read_picture(data).image
    for lacking in (1, 2):
        assert np.array_equal(read_picture(data[:-lacking]).image, whole)
    for lacking in (6, 10, 12, 13, 16, 20, 23, 24, 33, 60):
        with pytest.raises(PictureError, match="cut off"):
            read_picture(data[:-lacking])


def test_a_kind_of_tiff_that_is_not_read_is_said_to_be_that() -> None:
    depth = cv2.imencode(".tif", np.zeros((8, 8), np.float64))[1].tobytes()
    raw = b"II*\0\x08\0\0\0CR\2\0" + bytes(200)
    for data in (depth, raw, b"MM\0+" + bytes(60)):
        with pytest.raises(PictureError, match=r"^This kind of TIFF cannot be read, or the file is damaged"):
            read_picture(data, "x.tif")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_jpeg_says_that_it_is_cut_off(share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), "JPEG")
    with pytest.raises(PictureError, match=r"cut off|damaged"):
        read_picture(data[: int(len(data) * share)])


@given(st.binary(max_size=300))
@example(b"\xff\xd8\xff")
@example(b"GIF89a\xff\xff\xff\xff")
@example(b"BM" + b"\xff" * 60)
def test_random_bytes_give_a_sentence_and_no_other_error(data: bytes) -> None:
    with pytest.raises(PictureError) as refused:
        read_picture(data)
    assert str(refused.value).endswith(".")


@given(
    st.sampled_from([READABLE[kind]() for kind in ("JPEG", "progressive JPEG", "palette PNG", "GIF", "TIFF")]),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 2000),
)
def test_a_damaged_picture_is_read_or_refused_in_one_sentence(
    data: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    with contextlib.suppress(PictureError):
        picture = read_picture(bytes(damaged[: len(damaged) - cut % 200]))
        assert max(picture.image.shape[:2]) <= MAX_SIDE_PX
