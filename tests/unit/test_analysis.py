"""Pictures, ZIPs and videos, one after the other, by what they are and not by what they are called."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from sources.video import TimedImage
from tests.fakes.files import CLIP_FRAMES, anonymous, zip_of
from tests.fakes.images import bright_image, plain_image
from tests.fakes.recognition import fake_pipeline, fake_recognizer
from tests.fakes.videos import make_sound, make_video
from uploads.analysis import Analysis, InputFile, Remark, VideoFrame
from uploads.annotated_copy import ENCODINGS, NOT_WRITTEN, VideoWriter, Writer, open_writer
from uploads.recognizer import Reading, Recognizer
from uploads.result_writer import ResultWriter
from uploads.videos import Video, VideoError, is_video
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
        self.times: list[tuple[float, float]] = []
        self.closed = False

    def write(self, scene: Image, t_s: float, duration_s: float) -> None:
        self.scenes.append(scene)
        self.times.append((t_s, duration_s))

    def close(self) -> None:
        self.closed = True


def no_writer(*_: object) -> None:
    """Have no annotated copy."""


def analysis_of(
    recognizer: Recognizer,
    *files: tuple[str, bytes],
    open_writer: Callable[..., Writer | None] = no_writer,
    open_video: Callable[[IO[bytes]], Video] = Video,
) -> Analysis:
    inputs = [InputFile.of_stream(name, anonymous(data)) for name, data in files]
    return Analysis(inputs, recognizer, fake_pipeline, open_writer, 5, open_video=open_video)


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
    assert [t_s for t_s, _ in writer.times] == pytest.approx([index / 25 for index in range(CLIP_FRAMES)])
    assert {round(duration_s, 6) for _, duration_s in writer.times} == {1 / 25}
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
    assert remark.text in (
        "The file contains no video.",
        "The file is not a video that can be read.",
        "The video has no frame that can be read.",
    )


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


class UndecodedVideo(Video):
    def _next(self) -> TimedImage | None:
        pytest.fail("a frame was decoded")


def test_frames_that_are_too_large_are_refused_before_one_is_decoded(
    recognizer: Recognizer, clip: bytes
) -> None:
    open_video = partial(UndecodedVideo, max_side_px=60)
    [remark] = analysis_of(recognizer, ("v.avi", clip), open_video=open_video)
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


def test_a_long_video_is_read_to_the_limit_and_that_is_said(recognizer: Recognizer, clip: bytes) -> None:
    events = list(analysis_of(recognizer, ("v.avi", clip), open_video=partial(Video, max_frames=7)))
    assert len(events) == 8
    assert events[-1] == Remark("v.avi", "The video is too long; its first 7 frames were read.")


def written(path: Path) -> tuple[list[float], float, tuple[int, int]]:
    """Return the times of a video's frames, when the last ends, and its (width, height)."""
    with path.open("rb") as file, closing(Video(file)) as video:
        timed = list(video)
        assert video.note == ""
        return [it.t_s for it in timed], timed[-1].t_s + timed[-1].duration_s, video.size_px


TIMES_S = (0.0, 0.04, 0.5, 3.0, 3.04)  # as of a phone in the dark


def write_copy(stem: Path, size_px: tuple[int, int] = (64, 48)) -> Path:
    writer, path = open_writer(stem, 25, size_px)
    for t_s in TIMES_S:
        writer.write(plain_image(90, size_px[1], size_px[0]), t_s, 2.0 if t_s == TIMES_S[-1] else 0.04)
    writer.close()
    return path


def test_the_copy_is_h264_as_browsers_play_it_with_the_originals_times_and_length(
    tmp_path: Path,
) -> None:
    path = write_copy(tmp_path / "http:copy", (63, 48))
    assert path.suffix == ".mp4"
    times_s, end_s, size_px = written(path)
    assert times_s == pytest.approx(TIMES_S, abs=0.001)
    assert end_s == pytest.approx(5.04, abs=0.001)
    assert size_px == (64, 48)  # H.264 with halved colour needs even sides
    data = path.read_bytes()
    assert b"avc1" in data
    assert data.index(b"moov") < data.index(b"mdat")  # so that it plays while it loads


def test_without_an_encoder_of_h264_the_copy_is_webm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uploads.annotated_copy.av.codecs_available", {"libvpx"})
    path = write_copy(tmp_path / "copy")
    assert path.suffix == ".webm"
    times_s, _, size_px = written(path)
    assert times_s == pytest.approx(TIMES_S, abs=0.002)
    assert size_px == (64, 48)


def test_without_any_encoder_there_is_no_copy_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uploads.annotated_copy.av.codecs_available", set())
    with pytest.raises(VideoError, match="no encoder"):
        open_writer(tmp_path / "copy", 25, (64, 48))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_copy_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "copy.mp4").symlink_to("/dev/full")
    with pytest.raises(VideoError, match="the disk may be full"):
        write_copy(tmp_path / "copy")
    assert not (tmp_path / "copy.mp4").is_symlink()


