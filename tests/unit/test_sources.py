import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from sources.base import Pace, Source, SourceError, frames
from sources.folder import MAX_LOGGED, FolderSource, is_litter
from sources.opener import SourceOpener, check_source, describe_source, source_name
from tests.fakes.camera import FakeSource
from tests.fakes.images import plain_image
from vision.jpeg import encode_jpeg

SIZE = (640, 480)


class FakeClock:
    """Stands for the time module; nobody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def open_fake_demo() -> Source:
    return FakeSource([plain_image()])


def write_video(path: Path, count: int = 5, fps: float = 50.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    for index in range(count):
        writer.write(plain_image(index * 40))
    writer.release()
    return path


def test_a_video_file_is_looped_in_its_own_order(tmp_path: Path) -> None:
    source = SourceOpener(str(write_video(tmp_path / "clip.avi")), SIZE, open_fake_demo)()[0]
    levels = [round(int(source.read().mean()) / 40) for _ in range(12)]
    source.close()
    assert levels == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]


def test_a_video_file_plays_at_its_own_frame_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr("sources.base.time", clock)
    source = SourceOpener(str(write_video(tmp_path / "clip.avi", fps=50)), SIZE, open_fake_demo)()[0]
    stream = frames(source)
    first = next(stream)
    for _ in range(10):
        last = next(stream)
    assert first is not None
    assert last is not None
    source.close()
    assert last.index == 10
    assert last.captured_s - first.captured_s == pytest.approx(0.2)


def test_a_late_frame_is_not_followed_by_a_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr("sources.base.time", clock)
    pace = Pace(20)
    pace.wait()
    clock.sleep(0.2)
    late_at = clock.now
    waits = []
    for _ in range(3):
        pace.wait()
        waits.append(clock.now - late_at)
    assert waits == pytest.approx([0, 0, 0.05])  # one is made up for


def test_a_folder_shows_its_pictures_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, level in (("b.png", 200), ("a.jpg", 20)):
        cv2.imwrite(str(tmp_path / name), plain_image(level))
    (tmp_path / "notes.txt").write_text("not a picture")
    source = FolderSource(tmp_path)
    levels = [int(source.read().mean()) for _ in range(61)]
    assert levels[0] == pytest.approx(20, abs=3)
    assert levels[30] == pytest.approx(200, abs=3)
    assert levels[60] == pytest.approx(20, abs=3)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are UTF-8")
def test_a_name_that_is_no_utf_8_can_be_shown_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    with pytest.raises(SourceError, match="caf\ufffd has no pictures"):
        FolderSource(folder)
    (folder / "a.jpg").write_bytes(encode_jpeg(plain_image(90), 90))
    video = write_video(tmp_path / "clip.avi").rename(tmp_path / os.fsdecode(b"\xff.avi"))
    for path, name in ((folder, "caf\ufffd"), (video, "\ufffd.avi")):
        check_source(str(path))
        source = SourceOpener(str(path), SIZE, open_fake_demo)()[0]
        assert source.name == name
        assert source.read().shape[2] == 3
        source.close()
        assert source_name(str(path)).endswith(name)
    video.write_bytes(b"no video")
    with pytest.raises(SourceError, match="is not a video") as refused:
        check_source(str(video))
    assert name in str(refused.value)


def test_a_folder_shows_what_its_bytes_say_and_names_what_it_does_not_show(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "deep").mkdir()
    jpeg = encode_jpeg(plain_image(200), 90)
    for name in ("deep/pic.jfif", "noext"):
        (tmp_path / name).write_bytes(jpeg)
    (tmp_path / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(90))
    (tmp_path / "Thumbs.db").write_bytes(b"litter")
    (tmp_path / "._noext").write_bytes(jpeg)
    source, note = SourceOpener(str(tmp_path), SIZE, open_fake_demo)()
    assert note == "1 of 4 files in the folder is not shown; the log says why."
    assert {int(source.read().mean()) for _ in range(200)} == {200}
    assert f"{tmp_path}/a.mp4 is not shown: This is not a picture: JPEG," in caplog.text
    assert caplog.text.count("cut.jpg is not shown: The picture is damaged") == 1
    assert len(caplog.records) == 2


def test_a_folder_of_a_thousand_other_files_does_not_fill_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        (tmp_path / f"{number:03}.txt").write_text("no picture")
    (tmp_path / "x.png").write_bytes(cv2.imencode(".png", plain_image(70))[1].tobytes())
    assert FolderSource(tmp_path).read().mean() == 70
    assert len(caplog.records) == MAX_LOGGED + 1
    assert "80 more files" in caplog.text


@pytest.mark.parametrize(
    ("path", "litter"),
    [
        ("__MACOSX/._b.jpg", True),
        ("in/.DS_Store", True),
        ("sub/._b.jpg", True),
        ("THUMBS.DB", True),
        ("in\\desktop.ini", True),
        ("a.jpg", False),
        (".hidden.jpg", False),
        ("in/_.jpg", False),
        ("", False),
    ],
)
def test_files_that_systems_add_are_litter(path: str, litter: bool) -> None:
    assert is_litter(path) == litter


def test_a_broken_picture_does_not_end_the_show(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not a png")
    cv2.imwrite(str(tmp_path / "b.png"), plain_image(70))
    assert FolderSource(tmp_path).read().mean() == 70


def test_a_folder_without_a_readable_picture_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not a png")
    with pytest.raises(SourceError, match="no picture in the folder"):
        FolderSource(tmp_path).read()


def test_a_large_picture_is_made_smaller(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "large.png"), np.zeros((1000, 4000), dtype=np.uint8))
    assert FolderSource(tmp_path).read().shape == (320, 1280, 3)


@pytest.mark.parametrize("spec", ["auto", "demo", "0", "/dev/video7", "http://host/feed", "rtsp://host/feed"])
def test_a_source_that_may_come_back_is_not_refused_at_the_start(spec: str) -> None:
    check_source(spec)


def test_a_source_that_does_not_exist_is_refused_in_one_sentence() -> None:
    with pytest.raises(SourceError, match=r"there is no source 'nonsense\.mp4'"):
        check_source("nonsense.mp4")


@pytest.mark.parametrize("spec", ["x" * 5000, "a\0b"])
def test_a_source_that_can_be_no_path_is_refused_in_one_sentence(spec: str) -> None:
    with pytest.raises(SourceError, match="there is no source"):
        check_source(spec)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("rtsp://user:secret@cam/stream?key=secret", "rtsp://cam"),
        ("http://cam?key=secret", "http://cam"),
        ("0", "camera 0"),
        ("clip.mp4", "clip.mp4"),
    ],
)
def test_the_name_of_a_source_keeps_its_secrets(spec: str, name: str) -> None:
    assert source_name(spec) == name


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("this is not a video")
    with pytest.raises(SourceError, match="not a video"):
        check_source(str(path))


def test_a_video_without_a_frame_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"hello")
    for spec in (tmp_path, tmp_path / "broken.jpg"):
        with pytest.raises(SourceError, match="can be read"):
            check_source(str(spec))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no pictures"):
        check_source(str(tmp_path))


@pytest.mark.skipif(os.path.exists("/dev/video0"), reason="this machine has a camera")
def test_auto_falls_back_to_the_demo_with_a_note() -> None:
    source, note = SourceOpener("auto", SIZE, open_fake_demo)()
    assert source.name == "fake"
    assert "so this is the demo" in note


def test_auto_waits_for_a_camera_that_was_there_instead_of_changing_to_the_demo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cameras: list[Source] = [FakeSource([plain_image()])]

    def open_camera(device: int, size_px: tuple[int, int]) -> Source:
        if not cameras:
            raise SourceError(f"camera {device} is not connected at {size_px}")
        return cameras.pop()

    monkeypatch.setattr("sources.opener.open_camera", open_camera)
    opener = SourceOpener("auto", SIZE, open_fake_demo)
    assert opener()[1] == ""
    with pytest.raises(SourceError, match="camera 0 is not connected"):
        opener()


@pytest.mark.skipif(os.path.exists("/dev/video9"), reason="this machine has ten cameras")
def test_a_camera_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceError, match="camera 9"):
        SourceOpener("9", SIZE, open_fake_demo)()


def test_a_url_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(SourceError) as error:
        SourceOpener("http://user:secret@127.0.0.1:9/feed?key=secret", SIZE, open_fake_demo)()
    assert str(error.value) == "http://127.0.0.1:9 refuses the connection"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("auto", "Looking for a camera …"),
        ("demo", "This is the demo: average faces, painted by code."),
        ("camera 0", "This is camera 0 of the computer that runs this site."),
        ("rtsp://cam.example.org:554", "This is the picture from rtsp://cam.example.org:554."),
        ("/home/me/learn.mkv", "This is the file learn.mkv."),
        ("/home/me/holiday", "These are the pictures in holiday."),
    ],
)
def test_a_sentence_says_what_is_seen(name: str, sentence: str) -> None:
    assert describe_source(name) == sentence
