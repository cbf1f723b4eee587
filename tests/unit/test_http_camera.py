"""Cameras that send JPEGs over HTTP, with the habits that they have."""

import io
import itertools
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from camera import Camera, CameraWaits
from sources.base import NoNewImage, Source, SourceError, frames
from sources.http import HttpClient
from sources.http_camera import Body, JpegStreamSource, StillSource, open_http_camera
from sources.opener import SourceOpener, source_name
from tests.fakes.camera import FakeSource, fake_process, watch
from tests.fakes.http_camera import (
    MIXED,
    FakeHttpCamera,
    Reply,
    answer,
    http_camera,
    number_of,
    numbered_image,
    numbered_jpeg,
    stream,
)
from tests.fakes.images import plain_image
from tests.fakes.waiting import PATIENCE_S
from vision.frames import Frame

SIX = [numbered_jpeg(number) for number in range(6)]


@pytest.fixture
def camera() -> Iterator[FakeHttpCamera]:
    with http_camera() as made:
        yield made


def open_camera(camera: FakeHttpCamera, reply: Callable[[str], Reply], login: str = "") -> Source:
    """Return the source of a camera that answers so."""
    camera.replies["/video"] = reply
    source = open_http_camera(camera.url("/video", login), "the camera")
    assert source is not None
    return source


def shown(source: Source, count: int) -> list[int]:
    """Return the numbers of the next images."""
    return [number_of(source.read()) for _ in range(count)]


STREAMS: dict[str, dict[str, Any]] = {
    "as they should be": {},
    "without a boundary before the first part": {"first": False},
    "with another boundary than is said": {"content_type": "multipart/x-mixed-replace; boundary=other"},
    "with dashes in the boundary": {"content_type": "multipart/x-mixed-replace; boundary=--frame"},
    "with a boundary in quotes": {"content_type": 'multipart/x-mixed-replace; boundary="frame"'},
    "with no boundary": {"content_type": "multipart/x-mixed-replace"},
    "as another multipart": {"content_type": "multipart/mixed; boundary=frame"},
    "without a type": {"content_type": ""},
    "without a type and a boundary": {"content_type": "", "first": False},
    "as bytes of no type": {"content_type": "application/octet-stream"},
    "as a page": {"content_type": "text/html"},
    "with parts of a wrong type": {"part_head": "Content-type: image/jpg"},
    "with parts of a shouted type": {"part_head": "CONTENT-TYPE: IMAGE/JPEG"},
    "with parts without a head": {"part_head": ""},
    "with line feeds alone": {"newline": "\n"},
    "with blank lines before boundaries": {"boundary": "\r\n\r\n--frame"},
    "in chunks": {"chunked": True},
    "in small pieces": {"piece_bytes": 7},
    "in small chunks": {"piece_bytes": 100, "chunked": True},
    "as bare JPEGs": {"boundary": "", "part_head": "", "newline": "", "content_type": "video/x-motion-jpeg"},
}


@pytest.mark.parametrize("habit", STREAMS)
def test_a_stream_is_shown(camera: FakeHttpCamera, habit: str) -> None:
    options = {"pause_s": 0.03, "stays": True} | STREAMS[habit]
    with closing(open_camera(camera, lambda _: stream(SIX, **options))) as source:
        numbers = shown(source, 3)
        assert numbers == sorted(set(numbers))
        assert numbers[-1] <= 5


@pytest.mark.parametrize("junk", [b"\0" * 500, b"\xff\xd9", b"x" * 100_000], ids=["zeros", "an end", "much"])
def test_what_stands_between_pictures_is_left_out(camera: FakeHttpCamera, junk: bytes) -> None:
    jpegs = [jpeg + junk for jpeg in SIX]
    with closing(open_camera(camera, lambda _: stream(jpegs, pause_s=0.03, stays=True))) as source:
        assert shown(source, 3)[0] in (0, 1)


