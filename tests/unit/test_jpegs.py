"""JPEGs are cut out of a stream by their own marks, whatever stands between them."""

from collections.abc import Iterable

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sources.jpegs import START, JpegSplitter
from tests.fakes.http_camera import numbered_jpeg
from tests.fakes.images import plain_image
from vision.jpeg import decode_jpeg, encode_jpeg, jpeg_size

NOISE = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)


def noisy(*options: int) -> bytes:
    return cv2.imencode(".jpg", NOISE, options)[1].tobytes()


def with_segment(jpeg: bytes, content: bytes) -> bytes:
    """Return a JPEG with an APP1 segment, as cameras put EXIF and a thumbnail there."""
    return jpeg[:2] + b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content + jpeg[2:]


PLAIN = noisy()
KINDS = {
    "plain": PLAIN,
    "progressive": noisy(cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restart marks": noisy(cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    "gray": encode_jpeg(NOISE[..., 0], 90),
    "a thumbnail in it": with_segment(PLAIN, b"Exif\0\0" + numbered_jpeg(3)),
    "fill bytes": PLAIN[:2] + b"\xff\xff" + PLAIN[2:],
}
BOUNDARY = b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n"
BETWEEN = st.sampled_from([b"", BOUNDARY, b"\0" * 500, b"\xff", b"\xff\xd9"])


def cut(stream: bytes, sizes: Iterable[int], max_bytes: int = 1 << 20) -> list[bytes]:
    """Return the JPEGs of a stream that comes in pieces of these sizes, and the rest at once."""
    splitter, at, jpegs = JpegSplitter(max_bytes), 0, []
    for size in sizes:
        jpegs += splitter.feed(stream[at : at + size])
        at += size
        assert splitter.held_bytes <= max_bytes + size
    return jpegs + splitter.feed(stream[at:])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_jpeg_is_cut_out_whole_as_soon_as_its_last_byte_is_there(kind: str) -> None:
    splitter = JpegSplitter()
    for _ in range(2):
        assert splitter.feed(b"\r\n--frame\r\n\r\n" + KINDS[kind][:-1]) == []
        assert splitter.feed(KINDS[kind][-1:]) == [KINDS[kind]]
        assert not splitter.is_inside


@given(
    st.lists(st.tuples(BETWEEN, st.sampled_from(sorted(KINDS))), min_size=1, max_size=4),
    st.lists(st.integers(1, 3000), max_size=20),
)
@example([(b"", kind) for kind in KINDS], [1] * 9000)
def test_any_chunking_gives_the_same_pictures(parts: list[tuple[bytes, str]], sizes: list[int]) -> None:
    jpegs = [KINDS[kind] for _, kind in parts]
    stream = b"".join(between + jpeg for (between, _), jpeg in zip(parts, jpegs, strict=True))
    assert cut(stream, sizes) == jpegs


@given(
    st.lists(
        st.binary(max_size=60) | st.sampled_from([START, b"\xff\xda\0\3\0", b"\xff\xd9", PLAIN]), max_size=12
    ),
    st.lists(st.integers(1, 500), max_size=30),
    st.integers(10, 400) | st.just(5000),
)
def test_random_bytes_give_the_same_in_any_chunking_and_never_hold_more_than_the_limit(
    parts: list[bytes], sizes: list[int], max_bytes: int
) -> None:
    stream = b"".join(parts)
    jpegs = cut(stream, sizes, max_bytes)
    assert jpegs == cut(stream, [1] * len(stream), max_bytes) == cut(stream, [], max_bytes)
    for jpeg in jpegs:
        assert len(jpeg) <= max_bytes
        assert jpeg.startswith(START)
        assert jpeg.endswith(b"\xff\xd9")


@given(st.integers(3, len(PLAIN) - 1))
def test_a_picture_that_is_cut_off_is_left_out_and_those_after_it_come(length: int) -> None:
    good = [numbered_jpeg(n) for n in range(10)]
    jpegs = cut(PLAIN[:length] + BOUNDARY + BOUNDARY.join(good), [])
    assert len(jpegs) >= 5  # cut in its head, it takes some of what follows for its own, 64 KB at most
    assert jpegs == good[-len(jpegs) :]


def test_a_picture_over_the_limit_is_left_out() -> None:
    small = numbered_jpeg(1)
    assert cut(small + PLAIN + small, [100] * 100, len(PLAIN) - 1) == [small, small]
    assert cut(small + PLAIN + small, [100] * 100, len(PLAIN)) == [small, PLAIN, small]


@pytest.mark.parametrize("kind", KINDS)
def test_a_jpegs_size_is_read_without_decoding_it(kind: str) -> None:
    assert jpeg_size(KINDS[kind]) == (56, 40)
    image = decode_jpeg(KINDS[kind])
    assert image is not None
    assert image.shape == (40, 56, 3)


def test_a_small_file_of_a_huge_picture_is_not_decoded() -> None:
    at = PLAIN.index(b"\xff\xc0") + 5
    huge = PLAIN[:at] + b"\x1f\x40\x1f\x40" + PLAIN[at + 4 :]  # which OpenCV would decode into 192 MB
    assert jpeg_size(huge) == (8000, 8000)
    assert decode_jpeg(huge) is None


@given(st.binary(max_size=100))
@example(START + b"\xff" * 50)
@example(b"\xff\xd8\xff\xc0\0\x11")
def test_random_bytes_have_no_size_or_one_and_are_decoded_or_not(data: bytes) -> None:
    for jpeg in (data, START + data, encode_jpeg(plain_image(), 90)[:40] + data):
        size_px = jpeg_size(jpeg)
        assert size_px is None or min(size_px) >= 0
        assert size_px or decode_jpeg(jpeg) is None
