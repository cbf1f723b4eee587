"""Measure the start-up, the latency and the memory of the site with the demo: python -m benchmarks.site.

Start-up is the time from `python main.py` to the first annotated frame; memory is the sum of all its
processes. It is printed each minute while viewers connect and disconnect (--minutes). Needs Linux.
"""

import argparse
import json
import random
import statistics
import sys
import time
import urllib.request
from contextlib import ExitStack

from benchmarks.processes import free_port, memory_mb, program
from benchmarks.viewers import Viewer, ask, watch

CROWD = 256
MAX_COMING_AND_GOING = 16


def first_frame_s(port: int, started_s: float) -> float:
    """Return the s from started_s to the stream's first annotated picture."""
    with ask(port) as connection:
        connection.settimeout(15)
        data = b""
        while b"\xff\xd9\r\n" not in data:
            data += connection.recv(65536)
    return time.monotonic() - started_s


def latencies_ms(port: int, seconds: float) -> list[float]:
    """Return the ms from capture to publication, read from /state again and again with one viewer."""
    values: list[float] = []
    with ExitStack() as stack:
        viewer = Viewer(stack.enter_context(ask(port)))
        ends_s = time.monotonic() + seconds
        while time.monotonic() < ends_s:
            watch([viewer], 0.1)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/state", timeout=15) as response:
                values.append(json.load(response)["latency_ms"])
    return values[10:]


def measure_crowd(port: int, pid: int) -> None:
    """Print the memory with CROWD viewers."""
    with ExitStack() as stack:
        crowd = [Viewer(stack.enter_context(ask(port))) for _ in range(CROWD)]
        watch(crowd, 10)
        served = sum(viewer.pictures > 0 for viewer in crowd)
        print(f"memory with {CROWD} viewers ({served} of them served): {memory_mb(pid):.0f} MB")


def come_and_go(port: int, pid: int, minutes: int) -> None:
    """Print the memory each minute while viewers connect and leave within 10 s."""
    random.seed(1)
    crowd: list[tuple[Viewer, float]] = []
    started_s = time.monotonic()
    for minute in range(1, minutes + 1):
        while (now_s := time.monotonic()) - started_s < minute * 60:
            if len(crowd) < MAX_COMING_AND_GOING:
                crowd.append((Viewer(ask(port)), now_s + random.uniform(0.2, 10)))
            watch([viewer for viewer, _ in crowd], 0.25)
            for viewer, leaves_s in crowd:
                if leaves_s < now_s:
                    viewer.connection.close()
            crowd = [(viewer, leaves_s) for viewer, leaves_s in crowd if leaves_s >= now_s]
        print(f"memory after {minute} min: {memory_mb(pid):.1f} MB", flush=True)
    for viewer, _ in crowd:
        viewer.connection.close()


def main(argv: list[str] | None = None) -> int:
    """Print the figures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.site", description=__doc__)
    parser.add_argument(
        "--minutes", type=int, default=3, help="time for which viewers connect and disconnect (default: 3)"
    )
    minutes: int = parser.parse_args(argv).minutes
    port, started_s = free_port(), time.monotonic()
    with program("--source", "demo", "--max-viewers", "300", port=port) as pid:
        print(f"first annotated frame after {first_frame_s(port, started_s):.2f} s", flush=True)
        print(f"capture to published: {statistics.median(latencies_ms(port, 10)):.1f} ms, the median")
        print(f"memory with one viewer: {memory_mb(pid):.0f} MB")
        measure_crowd(port, pid)
        if minutes:
            print(f"up to {MAX_COMING_AND_GOING} viewers connect and disconnect")
            come_and_go(port, pid, minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
