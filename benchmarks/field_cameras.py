"""Open every behaviour of an odd HTTP camera as a source: python -m benchmarks.field_cameras FOLDER.

FOLDER has `badcam.py`, which serves one behaviour a path. For each path a table row says what is expected,
and what a viewer was shown.
"""

import argparse
import contextlib
import itertools
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from app import SAMPLES
from camera import Camera
from settings import ROOT
from sources.demo import DemoSource
from sources.opener import SourceOpener, source_name
from vision.frames import AnnotatedFrame, Frame, Image
from vision.samples import read_face

SIZE_PX = (640, 480)
WATCH_S = 8.0
START_S = 20.0  # for the camera's program
AT_ONCE = 3
SLACK = 0.6  # of the rate, on a busy machine
NUMBER_PX = 32  # in the first rows, with what a JPEG blurs around it
MAX_ERROR = 1.0  # gray levels; a picture that is cut off is further from what the camera sends

# Each path with the words of the problem that is to be shown, or the pictures a second.
EXPECTED: dict[str, str | float] = {
    **dict.fromkeys(("plain", "nolength", "quoted", "dashes", "nofirst", "wrongboundary", "noboundary"), 15),
    **dict.fromkeys(("notype", "octet", "mixed", "replace_only_lf", "parttype_jpg", "parttype_case"), 15),
    **dict.fromkeys(("chunked", "gray", "progressive", "resize", "preamble", "junkafter", "redirect"), 15),
    **{"slowtrickle": 2, "fps1": 1, "fps02": 0.2, "fps60": 60, "ends": 8, "single": 1, "badjpeg": 10, "big": 5},
    **{"basic": "password", "basic?": 15, "digest": "password", "digest?": 15, "503then": 15, "html": "page"},
    **{
        "404": "(404)",
        "hang": "answer",
        "headhang": "no picture",
        "stops": "no picture",
        "nothing-here": "(404)",
    },
}
PASSWORDS = {"basic?": "admin:pa%40ss%3Aw%2Frd", "digest?": "admin:secret"}
SLOW = ("fps02", "stops", "503then", "headhang", "hang")
BROKEN = ("503then",)  # says meanwhile that it gives no picture


class Row(NamedTuple):
    """What was expected of an input, and what was shown; good says whether the two agree."""

    name: str
    expected: str
    shown: str
    good: bool


@dataclass
class Shown:
    """What a viewer of one camera was shown."""

    began_s: float = field(default_factory=time.monotonic)
    at_s: list[float] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    wrong: int = 0  # pictures that are not the camera's
    problems: list[str] = field(default_factory=list)

    def process(self, frame: Frame) -> AnnotatedFrame:
        """Note a frame, and return it without faces."""
        self.at_s.append(time.monotonic() - self.began_s)
        self.numbers.append(number(frame.image))
        self.wrong += error(frame.image) > MAX_ERROR
        return AnnotatedFrame(frame.index, frame.captured_s, time.monotonic(), b"")

    def fps(self) -> float:
        """Return how many different pictures a second were shown; 0 for fewer than two."""
        if len(self.at_s) < 2:
            return 0.0
        changes = sum(one != other for one, other in itertools.pairwise(self.numbers))
        return changes / (self.at_s[-1] - self.at_s[0])


def number(image: Image) -> int:
    """Return the number that the camera drew into an image as 16 black and white blocks."""
    return sum(int(image[8, bit * 16 + 8].mean() > 127) << bit for bit in range(16))


def error(image: Image) -> float:
    """Return the mean difference of an image, below its number, from the one expected, in gray levels."""
    height, width = image.shape[:2]
    return float(cv2.absdiff(image, expected_image(height, width))[NUMBER_PX:].mean())


@cache
def expected_image(height: int, width: int) -> Image:
    """Return the scene that the camera sends, (height, width, 3) uint8 BGR, without its number."""
    scene, side, top, left = np.full((height, width, 3), 125, np.uint8), height // 2, height // 4, width // 4
    face = cv2.cvtColor(read_face(SAMPLES / "happy" / "01.jpg"), cv2.COLOR_GRAY2BGR)
    scene[top : top + side, left : left + side] = cv2.resize(face, (side, side))
    return scene


@contextlib.contextmanager
def bad_camera(program: Path) -> Iterator[int]:
    """Run the camera's program and give its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(program), str(port)], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(START_S)


def watch(port: int, path: str) -> Row:
    """Watch one behaviour as a viewer does, and return its row."""
    user = f"{PASSWORDS[path]}@" if path in PASSWORDS else ""
    url = f"http://{user}127.0.0.1:{port}/{path.strip('?')}"
    shown = Shown()
    opener = SourceOpener(url, SIZE_PX, partial(DemoSource, SAMPLES))
    camera = Camera(source_name(url), opener, shown.process, idle_s=0.5, stall_s=3.0)

    def note() -> None:
        newest = camera.annotated.newest()
        if newest and newest.problem and newest.problem not in shown.problems:
            shown.problems.append(newest.problem)

    camera.annotated.subscribe(note)
    with camera.viewing():
        time.sleep(WATCH_S * (2 if path in SLOW else 1))
    camera.close()
    return as_row(path, EXPECTED[path], shown)


def as_row(path: str, expected: str | float, shown: Shown) -> Row:
    """Return the row of one behaviour."""
    said = "; ".join(f'"{problem}"' for problem in shown.problems)
    wrong = f", {shown.wrong} not the camera's" if shown.wrong else ""
    pictures = f"{len(shown.numbers)} pictures, {shown.fps():.1f} a second{wrong}" if shown.numbers else ""
    seen = " and ".join(filter(None, (pictures, said))) or "nothing"
    if isinstance(expected, str):
        good = any(expected in problem for problem in shown.problems) and not shown.wrong
        return Row(f"/{path}", f'"… {expected} …"', seen, good)
    good = not shown.wrong and shown.fps() >= expected * SLACK and (path in BROKEN or not said)
    return Row(f"/{path}", f"{expected:g} pictures a second", seen, good)


def rows(folder: Path) -> Iterator[Row]:
    """Yield a row for each behaviour of the camera in a folder."""
    with bad_camera(folder / "badcam.py") as port, ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(partial(watch, port), EXPECTED)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, and return 1 if a row is not as expected."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.field_cameras", description=__doc__)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args(argv)
    lines = Lines()
    logging.basicConfig(level=logging.INFO, handlers=[lines], force=True)
    print("| path | expected | shown | |\n| --- | --- | --- | --- |")
    bad = 0
    for row in rows(args.folder):
        bad += not row.good
        print(f"| `{row.name}` | {row.expected} | {row.shown} | {'yes' if row.good else 'NO'} |", flush=True)
    print(f"\n{bad} not as expected; {lines.count} lines logged")
    return int(bad > 0)


class Lines(logging.Handler):
    """Counts the lines of the log."""

    count = 0

    def emit(self, _record: logging.LogRecord) -> None:
        """Count a line."""
        self.count += 1


if __name__ == "__main__":
    sys.exit(main())
