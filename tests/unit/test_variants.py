import threading
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from streaming.latest import Latest
from streaming.variants import Variant, Variants, encode_variant
from tests.fakes.camera import fake_variant
from tests.fakes.images import picture_of, plain_image
from tests.fakes.waiting import PATIENCE_S, until
from vision.frames import AnnotatedFrame
from vision.jpeg import encode_jpeg

SMALL, COARSE = Variant(width_px=320), Variant(quality=40)


class Encoder:
    """Counts what it encodes; fails at pictures that say so."""

    def __init__(self) -> None:
        self.made: list[tuple[int, Variant]] = []

    def __call__(self, picture: AnnotatedFrame, variant: Variant) -> AnnotatedFrame:
        self.made.append((picture.index, variant))
        if picture.jpeg == b"<bad>":
            raise ValueError("this one cannot be encoded")
        return fake_variant(picture, variant)


@pytest.fixture
def original() -> Latest[AnnotatedFrame]:
    return Latest()


@pytest.fixture
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture
def variants(original: Latest[AnnotatedFrame], encoder: Encoder) -> Iterator[Variants]:
    variants = Variants(original, encoder, tick_s=0.04, join_s=PATIENCE_S)
    yield variants
    assert variants.close()
    assert not [thread.name for thread in threading.enumerate() if thread.name == "variants"]


def newest_jpeg(feed: Latest[AnnotatedFrame]) -> bytes:
    newest = feed.newest()
    return newest.jpeg if newest else b""


def test_the_original_is_passed_on_as_it_is(variants: Variants, original: Latest[AnnotatedFrame]) -> None:
    with variants.feed(Variant()) as feed:
        assert feed is original


def test_a_variant_is_made_once_for_all_who_want_it(
    variants: Variants, original: Latest[AnnotatedFrame], encoder: Encoder
) -> None:
    with variants.feed(SMALL) as one, variants.feed(SMALL) as two, variants.feed(COARSE) as three:
        assert one is two
        original.put(picture_of(1, b"<picture>"))
        until(lambda: newest_jpeg(one) == b"<picture> 320 None" and newest_jpeg(three) == b"<picture> None 40")
    assert sorted(encoder.made, key=str) == sorted([(1, SMALL), (1, COARSE)], key=str)


def test_a_variant_of_a_still_picture_is_made_too(variants: Variants, original: Latest[AnnotatedFrame]) -> None:
    original.put(picture_of(1, b"<still>"))
    with variants.feed(SMALL) as first:
        until(lambda: newest_jpeg(first))
        with variants.feed(COARSE) as second:
            until(lambda: newest_jpeg(second) == b"<still> None 40")


def test_what_nobody_wants_is_not_made(
    variants: Variants, original: Latest[AnnotatedFrame], encoder: Encoder
) -> None:
    with variants.feed(SMALL) as left:
        original.put(picture_of(1, b"<picture>"))
        until(lambda: newest_jpeg(left))
    assert left.newest() is None
    with variants.feed(COARSE) as stays:
        original.put(picture_of(2, b"<picture>"))
        until(lambda: (2, COARSE) in encoder.made and newest_jpeg(stays))
    assert (2, SMALL) not in encoder.made


def test_a_variant_that_cannot_be_made_shows_the_original_and_heals(
    variants: Variants, original: Latest[AnnotatedFrame], caplog: pytest.LogCaptureFixture
) -> None:
    with variants.feed(SMALL) as feed:
        for index in range(3):
            original.put(picture_of(index, b"<bad>"))
            until(lambda index=index: (newest := feed.newest()) is not None and newest.index == index)  # type: ignore[misc]
        assert newest_jpeg(feed) == b"<bad>"
        original.put(picture_of(3, b"<good>"))
        until(lambda: newest_jpeg(feed) == b"<good> 320 None")
    assert caplog.text.count("a variant cannot be made") == 1


def test_a_viewer_who_comes_after_the_end_gets_a_feed_that_has_ended(variants: Variants) -> None:
    assert variants.close()
    with variants.feed(SMALL) as feed:
        assert feed.closed


@pytest.mark.parametrize(
    ("variant", "size"),
    [
        (SMALL, (320, 240)),
        (COARSE, (640, 480)),
        (Variant(width_px=640), (640, 480)),
        (Variant(480, 60), (480, 360)),
    ],
)
def test_a_picture_is_scaled_in_proportion_and_never_enlarged(variant: Variant, size: tuple[int, int]) -> None:
    scene = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    full = AnnotatedFrame(1, 0.0, 0.0, encode_jpeg(scene, 80), scene=scene)
    jpeg = encode_variant(full, variant, 80).jpeg
    shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape[1::-1] == size
    assert len(jpeg) <= len(full.jpeg)


def test_a_picture_smaller_than_the_variant_stays_as_it_is() -> None:
    scene = plain_image(height=48, width=64)
    full = AnnotatedFrame(1, 0.0, 0.0, encode_jpeg(scene, 80), scene=scene)
    assert encode_variant(full, SMALL, 80).jpeg == full.jpeg
