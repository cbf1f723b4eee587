"""Files that are cut off, flipped in bits or nonsense: one sentence each, and no picture that is not theirs."""

import io
import time
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pictures

import predict
from settings import Settings
from sources.base import NoNewImage, SourceError
from sources.opener import check_source
from sources.playback import open_path
from sources.video import VideoReader
from tests.fakes.files import zip_of
from tests.fakes.recognition import fake_pipeline, fake_recognizer
from tests.fakes.videos import make_video
from uploads.recognizer import Recognizer
from vision.frames import Image
from vision.jpeg import encode_jpeg
from vision.pipeline import Pipeline

EXAMPLES = settings.default.max_examples if settings.default else 30
few = settings(max_examples=EXAMPLES if EXAMPLES > 100 else 8, deadline=None)
MAX_S = 30.0  # for a file, on a busy machine
SIZE_PX = (128, 96)


def noise(seed: int) -> Image:
    """Return a coarse random image, which compresses well and resembles no other."""
    coarse = np.random.default_rng(seed).integers(40, 230, (12, 16, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((8, 8, 1), dtype=np.uint8))


def pillow(format: str) -> bytes:
    file = io.BytesIO()
    Pictures.fromarray(noise(1)).save(file, format)
    return file.getvalue()


def video(container: str, encoder: str, interlaced: bool = False) -> Callable[[], bytes]:
    images = [noise(seed) for seed in range(1, 7)]
    return lambda: make_video(images, container=container, encoder=encoder, interlaced=interlaced)


KINDS: dict[str, Callable[[], bytes]] = {
    "a.mp4": video("mp4", "libx264"),
    "b.mkv": video("matroska", "libx264", interlaced=True),
    "c.webm": video("webm", "libvpx"),
    "d.avi": video("avi", "mpeg4"),
    "e.mpg": video("mpeg", "mpeg2video", interlaced=True),
    "f.ts": video("mpegts", "mpeg2video"),
    "g.mjpeg": video("mjpeg", "mjpeg"),
    "h.wmv": video("asf", "wmv2"),
    "i.flv": video("flv", "libx264"),
    "j.jpg": lambda: encode_jpeg(noise(1), 90),
    "k.png": lambda: pillow("PNG"),
    "l.webp": lambda: pillow("WEBP"),
    "m.zip": lambda: zip_of(("a.jpg", encode_jpeg(noise(1), 90))),
}


@cache
def whole(name: str) -> bytes:
    return KINDS[name]()


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Return a function that cuts a file off, flips some of its bits, or overwrites a stretch of it."""
    kind = draw(st.sampled_from(["cut", "flip", "overwrite", "both"]))
    places = draw(st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 7)), min_size=1, max_size=20))
    filling = draw(st.binary(min_size=1, max_size=64))

    def apply(data: bytes) -> bytes:
        hurt = bytearray(data)
        if kind in ("flip", "both"):
            for share, bit in places:
                hurt[int(share * len(hurt))] ^= 1 << bit
        if kind == "overwrite":
            at = int(places[0][0] * len(hurt))
            hurt[at : at + len(filling)] = filling
        return bytes(hurt[: int(places[0][0] * len(hurt))] if kind in ("cut", "both") else hurt)

    return apply


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broken")


def make_readers(_: Settings) -> tuple[Recognizer, Callable[[], Pipeline]]:
    return fake_recognizer(), fake_pipeline


def resemblance(image: Image, other: Image) -> float:
    """Return the correlation of two images, 1 for the same; 0 where the sizes differ."""
    if image.shape != other.shape or image.std() == 0:
        return 0.0
    return float(np.corrcoef(image.ravel(), other.ravel())[0, 1])


def check_sentence(error: Exception) -> None:
    assert 5 < len(str(error)) < 300
    assert "\n" not in str(error)


def unwritten(image: Image) -> float:
    """Return the share of pixels of the green that zeros are in most videos."""
    blue, green, red = (image[..., channel].astype(int) for channel in range(3))
    return float(((blue < 4) & (abs(green - 135) < 4) & (red < 4)).mean())


@pytest.mark.parametrize("name", KINDS)
@few
@given(hurt=damage())
def test_a_damaged_file_is_read_or_named_and_leaves_the_next_one_alone(
    name: str, folder: Path, hurt: Callable[[bytes], bytes]
) -> None:
    path, good = folder / name, folder / "z.jpg"
    path.write_bytes(hurt(whole(name)))
    good.write_bytes(encode_jpeg(noise(3), 90))
    began_s = time.monotonic()
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        assert predict.main([str(path), str(good)], make_readers=make_readers) == 0
    assert time.monotonic() - began_s < MAX_S
    lines = [line for line in (out.getvalue() + err.getvalue()).splitlines() if line]
    assert f"{good}: happy 70%" in lines or f"{good}: no face" in lines
    assert len(lines) >= 2
    assert all(line.startswith(str(folder)) or name == "m.zip" for line in lines), lines


@pytest.mark.parametrize("name", KINDS)
@few
@given(hurt=damage())
def test_a_damaged_file_as_a_source_gives_pictures_or_one_error(
    name: str, folder: Path, hurt: Callable[[bytes], bytes]
) -> None:
    path = folder / name
    path.write_bytes(hurt(whole(name)))
    try:
        check_source(str(path))
        with closing(open_path(path)) as source:
            for _ in range(10):
                assert source.read().ndim == 3
    except (SourceError, NoNewImage) as error:
        check_sentence(error)


@pytest.mark.parametrize("name", [name for name in KINDS if name < "j"])
@few
@given(hurt=damage())
def test_a_damaged_video_shows_no_memory(name: str, hurt: Callable[[bytes], bytes]) -> None:
    stranger = noise(99)
    other = make_video([stranger] * 3)
    with closing(VideoReader(io.BytesIO(other))) as reader:
        first = reader.read()
        assert first is not None
        assert resemblance(first.image, stranger) > 0.9
    file = io.BytesIO(hurt(whole(name)))
    try:
        reader = VideoReader(file, format="mjpeg" if name == "g.mjpeg" else None)
    except SourceError:
        return
    with closing(reader):
        last_s = -1.0
        while (timed := reader.read()) is not None:
            assert timed.t_s > last_s
            last_s = timed.t_s
            assert resemblance(timed.image, stranger) < 0.5
            assert unwritten(timed.image) < 0.05


@few
@given(head=st.sampled_from([b"", *(kind()[:40] for kind in KINDS.values())]), tail=st.binary(max_size=4000))
def test_nonsense_is_named(folder: Path, head: bytes, tail: bytes) -> None:
    path = folder / "n.mp4"
    path.write_bytes(head + tail)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        assert predict.main([str(path)], make_readers=make_readers) in (0, 1)
    try:
        check_source(str(path))
    except SourceError as error:
        check_sentence(error)