def test_a_copy_without_a_frame_leaves_no_file(tmp_path: Path) -> None:
    writer, path = open_writer(tmp_path / "copy", 25, (64, 48))
    writer.close()
    assert not path.exists()


def test_a_file_that_disappears_is_a_problem_of_that_file_only(recognizer: Recognizer, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(JPEG)
    files = [InputFile.of_path(tmp_path / name) for name in ("a.jpg", "b.jpg")]
    (tmp_path / "a.jpg").unlink()
    gone, read = Analysis(files, recognizer, fake_pipeline, no_writer, 5)
    why = "The file cannot be read: No such file or directory."
    assert gone == Remark(str(tmp_path / "a.jpg"), why, is_problem=True)
    assert isinstance(read, Reading)
    assert len(read.faces) == 1


class FailingWriter(ListWriter):
    """A writer that writes so many frames, and fails again when it is closed."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.closings = 0

    def write(self, scene: Image, t_s: float, duration_s: float) -> None:
        if len(self.scenes) == self.frames:
            raise VideoError("The pipe is broken.")
        super().write(scene, t_s, duration_s)

    def close(self) -> None:
        self.closings += 1
        raise VideoError("The disk is full.")


@pytest.mark.parametrize("frames", [0, 4, CLIP_FRAMES])
def test_a_writer_that_fails_costs_the_copy_and_no_frame(
    recognizer: Recognizer, clip: bytes, frames: int
) -> None:
    writer = FailingWriter(frames)
    analysis = analysis_of(recognizer, ("v.avi", clip), ("a.jpg", JPEG), open_writer=lambda *_: writer)
    *read, remark, picture = analysis
    assert [event.index for event in read if isinstance(event, VideoFrame)] == list(range(CLIP_FRAMES))
    assert remark == Remark("v.avi", "The disk is full.")
    assert isinstance(picture, Reading)
    assert writer.closings == 1


def test_a_writer_that_cannot_be_opened_costs_the_copy_and_no_frame(
    recognizer: Recognizer, clip: bytes
) -> None:
    def refuse(*_: object) -> Writer:
        raise VideoError("There is no encoder.")

    *read, remark = analysis_of(recognizer, ("v.avi", clip), open_writer=refuse)
    assert len(read) == CLIP_FRAMES
    assert remark == Remark("v.avi", "There is no encoder.")


def test_a_writer_that_fails_hides_no_other_error(recognizer: Recognizer, clip: bytes) -> None:
    writer = FailingWriter(2)
    events = iter(analysis_of(recognizer, ("v.avi", clip), open_writer=lambda *_: writer))
    next(events)
    with pytest.raises(OSError, match="of the caller"), closing(events):
        raise OSError("of the caller")
    assert writer.closings == 1


@pytest.mark.parametrize("name", ["v.avi", "z.zip", "a.jpg"])
def test_after_a_stop_nothing_more_is_read(
    recognizer: Recognizer, clip: bytes, tmp_path: Path, name: str
) -> None:
    data = {"v.avi": clip, "z.zip": zip_of(*((f"{n}.jpg", JPEG) for n in range(5))), "a.jpg": JPEG}
    paths = [tmp_path / name, *(tmp_path / other for other in (*data, "b.jpg"))]
    for path in paths:
        path.write_bytes(data.get(path.name, JPEG))
    files = [InputFile.of_path(path) for path in paths]
    analysis = Analysis(files, recognizer, fake_pipeline, no_writer, 5)
    events = []
    for event in analysis:
        events.append(event)
        analysis.stop()
    assert [type(event) for event in events] == [VideoFrame if name == "v.avi" else Reading]
    assert analysis.progress < 1


class BrokenEncoder(VideoWriter):
    """A writer to which the disk is full from some frame on."""

    frames = 0

    def write(self, scene: Image, t_s: float, duration_s: float) -> None:
        if self.frames == 0:
            self._remove()
            raise VideoError(NOT_WRITTEN)
        self.frames -= 1
        super().write(scene, t_s, duration_s)


@pytest.mark.parametrize("whole", [0, 3], ids=["at once", "in the middle"])
@pytest.mark.parametrize("cancelled_after", [4, 1000], ids=["cancelled", "to the end"])
def test_what_was_read_of_a_video_is_kept_although_the_copy_fails(
    recognizer: Recognizer,
    clip: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: int,
    cancelled_after: int,
) -> None:
    cancelled, reports = threading.Event(), []

    def open_broken(stem: Path, fps: float, size_px: tuple[int, int]) -> tuple[Writer, Path]:
        path = stem.with_suffix(".mp4")
        writer = BrokenEncoder(path, ENCODINGS[0], fps, size_px)
        writer.frames = whole
        return writer, path

    def report(progress: float, _: str) -> None:
        reports.append(progress)
        if len(reports) == cancelled_after:
            cancelled.set()

    monkeypatch.setattr("uploads.result_writer.open_writer", open_broken)
    files = [InputFile.of_stream("v.avi", anonymous(clip))]
    (tmp_path / "job").mkdir()
    writer = ResultWriter(tmp_path / "job", 80, blur=False)
    video, remark = writer.read(files, recognizer, fake_pipeline, cancelled, report)
    frames = min(cancelled_after, CLIP_FRAMES)
    assert (video["video"], video["timeline"]["frames"]) == (None, frames)
    assert len(video["timeline"]["faces"]) == 1
    assert (remark["text"], remark["is_problem"]) == (NOT_WRITTEN, False)
    rows = (tmp_path / "job" / "faces.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(rows) == 1 + (frames - 1) + 1  # the heading, the frames with a face, the remark
    assert {path.name for path in (tmp_path / "job").iterdir()} == {"faces.csv"}


class HungryVideo(Video):
    """A video whose fourth frame needs more memory than is available."""

    frames = 0

    def _next(self) -> TimedImage | None:
        self.frames += 1
        if self.frames == 4:
            raise MemoryError
        return super()._next()


def test_a_video_that_needs_too_much_memory_is_a_problem_of_that_file_only(
    recognizer: Recognizer, clip: bytes
) -> None:
    *frames, remark, picture = analysis_of(recognizer, ("v.avi", clip), ("a.jpg", JPEG), open_video=HungryVideo)
    assert len(frames) == 3
    assert remark == Remark("v.avi", "The file needs more memory than is available.", is_problem=True)
    assert isinstance(picture, Reading)


@pytest.mark.parametrize(
    ("name", "container", "encoder", "options"),
    [
        ("00001.MTS", "mpegts", "libx264", {"mpegts_m2ts_mode": "1"}),
        ("dump.mjpeg", "mjpeg", "mjpeg", {}),
        ("noname", "mpeg", "mpeg2video", {}),
        ("noname", "mxf", "mpeg2video", {}),
        ("noname", "h264", "libx264", {}),
        ("cam.mp4", "ivf", "libvpx", {}),
    ],
)
def test_a_video_is_read_whatever_holds_it(
    recognizer: Recognizer, name: str, container: str, encoder: str, options: dict[str, str]
) -> None:
    data = make_video([bright_image(96, 128)] * 5, container=container, encoder=encoder, options=options)
    assert [type(event) for event in analysis_of(recognizer, (name, data))] == [VideoFrame] * 5


def test_one_jpeg_is_a_picture_unless_it_is_called_a_dump() -> None:
    assert not is_video(JPEG[:256], "a.jpg")
    assert not is_video(JPEG[:256], "a.mp4")
    assert is_video(JPEG[:256], "a.MJPG")


def test_a_sound_with_a_cover_is_said_to_be_no_video(recognizer: Recognizer) -> None:
    data = make_sound("mp4", "aac", cover=JPEG)
    assert list(analysis_of(recognizer, ("song.m4a", data))) == [
        Remark("song.m4a", "The file has sound but no video.", is_problem=True)
    ]


def test_a_file_that_is_called_a_video_and_is_none_is_not_called_a_picture(recognizer: Recognizer) -> None:
    for data in (b"<html>" * 100, b"<html>"):
        [remark] = analysis_of(recognizer, ("clip.mts", data))
        assert isinstance(remark, Remark)
        assert remark.is_problem
        assert "video that can be read" in remark.text


def test_a_video_that_is_cut_off_says_so_after_its_frames(recognizer: Recognizer) -> None:
    images = [np.random.default_rng(seed).integers(0, 255, (96, 128, 3), dtype=np.uint8) for seed in range(50)]
    data = make_video(images, container="matroska")
    *frames, remark = analysis_of(recognizer, ("v.mkv", data[: len(data) // 2]))
    assert remark == Remark(
        "v.mkv", f"The video is cut off or damaged: {len(frames)} of about 50 frames could be read."
    )


def test_times_are_the_containers_in_events_and_in_the_copy(recognizer: Recognizer) -> None:
    writer = ListWriter()
    data = make_video([bright_image(96, 128)] * len(TIMES_S), times_s=TIMES_S)
    events = list(analysis_of(recognizer, ("v.mp4", data), open_writer=lambda *_: writer))
    assert [event.t_s for event in events if isinstance(event, VideoFrame)] == pytest.approx(TIMES_S)
    assert [t_s for t_s, _ in writer.times] == pytest.approx(TIMES_S)
