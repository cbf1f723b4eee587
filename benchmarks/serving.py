"""Compare viewers' cost to this site, to a Flask generator and to asyncio: python -m benchmarks.serving.

Each server in turn sends 40 KB pictures at 30 fps to the same viewers. Slow viewers read at half the rate,
stalled ones never. Needs Linux, for the processes' CPU times and memory.
"""

import argparse
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.servers import FPS, PICTURE
from settings import ROOT

REQUEST = b"GET /video_feed HTTP/1.1\r\nHost: localhost\r\n\r\n"
MARK = b"X-Timestamp: "
STAMP_DIGITS = 17  # 1700000000.123456
SLOW_BYTES_S = len(PICTURE) * FPS / 2
STEP_S = 0.02


@dataclass(eq=False)
class Viewer:
    """A viewer's connection, the number of its pictures, and the newest one's X-Timestamp (Unix time, s)."""

    connection: socket.socket
    pictures: int = 0
    stamp: float = field(default_factory=time.time)
    budget: float = 0.0
    tail: bytes = b""

    def read(self, max_bytes: int) -> int:
        """Read up to max_bytes without waiting, and return their number."""
        try:
            data = self.connection.recv(max_bytes)
        except BlockingIOError:
            return 0
        text = self.tail + data
        self.pictures += text.count(MARK)
        start = text.rfind(MARK) + len(MARK)
        if MARK in text and len(text) >= start + STAMP_DIGITS:
            self.stamp = float(text[start : start + STAMP_DIGITS])
        self.tail = text[-len(MARK) + 1 :]
        return len(data)


@dataclass
class Result:
    """The figures of a server; worst_rate is a share of the pictures published, cpu a share of one core."""

    worst_rate: float
    cpu: float
    healthz_ms: float
    slow_lag_s: float
    added_mb: float
    end_s: float


def measure(command: Sequence[str], port: int, viewers: int, slow: int, stalled: int, seconds: float) -> Result:
    """Return the figures of the server that a command starts, with viewers of each kind."""
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    crowd: list[Viewer] = []
    try:
        wait_until_it_answers(port)
        time.sleep(0.5)
        idle_mb = memory_mb(process.pid)
        crowd = [Viewer(ask(port, REQUEST)) for _ in range(viewers + slow + stalled)]
        watch(crowd, viewers, slow, 2.0)  # until all are served that will be
        before, cpu_before_s = [viewer.pictures for viewer in crowd], cpu_of(process.pid)
        started_s = time.monotonic()
        watch(crowd, viewers, slow, seconds / 2)
        healthz_ms = time_healthz(port)
        watch(crowd, viewers, slow, seconds / 2)
        wall_s = time.monotonic() - started_s
        cpu = (cpu_of(process.pid) - cpu_before_s) / wall_s
        rates = [
            (viewer.pictures - count) / (wall_s * FPS) for viewer, count in zip(crowd, before, strict=True)
        ]
        lags = [time.time() - viewer.stamp for viewer in crowd[viewers : viewers + slow]]
        added_mb = memory_mb(process.pid) - idle_mb
        end_s = time_ending(process)
    finally:
        process.kill()
        process.wait(10)
        for viewer in crowd:
            viewer.connection.close()
    return Result(min(rates[:viewers]), cpu, healthz_ms, max(lags, default=0.0), added_mb, end_s)


def watch(crowd: list[Viewer], fast: int, slow: int, seconds: float) -> None:
    """Read for so many seconds: the first `fast` viewers all they get, the next `slow` at half the rate."""
    ends_s = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for viewer in crowd[:fast]:
            selector.register(viewer.connection, selectors.EVENT_READ, viewer)
        while (now_s := time.monotonic()) < ends_s:
            for key, _ in selector.select(STEP_S):
                if not key.data.read(262_144):
                    selector.unregister(key.fileobj)
            for viewer in crowd[fast : fast + slow]:
                viewer.budget += (time.monotonic() - now_s) * SLOW_BYTES_S
                if viewer.budget >= 1:
                    viewer.budget -= viewer.read(int(viewer.budget))


def ask(port: int, request: bytes) -> socket.socket:
    """Send a request, and return its connection, which does not block."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.sendall(request)
    connection.setblocking(False)
    return connection


def wait_until_it_answers(port: int, timeout_s: float = 30.0) -> None:
    """Wait until a port accepts connections; TimeoutError after timeout_s."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")


def time_healthz(port: int, timeout_s: float = 5.0) -> float:
    """Return the ms until /healthz answers; infinity if it does not."""
    started_s = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        try:
            answered = connection.recv(4096)
        except TimeoutError:
            return float("inf")
    return (time.monotonic() - started_s) * 1000 if answered else float("inf")


def time_ending(process: subprocess.Popen[bytes], timeout_s: float = 5.0) -> float:
    """Return the s until the process ends after SIGTERM; infinity if it is longer than timeout_s."""
    started_s = time.monotonic()
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        for pid in family(process.pid):
            os.kill(pid, signal.SIGKILL)
        return float("inf")
    return time.monotonic() - started_s


def family(pid: int) -> list[int]:
    """Return the pids of a process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def cpu_of(pid: int) -> float:
    """Return the CPU time in s of a process and its descendants."""
    ticks = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Return the resident memory in MB of a process and its descendants."""
    lines = (line for one in family(pid) for line in Path(f"/proc/{one}/status").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def commands(port: int) -> dict[str, list[str]]:
    """Return the command that starts each server, by the server's name."""
    gunicorn = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    own = [*gunicorn, "--config", "gunicorn.conf.py", "--threads", "4", "benchmarks.servers:shared()"]
    plain = [*gunicorn, "--config", "/dev/null", "--threads", "64", "--worker-class", "gthread"]
    return {
        "this site, 4 threads": own,
        "Flask's generator, 64 threads": [*plain, "benchmarks.servers:generator()"],
        "asyncio": [sys.executable, "-m", "benchmarks.servers", str(port)],
    }


def main(argv: list[str] | None = None) -> int:
    """Print the figures of each server; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--viewers", type=int, default=256, help="viewers at the full rate (default: 256)")
    parser.add_argument("--slow", type=int, default=4, help="viewers at half the rate (default: 4)")
    parser.add_argument("--stalled", type=int, default=16, help="viewers that never read (default: 16)")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a measurement (default: 20)")
    parser.add_argument("--port", type=int, default=5990, help="first of three ports (default: 5990)")
    args: Any = parser.parse_args(argv)
    crowd = f"{args.viewers} viewers, {args.slow} at half the rate, {args.stalled} stalled"
    print(f"{crowd}, {args.seconds:g} s each")
    print(f"{'':31}{'worst rate':>11}{'CPU':>7}{'healthz':>10}{'slow lag':>10}{'memory':>9}{'SIGTERM':>9}")
    for number, name in enumerate(commands(args.port)):
        port = args.port + number
        result = measure(commands(port)[name], port, args.viewers, args.slow, args.stalled, args.seconds)
        print(
            f"{name:31}{result.worst_rate:>11.0%}{result.cpu:>7.0%}{result.healthz_ms:>7.0f} ms"
            f"{result.slow_lag_s:>8.2f} s{result.added_mb:>+6.0f} MB{result.end_s:>7.2f} s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
