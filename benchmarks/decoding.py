"""Compare PyAV with OpenCV on videos: python -m benchmarks.decoding VIDEO|URL...

Each reads all frames, or those of --seconds of a live stream, in a process of its own. CPU a frame and memory
are those of that process, with its start.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from sources.playback import OPEN_S, READ_S, URL_OPTIONS
from sources.video import VideoReader

MAX_S = 600.0


def read_pyav(address: str) -> Callable[[], bool]:
    """Return a function that reads the next frame, and returns whether there was one."""
    is_url = "://" in address
    reader = (
        VideoReader(address, options=URL_OPTIONS, timeouts_s=(OPEN_S, READ_S))
        if is_url
        else VideoReader(f"file:{Path(address).resolve()}")
    )
    return lambda: reader.read() is not None


def read_opencv(address: str) -> Callable[[], bool]:
    """Return a function as `read_pyav` does."""
    capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG)
    return lambda: capture.read()[0]


READERS = {"PyAV": read_pyav, "OpenCV": read_opencv}


def measure(name: str, address: str, seconds: float) -> str:
    """Return the row of one reader."""
    began_s = time.monotonic()
    read = READERS[name](address)
    first = read()
    first_s = time.monotonic() - began_s
    count = int(first)
    while first and read() and ("://" not in address or time.monotonic() - began_s < seconds):
        count += 1
    wall_s = time.monotonic() - began_s
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_ms = 1000 * (used.ru_utime + used.ru_stime) / max(count, 1)
    return (
        f"{Path(address).name:20}{name:8}{count:7}{first_s * 1000:10.0f}{count / wall_s:9.0f}{cpu_ms:9.2f}"
        f"{used.ru_maxrss / 1024:9.0f}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoding", description=__doc__)
    parser.add_argument("videos", nargs="+", metavar="VIDEO|URL")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a live stream (default: 10)")
    parser.add_argument("--only", choices=READERS, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.only:
        print(measure(args.only, args.videos[0], args.seconds))
        return 0
    print(f"{'video':20}{'reader':8}{'frames':>7}{'first ms':>10}{'a second':>9}{'CPU ms':>9}{'MB':>9}")
    for video in args.videos:
        for name in READERS:
            command = [sys.executable, "-m", "benchmarks.decoding", video, "--only", name]
            command += ["--seconds", str(args.seconds)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=MAX_S, check=True)
            print(done.stdout, end="", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
