"""Read the files that people have as predict.py does, and compare what comes out with what they hold."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from sources.video import VideoReader

MAX_S = 300.0  # for a file
NEAR_S = 0.06
HAPPY, SURPRISE = (0.0, 2.0), (4.0, 6.0)  # s, when which face is there; in between is nobody


class Video(NamedTuple):
    """What a video holds: its frames, the time of the last in s, and when its two faces are there, in s."""

    frames: int
    last_s: float
    happy_s: tuple[float, float] = HAPPY
    surprise_s: tuple[float, float] = SURPRISE
    size_px: tuple[int, int] = (640, 480)
    remark: str = ""


VIDEOS = {
    "base.mp4": Video(180, 5.967),
    "inter.mp4": Video(90, 5.933),
    "inter.mpg": Video(90, 5.933),
    "vfr.mp4": Video(64, 5.0, (0, 2.01), (4, 5)),
    "mr.webm": Video(113, 5.933),
    "half.mp4": Video(5, 8.0, (0, 4.01), (8, 8)),
    "cut_fs.mp4": Video(107, 3.53, HAPPY, (9, 9), remark="cut off"),
    "sar2.mp4": Video(180, 5.967),
    "cam.mts": Video(180, 5.967),
    "x.mjpeg": Video(90, 3.56, (0, 2.37), (9, 9)),  # it has no times: 25 frames a second are assumed
}
OTHERS = {  # each with lines that must come, and words that none may have
    "folder": (("a.jpg: happy", "noext: happy"), ()),
    "names-utf8.zip": (("Größe.jpg: happy", "sonrisa-niño.jpg: happy"), ()),
    "apple.zip": (("a.jpg: happy",), ("._a", "._b")),
    "g12in16.png": (("g12in16.png: happy",), ()),
}


class Row(NamedTuple):
    """One line of the table."""

    name: str
    expected: str
    read: str
    good: bool


def rows(folder: Path, program: Path) -> Iterator[Row]:
    """Yield a row a file of the folder, as a predict.py reads it."""
    for name, video in VIDEOS.items():
        yield _video_row(folder, program, name, video)
    for name, (wanted, unwanted) in OTHERS.items():
        yield _other_row(folder / name, program, wanted, unwanted)


def _video_row(folder: Path, program: Path, name: str, video: Video) -> Row:
    before = [] if name == "base.mp4" else [folder / "base.mp4"]  # whose last picture may be left in the memory
    with tempfile.TemporaryDirectory() as out:
        lines, said = _run(program, "--json", "--annotated", out, *before, folder / name)
        records = [record for record in map(json.loads, lines) if record["file"].endswith(f"/{name}")]
        copies = [path for path in Path(out).iterdir() if path.suffix in (".mp4", ".webm")]
        copy = next((path for path in copies if path.stem == Path(name).stem), None)
        copy_s, size_px = _copy_times(copy) if copy else ([], (0, 0))
    frames = [record for record in records if "frame" in record]
    remarks = [str(record.get("problem") or record.get("note")) for record in records if "frame" not in record]
    times_s = [frame["time_s"] for frame in frames]
    faces = {emotion: _times_of(frames, emotion) for emotion in ("happy", "surprise")}
    others = sorted({face["emotion"] for frame in frames for face in frame["faces"]} - set(faces))
    spans = ", ".join(f"{emotion} {_span(seen_s)}" for emotion, seen_s in faces.items())
    read = f"{len(frames)} frames to {times_s[-1] if times_s else 0:.2f} s, {size_px[0]}x{size_px[1]}; {spans}"
    read += "".join(f"; {emotion}, which nobody shows" for emotion in others)
    read += "".join(f'; "{remark}"' for remark in remarks) + (f"; {said} stray lines" if said else "")
    in_copy = "copy the same" if _alike(times_s, copy_s) else "copy of other times"
    good = (
        abs(len(frames) - video.frames) <= 2
        and abs((times_s or [0])[-1] - video.last_s) <= NEAR_S + 0.04
        and _within(faces["happy"], video.happy_s)
        and _within(faces["surprise"], video.surprise_s)
        and (video.surprise_s[0] > video.last_s or bool(faces["surprise"]))
        and not others
        and size_px == video.size_px
        and _alike(times_s, copy_s)
        and (video.remark in " ".join(remarks) if video.remark else not remarks)
        and not said
    )
    expected = f"{video.frames} frames to {video.last_s:.2f} s, {video.size_px[0]}x{video.size_px[1]}; "
    expected += f"happy {video.happy_s[0]:g} to {video.happy_s[1]:.1f}"
    if video.surprise_s[0] <= video.last_s:
        expected += f", surprise {video.surprise_s[0]:g} to {video.surprise_s[1]:.1f}"
    expected += f'; "… {video.remark} …"' if video.remark else ""
    return Row(name, expected, f"{read}; {in_copy}", good)


def _other_row(path: Path, program: Path, wanted: Sequence[str], unwanted: Sequence[str]) -> Row:
    process = subprocess.run(
        [sys.executable, str(program), str(path)],
        capture_output=True,
        encoding="utf-8",
        cwd=program.parent,
        timeout=MAX_S,
        check=False,
    )
    text = process.stdout + process.stderr
    lines = [
        line.removeprefix(f"{path}/").removeprefix(f"{path.parent}/") for line in text.splitlines() if line
    ]
    good = all(any(want in line for line in lines) for want in wanted) and not any(
        it in text for it in unwanted
    )
    if path.is_dir():
        good = good and all(any(name.name in line for line in lines) for name in path.iterdir())
    expected = ", ".join(wanted) + (", and every other file named" if path.is_dir() else "")
    return Row(path.name, expected, "; ".join(lines[:12]), good)


def _run(program: Path, *arguments: object) -> tuple[list[str], int]:
    """Return the lines that a predict.py prints, and how many on standard error are not about a file."""
    process = subprocess.run(
        [sys.executable, str(program), *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        cwd=program.parent,
        timeout=MAX_S,
        check=False,
    )
    stray = [
        line for line in process.stderr.splitlines() if line.strip() and not line.startswith(("/", "error:"))
    ]
    return process.stdout.splitlines(), len(stray)


def _copy_times(path: Path) -> tuple[list[float], tuple[int, int]]:
    """Return the times of a video's frames in s, and their (width, height)."""
    times_s: list[float] = []
    size_px = (0, 0)
    with path.open("rb") as file, closing(VideoReader(file)) as reader:
        while (timed := reader.read()) is not None:
            times_s.append(timed.t_s)
            size_px = (timed.image.shape[1], timed.image.shape[0])
    return times_s, size_px


def _times_of(frames: Sequence[dict[str, Any]], emotion: str) -> list[float]:
    return [frame["time_s"] for frame in frames if any(face["emotion"] == emotion for face in frame["faces"])]


def _span(times_s: Sequence[float]) -> str:
    return f"{times_s[0]:.2f} to {times_s[-1]:.2f}" if times_s else "never"


def _within(times_s: Sequence[float], span_s: tuple[float, float]) -> bool:
    """Return whether a face was seen only while it was there."""
    return all(span_s[0] - 0.01 <= t_s <= span_s[1] + 0.01 for t_s in times_s)


def _alike(times_s: Sequence[float], copy_s: Sequence[float]) -> bool:
    return len(times_s) == len(copy_s) and all(
        abs(one - other) < NEAR_S for one, other in zip(times_s, copy_s, strict=True)
    )
