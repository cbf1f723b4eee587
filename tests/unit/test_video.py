"""Videos as they are: interlaced, of any rate, turned, with wide pixels, cut off, in every container."""

import io
import threading
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from sources.base import SourceError
from sources.playback import VideoSource, open_path, open_url
from sources.video import MAX_GAP_S, FrameClock, TimedImage, VideoReader, square_pixels
from tests.fakes.images import bright_image, plain_image
from tests.fakes.videos import gray_steps, make_sound, make_video, number_of
from tests.fakes.waiting import PATIENCE_S
from vision.frames import Image
from vision.jpeg import encode_jpeg

COUNT = 12
STEPS = gray_steps(COUNT)
UNEVEN_S = [0, 0.04, 0.08, 0.5, 1, 2, 3, 3.03, 3.06, 5, 9, 9.5]


def read(data: bytes, **options: Any) -> tuple[list[TimedImage], str]:
    """Return a video's images, and the sentence about its damage."""
    reader = VideoReader(io.BytesIO(data), **options)
    timed = []
    while (image := reader.read()) is not None:
        timed.append(image)
    reader.close()
    return timed, reader.damage()


def numbers(timed: list[TimedImage]) -> list[int]:
    return [number_of(it.image) for it in timed]


@pytest.mark.parametrize(
    ("container", "encoder"),
    [
        *(("mp4", "libx264"), ("mov", "mjpeg"), ("matroska", "libx264"), ("webm", "libvpx"), ("avi", "mpeg4")),
        *(
            ("avi", "mjpeg"),
            ("mpegts", "mpeg2video"),
            ("mpeg", "mpeg2video"),
            ("asf", "msmpeg4v3"),
            ("nut", "mpeg4"),
        ),
        *(
            ("flv", "libx264"),
            ("mxf", "mpeg2video"),
            ("mjpeg", "mjpeg"),
            ("h264", "libx264"),
            ("3gp", "libx264"),
        ),
    ],
)
def test_every_frame_of_every_container_is_read_at_its_time(container: str, encoder: str) -> None:
    timed, damage = read(make_video(STEPS, container=container, encoder=encoder))
    assert numbers(timed) == list(range(COUNT))
    assert [it.t_s for it in timed] == pytest.approx([number / 25 for number in range(COUNT)], abs=0.001)
    assert damage == ""


@pytest.mark.parametrize(
    ("container", "encoder"), [("mpeg", "mpeg2video"), ("mp4", "libx264"), ("mpegts", "libx264")]
)
def test_an_interlaced_video_is_read_whole_and_every_picture_is_its_own(container: str, encoder: str) -> None:
    before, _ = read(make_video([bright_image(480, 640)] * 3))  # whose memory must not be shown
    data = make_video(gray_steps(COUNT, (640, 480)), container=container, encoder=encoder, interlaced=True)
    with av.open(io.BytesIO(data), "r") as raw:
        assert all(frame.interlaced_frame for frame in raw.decode(video=0))
    timed, damage = read(data)
    assert len(before) == 3
    assert numbers(timed) == list(range(COUNT))
    assert [it.t_s for it in timed] == pytest.approx([number / 25 for number in range(COUNT)], abs=0.001)
    assert damage == ""


def moving_bar(number: int) -> Image:
    """Return a frame of two fields, between which a bar has moved on by 16 px."""
    image = plain_image(60, 480, 640)
    for parity in (0, 1):
        left = 40 + 32 * number + 16 * parity
        image[parity::2, left : left + 80] = 220
    return image


def test_lines_of_two_moments_are_not_shown_as_combs() -> None:
    data = make_video(
        [moving_bar(number) for number in range(8)], container="mpeg", encoder="mpeg2video", interlaced=True
    )
    timed, _ = read(data)

    def comb(image: Image) -> float:
        """Return how much a row differs from the mean of those around it, on average."""
        rows = image[..., 1].astype(float)
        return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2)[:, 40:400].mean())

    assert comb(moving_bar(3)) > 5
    assert max(comb(it.image) for it in timed[1:-1]) < 1.5


@pytest.mark.parametrize(
    ("container", "encoder"), [("mp4", "libx264"), ("matroska", "libx264"), ("webm", "libvpx")]
)
def test_the_times_are_those_of_the_container(container: str, encoder: str) -> None:
    timed, damage = read(make_video(STEPS, container=container, encoder=encoder, times_s=UNEVEN_S))
    assert numbers(timed) == list(range(COUNT))
    assert [it.t_s for it in timed] == pytest.approx(UNEVEN_S, abs=0.002)
    assert damage == ""


