"""Pictures, ZIPs and videos, one after the other, by what they are and not by what they are called."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.files import CLIP_FRAMES, anonymous, zip_of
from tests.fakes.images import bright_image, plain_image
from tests.fakes.recognition import fake_pipeline, fake_recognizer
from tests.fakes.waiting import PATIENCE_S
from uploads import videos
from uploads.analysis import Analysis, Remark, Sent, VideoFrame
from uploads.recognizer import Reading, Recognizer
from uploads.videos import (
    FfmpegWriter,
    OpenCvWriter,
    Video,
    VideoError,
    Writer,
    find_ffmpeg,
    is_video,
    open_writer,
)
from vision.frames import Image
from vision.jpeg import encode_jpeg

JPEG = encode_jpeg(bright_image(), 95)


@pytest.fixture(scope="module")
def recognizer() -> Iterator[Recognizer]:
    recognizer = fake_recognizer()
    yield recognizer
    recognizer.close()


class ListWriter:
    def __init__(self) -> None:
        self.scenes: list[Image] = []
        self.closed = False

    def write(self, scene: Image) -> None:
        self.scenes.append(scene)

    def close(self) -> None:
        self.closed = True


def no_writer(*_: object) -> None:
    """Have no annotated copy."""


def analysis_of(
    recognizer: Recognizer, *files: tuple[str, bytes], open_writer: Callable[..., Writer | None] = no_writer
) -> Analysis:
    sent = [Sent.of_stream(name, anonymous(data)) for name, data in files]
    return Analysis(sent, recognizer, fake_pipeline, open_writer, 5)


def test_pictures_zips_and_videos_are_told_apart_by_their_bytes(recognizer: Recognizer, clip: bytes) -> None:
    files = [("a.mp4", JPEG), ("b.jpg", zip_of(("in.jpg", JPEG))), ("c.zip", clip), ("d.jpg", b"<html>")]
    analysis = analysis_of(recognizer, *files)
    events = list(analysis)
    assert [(event.name, len(event.faces)) for event in events if isinstance(event, Reading)] == [
        ("a.mp4", 1),
        ("in.jpg", 1),
    ]
    assert [event.name for event in events if isinstance(event, Remark)] == ["d.jpg"]
    assert sum(isinstance(event, VideoFrame) for event in events) == CLIP_FRAMES
    assert analysis.progress == 1.0


def test_a_videos_faces_keep_their_number_and_its_own_clock_counts(recognizer: Recognizer, clip: bytes) -> None:
    frames = [event for event in analysis_of(recognizer, ("c.avi", clip)) if isinstance(event, VideoFrame)]
    assert [frame.t_s for frame in frames] == pytest.approx([index / 25 for index in range(CLIP_FRAMES)])
    assert {face.track_id for frame in frames for face in frame.faces} == {1}


def test_the_annotated_copy_gets_every_frame_in_the_videos_size_and_rate(
    recognizer: Recognizer, clip: bytes
) -> None:
    writer = ListWriter()
    asked: list[object] = []

    def open_list(*wanted: object) -> ListWriter:
        asked.extend(wanted)
        return writer

    list(analysis_of(recognizer, ("c.avi", clip), open_writer=open_list))
    assert asked == ["c.avi", 25.0, (64, 48)]
    assert [scene.shape for scene in writer.scenes] == [(48, 64, 3)] * CLIP_FRAMES
    assert writer.closed


def test_whoever_stops_in_the_middle_leaves_nothing_open(recognizer: Recognizer, clip: bytes) -> None:
    writer = ListWriter()
    events = iter(analysis_of(recognizer, ("c.avi", clip), open_writer=lambda *_: writer))
    next(events)
    events.close()
    assert writer.closed
    assert len(writer.scenes) == 1


def test_progress_grows_with_what_is_done_and_ends_at_one(recognizer: Recognizer, clip: bytes) -> None:
    analysis = analysis_of(recognizer, ("a.jpg", JPEG), ("c.avi", clip), ("z.zip", zip_of(("in.jpg", JPEG))))
    seen = [analysis.progress for _ in analysis]
    assert seen == sorted(seen)
    assert 0 < seen[0] < 0.5
    assert max(seen) < 1.0 == analysis.progress


def test_a_zip_that_cannot_be_read_is_a_problem_and_a_long_one_a_note(recognizer: Recognizer) -> None:
    long = zip_of(*((f"{number}.jpg", JPEG) for number in range(9)))
    first, *readings = analysis_of(recognizer, ("long.zip", long))
    assert first == Remark("long.zip", "The ZIP has 9 files; the first 5 were read.")
    assert len(readings) == 5
    assert list(analysis_of(recognizer, ("z.zip", b"PK\x03\x04"))) == [
        Remark("z.zip", "The ZIP is damaged: its list of files cannot be read.", is_problem=True)
    ]


MP4_WITHOUT_FRAMES = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"\x00\x00\x00\x08moov" + bytes(300)


@pytest.mark.parametrize(
    "data",
    [MP4_WITHOUT_FRAMES, b"\x1aE\xdf\xa3" + bytes(300), b"RIFF\xff\xff\xff\xffAVI LIST" + bytes(300)],
    ids=["MP4", "Matroska", "AVI"],
)
def test_a_video_without_frames_is_a_problem(recognizer: Recognizer, data: bytes) -> None:
    [remark] = analysis_of(recognizer, ("v.mp4", data))
    assert isinstance(remark, Remark)
    assert remark.is_problem
    assert remark.text in ("The video cannot be read.", "The video has no frame that can be read.")


def test_a_header_that_lies_about_length_and_rate_changes_nothing(recognizer: Recognizer, clip: bytes) -> None:
    lie = bytearray(clip)
    main = lie.index(b"avih") + 8
    lie[main : main + 4] = (1).to_bytes(4, "little")  # microseconds a frame
    lie[main + 16 : main + 20] = (0x7FFFFFFF).to_bytes(4, "little")  # frames
    stream = lie.index(b"strh") + 8
    lie[stream + 20 : stream + 28] = (1).to_bytes(4, "little") + (1_000_000).to_bytes(4, "little")
    lie[stream + 32 : stream + 36] = (0x7FFFFFFF).to_bytes(4, "little")
    frames = [
        event for event in analysis_of(recognizer, ("v.avi", bytes(lie))) if isinstance(event, VideoFrame)
    ]
    assert len(frames) == CLIP_FRAMES
    assert frames[1].t_s == pytest.approx(1 / 25)


def test_frames_that_are_too_large_are_refused_before_one_is_decoded(
    recognizer: Recognizer, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(videos, "MAX_SIDE_PX", 60)
    monkeypatch.setattr(Video, "_next", lambda _: pytest.fail("a frame was decoded"))
    [remark] = analysis_of(recognizer, ("v.avi", clip))
    assert remark == Remark("v.avi", "The video has 64 x 48 px; up to 60 a side are read.", is_problem=True)


def test_a_truncated_video_is_read_as_far_as_it_goes(recognizer: Recognizer, clip: bytes) -> None:
    events = list(analysis_of(recognizer, ("v.avi", clip[: len(clip) * 3 // 4])))
    assert 0 < sum(isinstance(event, VideoFrame) for event in events) < CLIP_FRAMES


@pytest.mark.parametrize(
    "head",
    [b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n", b"<html>", b""],
)
def test_a_playlist_is_no_video(head: bytes) -> None:
    assert not is_video(head)


def test_a_long_video_is_read_to_the_limit_and_that_is_said(
    recognizer: Recognizer, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(videos, "MAX_FRAMES", 7)
    events = list(analysis_of(recognizer, ("v.avi", clip)))
    assert len(events) == 8
    assert events[-1] == Remark("v.avi", "The video is long: its first 7 frames were read.")


def frames_of(path: Path) -> tuple[int, float, tuple[int, int]]:
    video = Video(str(path))
    count = sum(1 for _ in video)
    video.close()
    return count, video.fps, video.size_px


@pytest.mark.skipif(find_ffmpeg() is None, reason="needs ffmpeg with H.264")
def test_with_ffmpeg_the_copy_is_h264_that_browsers_play(tmp_path: Path) -> None:
    writer, path = open_writer(tmp_path / "copy", 12.5, (63, 48))
    for _ in range(5):
        writer.write(plain_image(90, 48, 63))
    writer.close()
    assert path.suffix == ".mp4"
    assert frames_of(path) == (5, 12.5, (64, 48))  # H.264 with halved colour needs even sides
    data = path.read_bytes()
    assert b"avc1" in data
    assert data.index(b"moov") < data.index(b"mdat")  # so that it plays while it loads


def test_without_ffmpeg_the_copy_is_webm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uploads.videos.shutil.which", lambda _: None)
    writer, path = open_writer(tmp_path / "copy", 25, (64, 48))
    assert isinstance(writer, OpenCvWriter)
    for _ in range(5):
        writer.write(bright_image())
    writer.close()
    assert path.suffix == ".webm"
    assert frames_of(path) == (5, 25, (64, 48))


def test_a_copy_that_cannot_be_written_says_so_and_leaves_no_file(tmp_path: Path) -> None:
    full = tmp_path / "ffmpeg"
    full.write_text('#!/bin/sh\necho begun > "$(eval echo \\${$#})"\nexit 1\n')
    full.chmod(0o755)
    writer = FfmpegWriter(str(full), tmp_path / "copy.mp4", 25, (64, 48))
    writer._process.wait(PATIENCE_S)
    with pytest.raises(VideoError, match="the disk may be full"):
        writer.write(bright_image())
    with pytest.raises(VideoError):
        writer.close()
    assert not (tmp_path / "copy.mp4").exists()


def test_an_ffmpeg_without_h264_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poor = tmp_path / "ffmpeg"
    poor.write_text("#!/bin/sh\necho ' V..... mpeg4'\n")
    poor.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert find_ffmpeg() is None


def test_a_file_that_disappears_is_a_problem_of_that_file_only(recognizer: Recognizer, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(JPEG)
    sent = [Sent.of_path(tmp_path / name) for name in ("a.jpg", "b.jpg")]
    (tmp_path / "a.jpg").unlink()
    gone, read = Analysis(sent, recognizer, fake_pipeline, no_writer, 5)
    why = "The file cannot be read: No such file or directory."
    assert gone == Remark(str(tmp_path / "a.jpg"), why, is_problem=True)
    assert isinstance(read, Reading)
    assert len(read.faces) == 1
