"""python -m benchmarks.site: the real site with the demo: how soon it shows something, how late, how large.

Start-up is from `python main.py` to its first annotated frame; memory is that of all its processes; while
viewers come and go (--minutes) the memory is read every few seconds, and its growth printed. Needs Linux.
"""

import argparse
import json
import random
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from typing import Any

import numpy as np

from benchmarks.serving import REQUEST, Viewer, ask, memory_mb, time_ending, wait_until_it_answers, watch
from settings import ROOT

CROWD = 256
MAX_COMING_AND_GOING = 16
LOOK_S = 5.0
WARM_UP_SHARE = 0.25  # of the time of coming and going, before growth is looked at


def get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=15) as response:
        body: bytes = response.read()
        return body


def time_first_frame(port: int, started: float) -> float:
    """Return how many s after `started` the stream gave its first annotated picture."""
    with ask(port, REQUEST) as connection:
        connection.settimeout(15)
        data = b""
        while b"\xff\xd9\r\n" not in data:
            data += connection.recv(65536)
    return time.monotonic() - started


def latencies_ms(port: int, seconds: float) -> list[float]:
    """Return capture-to-publish in ms, read from /state, while one viewer reads."""
    values: list[float] = []
    with ExitStack() as leaving:
        viewer = Viewer(leaving.enter_context(ask(port, REQUEST)))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            watch([viewer], 1, 0, 0.1)
            values.append(json.loads(get(port, "/state"))["latency_ms"])
    return values[10:]


def come_and_go(port: int, pid: int, minutes: float) -> list[tuple[float, float]]:
    """Return (s, MB) readings while viewers come, stay for up to 10 s and leave, some without a word."""
    random.seed(1)
    readings: list[tuple[float, float]] = []
    crowd: list[tuple[Viewer, float]] = []
    started = looked = time.monotonic()
    while (now := time.monotonic()) - started < minutes * 60:
        if len(crowd) < MAX_COMING_AND_GOING:
            crowd.append((Viewer(ask(port, REQUEST)), now + random.uniform(0.2, 10)))
        watch([viewer for viewer, _ in crowd], len(crowd), 0, 0.25)
        for viewer, until in crowd:
            if until < now:
                viewer.connection.close()
        crowd = [(viewer, until) for viewer, until in crowd if until >= now]
        if now - looked >= LOOK_S:
            looked = now
            readings.append((now - started, memory_mb(pid)))
    for viewer, _ in crowd:
        viewer.connection.close()
    return readings


def growth_mb_h(readings: list[tuple[float, float]]) -> float:
    """Return the slope of the readings after the warm-up, in MB an hour."""
    times, sizes = np.array(readings).T
    kept = times >= times[-1] * WARM_UP_SHARE
    return float(np.polyfit(times[kept], sizes[kept], 1)[0] * 3600)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.site", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="of viewers coming and going; 0: none")
    parser.add_argument("--port", type=int, default=5970)
    args: Any = parser.parse_args(argv)
    command = [sys.executable, "main.py", "--source", "demo", "--port", str(args.port), "--max-viewers", "300"]
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    crowd: list[Viewer] = []
    try:
        wait_until_it_answers(args.port)
        print(f"first annotated frame after {time_first_frame(args.port, started):.2f} s")
        late = latencies_ms(args.port, 10)
        print(f"capture to published: {np.median(late):.1f} ms median, {np.percentile(late, 95):.1f} p95")
        print(f"memory with one viewer: {memory_mb(process.pid):.0f} MB")
        crowd = [Viewer(ask(args.port, REQUEST)) for _ in range(CROWD)]
        watch(crowd, CROWD, 0, 10)
        fed = sum(viewer.pictures > 0 for viewer in crowd)
        print(f"memory with {CROWD} viewers ({fed} of them fed): {memory_mb(process.pid):.0f} MB")
        for viewer in crowd:
            viewer.connection.close()
        if args.minutes:
            readings = come_and_go(args.port, process.pid, args.minutes)
            first, last = readings[int(len(readings) * WARM_UP_SHARE)][1], readings[-1][1]
            print(
                f"{args.minutes:g} min of coming and going: {first:.1f} MB after the warm-up, {last:.1f} MB "
                f"at the end, {growth_mb_h(readings):+.1f} MB an hour"
            )
        print(f"SIGTERM: {time_ending(process):.2f} s")
    finally:
        process.kill()
        process.wait(10)
    return 0


if __name__ == "__main__":
    sys.exit(main())