def test_a_webm_as_browsers_record_it_has_no_length_and_is_whole() -> None:
    data = make_video(STEPS, container="webm", encoder="libvpx", times_s=UNEVEN_S, options={"live": "1"})
    reader = VideoReader(io.BytesIO(data))
    assert reader.length_s == 0
    timed, damage = read(data)
    assert [it.t_s for it in timed] == pytest.approx(UNEVEN_S, abs=0.002)
    assert damage == ""


def test_a_time_lapse_lasts_as_long_as_it_says() -> None:
    timed, _ = read(make_video(STEPS[:4], fps=0.5))
    assert [it.t_s for it in timed] == [0, 2, 4, 6]
    assert timed[-1].duration_s == 2


def test_pixels_that_are_not_square_are_put_right() -> None:
    ball = np.full((96, 64, 3), 40, dtype=np.uint8)
    ball[24:72, 20:44] = 220  # twice as high as wide
    [wide, *_], _ = read(make_video([ball] * 3, pixel=Fraction(2)))
    assert wide.image.shape == (96, 128, 3)
    rows, columns = (np.flatnonzero((wide.image[..., 1] > 130).any(axis=axis)) for axis in (1, 0))
    assert len(rows) == pytest.approx(len(columns), abs=2)


@pytest.mark.parametrize(
    ("ratio", "size_px"),
    [
        (None, (720, 576)),
        (Fraction(16, 15), (768, 576)),
        (Fraction(8, 9), (720, 648)),
        (Fraction(1, 99), (720, 576)),
    ],
)
def test_no_detail_is_lost_where_pixels_become_square(ratio: Fraction | None, size_px: tuple[int, int]) -> None:
    assert square_pixels(720, 576, ratio) == size_px


@pytest.mark.parametrize(("turned_deg", "corner"), [(0, (0, 0)), (90, (1, 0)), (180, (1, 1)), (-90, (0, 1))])
def test_a_video_that_a_phone_has_turned_is_upright(turned_deg: float, corner: tuple[int, int]) -> None:
    marked = plain_image(40, 48, 64)
    marked[:16, :16] = 220  # the upper left
    [first, *_], _ = read(make_video([marked] * 3, turned_deg=turned_deg))
    image = first.image
    assert image.shape[:2] == ((48, 64) if turned_deg in (0, 180) else (64, 48))
    row, column = (-8 if far else 8 for far in corner)
    assert image[row, column].mean() > 180