def test_a_picture_that_is_cut_off_or_damaged_is_not_shown(camera: FakeHttpCamera) -> None:
    noise = numbered_jpeg(9, 480, 640)
    jpegs = [noise[: len(noise) // 2], SIX[1], noise[:-2], SIX[2], b"\xff\xd8\xff\xd9", SIX[3], SIX[4]]
    with closing(open_camera(camera, lambda _: stream(jpegs, pause_s=0.05, stays=True))) as source:
        assert shown(source, 4) == [1, 2, 3, 4]


def test_pictures_of_other_sizes_and_in_gray_are_shown(camera: FakeHttpCamera) -> None:
    buffer = io.BytesIO()
    PillowImage.fromarray(numbered_image(3)[..., 0]).save(buffer, "JPEG", progressive=True, quality=95)
    jpegs = [SIX[0], numbered_jpeg(1, 240, 320), buffer.getvalue(), SIX[4]]
    with closing(open_camera(camera, lambda _: stream(jpegs, pause_s=0.05, stays=True))) as source:
        shapes = [source.read().shape for _ in range(4)]
    assert shapes == [(48, 64, 3), (240, 320, 3), (48, 64, 3), (48, 64, 3)]


def test_a_viewer_who_was_late_sees_the_newest_picture(camera: FakeHttpCamera) -> None:
    large = [numbered_jpeg(number, 800, 1200) for number in range(7)]
    assert 70_000 < sum(map(len, large)) < 110_000  # more than a small buffer holds, less than the system's
    with closing(open_camera(camera, lambda _: stream(large, stays=True))) as source:
        time.sleep(0.3)
        assert shown(source, 1) == [6]


def test_a_picture_has_the_time_at_which_it_began_to_come(camera: FakeHttpCamera) -> None:
    def slow(_: str) -> Reply:
        yield from stream([], MIXED)
        for jpeg in SIX[:2]:
            yield jpeg[:100]
            yield 0.3
            yield jpeg[100:]

    with closing(open_camera(camera, slow)) as source:
        for _ in range(2):
            frame = next(frames(source))
            assert isinstance(frame, Frame)
            assert 0.25 < time.monotonic() - frame.captured_s < 1


def test_a_stream_that_ends_after_some_pictures_is_asked_for_again(camera: FakeHttpCamera) -> None:
    numbers = itertools.count()
    with closing(open_camera(camera, lambda _: stream([SIX[next(numbers) % 6]]))) as source:
        began_s = time.monotonic()
        assert shown(source, 4) == [0, 1, 2, 3]
        assert time.monotonic() - began_s > 0.9  # and not as often as the camera can


def test_a_stream_that_stops_is_a_sentence(camera: FakeHttpCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.http.SILENCE_S", 0.3)
    with closing(open_camera(camera, lambda _: stream(SIX[:2], pause_s=0.05, stays=True))) as source:
        assert shown(source, 2) == [0, 1]
        with pytest.raises(SourceError, match=r"^the camera has sent nothing for 15 s$"):
            source.read()


def test_a_busy_camera_is_opened_again_until_it_answers(camera: FakeHttpCamera) -> None:
    answers = itertools.chain([503, 503], itertools.repeat(200))

    def reply(_: str) -> Reply:
        status = next(answers)
        return answer(status) if status == 503 else stream(itertools.cycle(SIX), pause_s=0.02)

    camera.replies["/video"] = reply
    url = camera.url("/video")
    opener = SourceOpener(url, (640, 480), lambda: FakeSource([plain_image()]))
    waits = CameraWaits(tick_s=0.02, min_pause_s=0.02, max_pause_s=0.02, join_s=PATIENCE_S)
    live = Camera(source_name(url), opener, fake_process, idle_s=0, stall_s=5, waits=waits)
    problems = [shown.problem for shown, _ in zip(watch(live, 0.02), range(60), strict=False)]
    live.close()
    assert problems[0] == f"http://127.0.0.1:{camera.port} answers 503 Service Unavailable"
    assert problems[-1] == ""
    assert live.state().source == f"http://127.0.0.1:{camera.port}"


def test_a_stream_without_a_picture_gives_no_more_frames(camera: FakeHttpCamera) -> None:
    for jpegs in ([], [b"hello"], [SIX[0][:-2]]):
        with (
            closing(open_camera(camera, partial(one_stream, jpegs))) as source,
            pytest.raises(SourceError, match=r"^the camera sends no more frames$"),
        ):
            source.read()


def test_a_stream_that_breaks_off_and_a_camera_that_is_gone_are_a_sentence(camera: FakeHttpCamera) -> None:
    with closing(open_camera(camera, lambda _: stream(SIX[:1], chunked=True))) as source:
        source.read()
        camera.replies.clear()
        with pytest.raises(SourceError, match=r"has nothing at this path \(404\)"):
            source.read()


@pytest.mark.parametrize("head", [b"", b"data " * 20])
def test_a_stream_that_is_silent_or_has_no_picture_ends_in_a_sentence(
    camera: FakeHttpCamera, monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    for module in ("http", "http_camera"):
        monkeypatch.setattr(f"sources.{module}.SILENCE_S", 0.3)
    reply: list[bytes | float] = [*stream([]), *([head, 0.1] * 10 if head else [9.0])]
    with (
        closing(open_camera(camera, lambda _: reply)) as source,
        pytest.raises(SourceError, match="without a complete JPEG" if head else "has sent nothing for 0.3 s"),
    ):
        source.read()


@given(st.lists(st.binary(max_size=400), max_size=6), st.sampled_from(["", MIXED, "image/jpeg", "video/mp4"]))
def test_random_bytes_are_a_sentence_or_no_camera(pieces: list[bytes], content_type: str) -> None:
    with http_camera() as camera:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nConnection: close\r\n\r\n".encode()
        camera.replies["/"] = lambda _: [head, *pieces]
        try:
            source = open_http_camera(camera.url("/"), "the camera")
        except SourceError as error:
            sentence = str(error)
        else:
            if source is None:
                return
            with closing(source), pytest.raises(SourceError) as refused:
                source.read()
            sentence = str(refused.value)
        assert re.fullmatch(r"the camera .{10,}", sentence)


def one_stream(jpegs: list[bytes], _: str) -> Reply:
    return stream(jpegs)


def still(*jpegs: bytes, content_type: str = "image/jpeg") -> Callable[[str], Reply]:
    """Return replies that give one picture after the other, and the last again and again.

    The first is asked for to see what it is.
    """
    left = list(jpegs)

    def reply(_: str) -> Reply:
        return answer(200, left.pop(0) if len(left) > 1 else left[0], content_type=content_type)

    return reply


def test_single_pictures_are_polled_at_a_sensible_rate_and_only_new_ones_are_frames(
    camera: FakeHttpCamera,
) -> None:
    camera.keeps = True
    source = open_camera(camera, still(SIX[0], SIX[1], SIX[1], SIX[2]))
    assert isinstance(source, StillSource)
    began_s = time.monotonic()
    assert shown(source, 1) == [1]
    with pytest.raises(NoNewImage):
        source.read()
    assert shown(source, 1) == [2]
    asked_s = time.monotonic()
    assert 0.35 < asked_s - began_s < 2
    assert 0 <= asked_s - source.captured_s < 0.2
    for _ in range(3):
        with pytest.raises(NoNewImage):
            source.read()
    source.close()
    assert len(camera.requests) == 7  # one of them to see what it is
    assert camera.connections == 2


def test_a_camera_whose_picture_changes_seldom_is_asked_less_often(camera: FakeHttpCamera) -> None:
    pictures = iter([SIX[0], SIX[0], *[SIX[1]] * 3])
    clock = {"now": 0}

    def reply(_: str) -> Reply:
        clock["now"] += 1
        return answer(200, next(pictures, SIX[2]), content_type="image/jpeg")

    with closing(open_camera(camera, reply)) as source:
        assert isinstance(source, StillSource)
        shown(source, 1)
        source._changed_s -= 4.0  # as if it had been the picture for so long
        shown(source, 1)
        began_s = time.monotonic()
        with pytest.raises(NoNewImage):
            source.read()
        assert 0.7 < time.monotonic() - began_s < 3


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/jpg", "application/octet-stream", ""])
def test_a_single_jpeg_is_known_by_its_first_bytes(camera: FakeHttpCamera, content_type: str) -> None:
    with closing(open_camera(camera, still(SIX[4], SIX[4], content_type=content_type))) as source:
        assert isinstance(source, StillSource)
        assert shown(source, 1) == [4]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_single_pictures_of_other_kinds_are_shown(camera: FakeHttpCamera, kind: str) -> None:
    buffer = io.BytesIO()
    PillowImage.fromarray(numbered_image(3)).save(buffer, kind, lossless=True)
    with closing(open_camera(camera, still(buffer.getvalue(), content_type="image/x"))) as source:
        assert shown(source, 1) == [3]


def test_a_single_picture_without_its_last_two_bytes_is_shown_and_a_cut_one_is_not(
    camera: FakeHttpCamera,
) -> None:
    noise = numbered_jpeg(2, 480, 640)
    with closing(open_camera(camera, still(noise[:-2], noise[:-2]))) as source:
        assert shown(source, 1) == [2]
    with (
        closing(open_camera(camera, still(noise[: len(noise) // 2]))) as source,
        pytest.raises(SourceError, match="the camera sends data that cannot be shown: The picture is cut off"),
    ):
        source.read()


def test_a_request_that_fails_now_and_then_is_no_lost_picture_and_one_that_fails_for_long_is(
    camera: FakeHttpCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.http_camera.FAILING_S", 0.5)
    good = still(SIX[0], SIX[1], SIX[2])
    busy = [False]

    def reply(head: str) -> Reply:
        return answer(503) if busy[0] else good(head)

    with closing(open_camera(camera, reply)) as source:
        assert shown(source, 1) == [1]
        busy[0] = True
        with pytest.raises(NoNewImage):
            source.read()
        busy[0] = False
        assert shown(source, 1) == [2]
        busy[0] = True
        refused = [wait_for_image(source) for _ in range(9)]
    assert refused[0] == ""
    assert refused[-1] == "the camera answers 503 Service Unavailable"


def wait_for_image(source: Source) -> str:
    """Return the sentence that the source gives for want of an image; "" if it still waits."""
    with pytest.raises((NoNewImage, SourceError)) as refused:
        source.read()
    return str(refused.value)


def test_a_picture_that_does_not_end_is_given_up(
    camera: FakeHttpCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.http_camera.MAX_JPEG_BYTES", 200_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nConnection: close\r\n\r\n"
    endless = [head, *[bytes(50_000)] * 99]
    with (
        closing(open_camera(camera, lambda _: endless)) as source,
        pytest.raises(SourceError, match="a picture that does not end"),
    ):
        source.read()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"log in", "text/html"), (b"\n<!DOCTYPE HTML><html>", ""), (b"<html>", "image/x")],
)
def test_a_page_is_called_a_page(camera: FakeHttpCamera, body: bytes, content_type: str) -> None:
    with pytest.raises(
        SourceError,
        match=r"^the camera answers with a web page, .* a video: give the address of its stream$",
    ):
        open_camera(camera, lambda _: answer(200, body, content_type=content_type))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"#EXTM3U\n", "application/vnd.apple.mpegurl"),
        (b"#EXTM3U\n", ""),
        (b"\0\0\0\x18ftypisom" + bytes(900), "video/mp4"),
        (b"\x1aE\xdf\xa3" + bytes(900), "application/octet-stream"),
        (b"", "text/plain"),
        (b"".join(SIX), "application/octet-stream"),
    ],
)
def test_videos_and_playlists_are_left_to_the_reader_of_videos(
    camera: FakeHttpCamera, body: bytes, content_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera.replies["/clip"] = lambda _: answer(200, body, content_type=content_type)
    assert open_http_camera(camera.url("/clip"), "the camera") is None
    video = FakeSource([plain_image()])
    monkeypatch.setattr("sources.opener.open_url", lambda url, name: video if url and name else None)
    assert SourceOpener(camera.url("/clip"), (640, 480), lambda: video)()[0] is video


def test_an_answer_that_is_no_http_is_left_to_the_reader_of_videos(camera: FakeHttpCamera) -> None:
    camera.replies["/clip"] = lambda _: [b"ICY 200 OK\r\n\r\n"]
    assert open_http_camera(camera.url("/clip"), "the camera") is None


def test_the_opener_gives_http_cameras_their_own_reader_and_a_masked_name(camera: FakeHttpCamera) -> None:
    camera.replies["/video"] = lambda _: stream(SIX, stays=True)
    source, note = SourceOpener(camera.url("/video?pwd=x", "admin:secret"), (640, 480), lambda: source)()
    with closing(source):
        assert isinstance(source, JpegStreamSource)
        assert (source.name, note) == (f"http://127.0.0.1:{camera.port}", "")


def test_a_closed_source_closes_its_connection(camera: FakeHttpCamera) -> None:
    source = open_camera(camera, lambda _: stream(itertools.cycle(SIX), pause_s=0.01))
    shown(source, 1)
    source.close()
    source.close()
    camera.ended.wait(0.2)
    assert isinstance(source, JpegStreamSource)
    assert source._body._answer.isclosed()


def test_a_body_gives_its_first_bytes_twice(camera: FakeHttpCamera) -> None:
    camera.replies["/"] = lambda _: answer(200, b"abc" * 1000)
    with closing(HttpClient(camera.url("/"), "the camera")) as client:
        body = Body(client.get(), "the camera")
        assert body.head().startswith(b"abcabcabca")
        assert b"".join(body.pieces()) == b"abc" * 1000
