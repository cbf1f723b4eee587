"""Measure the start-up, the latency and the memory of the site with the demo: python -m benchmarks.site.

Start-up is the time from `python main.py` to the first annotated frame; memory is the sum of all its
processes. While viewers connect and disconnect (--minutes), the memory is read every few seconds and its
growth is printed. Needs Linux.
"""

import argparse
import json
import random
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack

import numpy as np

from benchmarks.processes import ending_s, free_port, memory_mb, wait_until_it_answers
from benchmarks.viewers import Viewer, ask, watch
from settings import ROOT

CROWD = 256
MAX_COMING_AND_GOING = 16
READING_S = 5.0  # between two readings of the memory
WARM_UP_SHARE = 0.25  # of the readings, which do not count for the growth


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


def come_and_go(port: int, pid: int, minutes: float) -> list[tuple[float, float]]:
    """Return readings of the time in s and the memory in MB while viewers connect and leave within 10 s."""
    random.seed(1)
    readings: list[tuple[float, float]] = []
    crowd: list[tuple[Viewer, float]] = []
    started_s = read_s = time.monotonic()
    while (now_s := time.monotonic()) - started_s < minutes * 60:
        if len(crowd) < MAX_COMING_AND_GOING:
            crowd.append((Viewer(ask(port)), now_s + random.uniform(0.2, 10)))
        watch([viewer for viewer, _ in crowd], 0.25)
        for viewer, leaves_s in crowd:
            if leaves_s < now_s:
                viewer.connection.close()
        crowd = [(viewer, leaves_s) for viewer, leaves_s in crowd if leaves_s >= now_s]
        if now_s - read_s >= READING_S:
            read_s = now_s
            readings.append((now_s - started_s, memory_mb(pid)))
    for viewer, _ in crowd:
        viewer.connection.close()
    return readings


def growth_mb_h(readings: list[tuple[float, float]]) -> float:
    """Return the growth of the readings after the warm-up, in MB an hour."""
    times, sizes = np.array(readings).T
    warm = times >= times[-1] * WARM_UP_SHARE
    return float(np.polyfit(times[warm], sizes[warm], 1)[0] * 3600)


def measure_crowd(port: int, pid: int) -> None:
    """Print the memory with CROWD viewers."""
    with ExitStack() as stack:
        crowd = [Viewer(stack.enter_context(ask(port))) for _ in range(CROWD)]
        watch(crowd, 10)
        served = sum(viewer.pictures > 0 for viewer in crowd)
        print(f"memory with {CROWD} viewers ({served} of them served): {memory_mb(pid):.0f} MB")


def measure_coming_and_going(port: int, pid: int, minutes: float) -> None:
    """Print the growth of the memory while viewers come and go."""
    readings = come_and_go(port, pid, minutes)
    first_mb, last_mb = readings[int(len(readings) * WARM_UP_SHARE)][1], readings[-1][1]
    print(
        f"{minutes:g} min of coming and going: {first_mb:.1f} MB after the warm-up, {last_mb:.1f} MB "
        f"at the end, {growth_mb_h(readings):+.1f} MB per hour"
    )


def main(argv: list[str] | None = None) -> int:
    """Print the figures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.site", description=__doc__)
    parser.add_argument(
        "--minutes",
        type=float,
        default=3.0,
        help="time for which viewers connect and disconnect; 0: none (default: 3)",
    )
    minutes: float = parser.parse_args(argv).minutes
    port = free_port()
    command = [sys.executable, "main.py", "--source", "demo", "--port", str(port), "--max-viewers", "300"]
    started_s = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_it_answers(port)
        print(f"first annotated frame after {first_frame_s(port, started_s):.2f} s")
        latency_ms = latencies_ms(port, 10)
        print(f"capture to published: {np.median(latency_ms):.1f} ms median, ", end="")
        print(f"{np.percentile(latency_ms, 95):.1f} p95")
        print(f"memory with one viewer: {memory_mb(process.pid):.0f} MB")
        measure_crowd(port, process.pid)
        if minutes:
            measure_coming_and_going(port, process.pid, minutes)
        print(f"SIGTERM: {ending_s(process):.2f} s")
    finally:
        process.kill()
        process.wait(10)
    return 0


if __name__ == "__main__":
    sys.exit(main())