@pytest.mark.parametrize("container", ["mp4", "matroska", "flv"])
def test_a_video_that_is_cut_off_says_so_and_is_read_as_far_as_it_goes(container: str) -> None:
    noisy = [np.random.default_rng(n).integers(0, 255, (96, 128, 3), dtype=np.uint8) for n in range(50)]
    whole = make_video(
        noisy, container=container, options={"movflags": "faststart"} if container == "mp4" else {}
    )
    timed, damage = read(whole[: len(whole) * 6 // 10])
    assert 20 < len(timed) < 40
    assert damage == f"The video is cut off or damaged: {len(timed)} of about 50 frames could be read."


def test_after_damage_the_rest_is_read_at_its_times() -> None:
    noisy = [np.random.default_rng(n).integers(0, 255, (96, 128, 3), dtype=np.uint8) for n in range(50)]
    hurt = bytearray(make_video(noisy, container="mp4"))
    middle = len(hurt) // 2
    hurt[middle : middle + 9000] = bytes(9000)
    timed, damage = read(bytes(hurt))
    assert 30 < len(timed) < 50
    assert timed[-1].t_s == pytest.approx(49 / 25)
    assert damage == f"The video is damaged: {len(timed)} of about 50 frames could be read."


def test_a_picture_of_a_dump_that_is_cut_off_is_left_out_and_not_filled_with_memory() -> None:
    noisy = [np.random.default_rng(n).integers(0, 255, (96, 128, 3), dtype=np.uint8) for n in range(3)]
    pictures = [encode_jpeg(image, 80) for image in noisy]
    timed, damage = read(pictures[0] + pictures[1] + pictures[2][: len(pictures[2]) // 2], format="mjpeg")
    assert len(timed) == 2
    assert damage == "The video is damaged: 2 of about 3 frames could be read."


def test_what_a_decoder_leaves_unwritten_is_left_out() -> None:
    noisy = [np.random.default_rng(n).integers(60, 255, (96, 128, 3), dtype=np.uint8) for n in range(20)]
    whole = make_video(noisy, container="webm", encoder="libvpx")
    green = 0
    for seed in range(20):
        hurt = bytearray(whole)
        at = int(np.random.default_rng(seed).integers(len(hurt) // 8, len(hurt) - 60))
        hurt[at : at + 50] = np.random.default_rng(seed).bytes(50)
        for it in read(bytes(hurt))[0]:
            blue, level, red = (it.image[..., channel].astype(int) for channel in range(3))
            green += float(((blue < 6) & (abs(level - 135) < 8) & (red < 6)).mean()) > 0.02
    assert green == 0


@pytest.mark.parametrize(
    ("container", "encoder"), [("mp4", "aac"), ("mp3", "libmp3lame"), ("matroska", "aac")], ids=lambda it: it
)
def test_sound_is_no_video(container: str, encoder: str) -> None:
    with pytest.raises(SourceError, match="has sound but no video"):
        VideoReader(io.BytesIO(make_sound(container, encoder)))


@pytest.mark.parametrize(("container", "encoder"), [("mp4", "aac"), ("mp3", "libmp3lame")])
def test_the_cover_of_a_sound_is_no_video(container: str, encoder: str) -> None:
    with pytest.raises(SourceError, match="has sound but no video"):
        VideoReader(io.BytesIO(make_sound(container, encoder, cover=encode_jpeg(STEPS[0], 90))))


PLAYLISTS = (
    b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:%s\n#EXT-X-ENDLIST\n",
    b"ffconcat version 1.0\nfile '%s'\n",
)


@pytest.mark.parametrize("playlist", PLAYLISTS, ids=["HLS", "concat"])
def test_an_open_file_leads_to_no_other_file(tmp_path: Path, playlist: bytes) -> None:
    (tmp_path / "secret.ts").write_bytes(make_video(STEPS, container="mpegts"))
    with pytest.raises(SourceError, match="is not a video that can be read"):
        VideoReader(io.BytesIO(playlist % str(tmp_path / "secret.ts").encode()))


@pytest.mark.parametrize("name", ["http:clip.mp4", "concat:a|b.mp4", "rtsp:x.mp4", "pipe:0.mp4", "-i.mp4"])
def test_a_file_whose_name_looks_like_a_protocol_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_bytes(make_video(STEPS))
    monkeypatch.chdir(tmp_path)
    source = open_path(Path(name))
    assert [number_of(source.read()) for _ in range(3)] == [0, 1, 2]
    source.close()


def test_a_source_is_as_long_as_its_video_in_every_repetition(tmp_path: Path) -> None:
    times_s = [0, 0.1, 0.5, 0.6]
    (tmp_path / "clip.mp4").write_bytes(make_video(STEPS[:4], times_s=times_s))
    source = open_path(tmp_path / "clip.mp4")
    assert isinstance(source, VideoSource)
    gaps_s = []
    for _ in range(9):
        source.read()
        gaps_s.append(source.gap_s)
    source.close()
    last_s = gaps_s[4]
    assert 0 < last_s < 0.2
    assert gaps_s == pytest.approx([0, 0.1, 0.4, 0.1, last_s, 0.1, 0.4, 0.1, last_s], abs=0.002)


def test_another_thread_may_close_a_reader_at_any_time(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(make_video(gray_steps(200, (320, 240))))
    for delay_s in (0.0, 0.005, 0.02, 0.05):
        reader = VideoReader(f"file:{tmp_path / 'clip.mp4'}")
        images: list[TimedImage] = []

        def read_all(reader: VideoReader = reader, images: list[TimedImage] = images) -> None:
            while (image := reader.read()) is not None:
                images.append(image)

        thread = threading.Thread(target=read_all)
        thread.start()
        time.sleep(delay_s)
        reader.close()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
        assert reader.read() is None


def test_nothing_reaches_the_terminal_and_the_reason_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="cam refuses the connection"):
        open_url("rtsp://127.0.0.1:9/live", "cam")
    hurt = bytearray(make_video(STEPS))
    hurt[-400:] = bytes(400)
    read(bytes(hurt))
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_times_always_grow_whatever_the_container_says() -> None:
    clock = FrameClock(0.04)
    stamps_s = [5.0, 5.04, None, 5.12, 5.10, 5.2, 9e9, 9e9 + 0.04, 1.0, 1.5]
    times_s = [clock.time_s(stamp_s) for stamp_s in stamps_s]
    assert times_s[:4] == pytest.approx([0, 0.04, 0.08, 0.12])
    assert times_s[4] == pytest.approx(0.121)
    assert times_s[5:] == pytest.approx([0.2, 0.24, 0.28, 0.32, 0.82], abs=1e-6)
    assert all(later > earlier for earlier, later in pairwise(times_s))
    assert clock.duration_s(2 * MAX_GAP_S) == 0.04
