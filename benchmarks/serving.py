"""python -m benchmarks.serving: what viewers cost, here, with Flask's plain way, and with plain asyncio.

Each server sends 40 KB pictures at 30 fps to the same viewers, one after the other in the same run. Slow
viewers read at half the rate, stalled ones never. Needs Linux, for the processes' times and memory.
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
    """One connection; pictures counts the parts it has got, stamp is the newest part's time (Unix, s)."""

    connection: socket.socket
    pictures: int = 0
    stamp: float = field(default_factory=time.time)
    budget: float = 0.0
    tail: bytes = b""

    def read(self, most: int) -> int:
        """Read up to most bytes without waiting; return how many there were."""
        try:
            data = self.connection.recv(most)
        except BlockingIOError:
            return 0
        text = self.tail + data
        self.pictures += text.count(MARK)
        at = text.rfind(MARK)
        if at >= 0 and len(text) >= at + len(MARK) + STAMP_DIGITS:
            self.stamp = float(text[at + len(MARK) : at + len(MARK) + STAMP_DIGITS])
        self.tail = text[-len(MARK) + 1 :]
        return len(data)


@dataclass
class Result:
    """Figures of one server; rates are shares of what was published, cpu a share of one core."""

    worst_rate: float
    cpu: float
    healthz_ms: float
    slow_lag_s: float
    added_mb: float
    end_s: float


def measure(command: Sequence[str], port: int, viewers: int, slow: int, stalled: int, seconds: float) -> Result:
    """Return the figures of the server that the command starts."""
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    crowd: list[Viewer] = []
    try:
        wait_until_it_answers(port)
        time.sleep(0.5)
        idle_mb = memory_mb(process.pid)
        crowd = [Viewer(ask(port, REQUEST)) for _ in range(viewers + slow + stalled)]
        watch(crowd, viewers, slow, 2.0)  # until all are served, or it is known that they are not
        before, cpu_s, started = [viewer.pictures for viewer in crowd], cpu_of(process.pid), time.monotonic()
        watch(crowd, viewers, slow, seconds / 2)
        healthz_ms = time_healthz(port)
        watch(crowd, viewers, slow, seconds / 2)
        wall_s = time.monotonic() - started
        cpu = (cpu_of(process.pid) - cpu_s) / wall_s
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
    """Let every viewer read as it does: the first `fast` all they can, the next `slow` at half the rate."""
    ends_at = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for viewer in crowd[:fast]:
            selector.register(viewer.connection, selectors.EVENT_READ, viewer)
        while (now := time.monotonic()) < ends_at:
            for key, _ in selector.select(STEP_S):
                if not key.data.read(262_144):
                    selector.unregister(key.fileobj)
            for viewer in crowd[fast : fast + slow]:
                viewer.budget += (time.monotonic() - now) * SLOW_BYTES_S
                if viewer.budget >= 1:
                    viewer.budget -= viewer.read(int(viewer.budget))


def ask(port: int, request: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.sendall(request)
    connection.setblocking(False)
    return connection


def wait_until_it_answers(port: int, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")


def time_healthz(port: int, timeout_s: float = 5.0) -> float:
    """Return in how many ms /healthz answers; infinity if it does not."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        try:
            answered = connection.recv(4096)
        except TimeoutError:
            return float("inf")
    return (time.monotonic() - started) * 1000 if answered else float("inf")


def time_ending(process: subprocess.Popen[bytes], timeout_s: float = 5.0) -> float:
    """Return how many s the process takes to obey SIGTERM; infinity if it takes longer than timeout_s."""
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        for pid in family(process.pid):
            os.kill(pid, signal.SIGKILL)
        return float("inf")
    return time.monotonic() - started


def family(pid: int) -> list[int]:
    """Return pid and its children's, all generations."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def cpu_of(pid: int) -> float:
    """Return how many s of CPU the process and its children have used."""
    ticks = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Return the resident memory of the process and its children in MB."""
    lines = (line for one in family(pid) for line in Path(f"/proc/{one}/status").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def commands(port: int) -> dict[str, list[str]]:
    """Return the servers' names and how they are started."""
    gunicorn = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    own = [*gunicorn, "--config", "gunicorn.conf.py", "--threads", "4", "benchmarks.servers:shared()"]
    plain = [*gunicorn, "--config", "/dev/null", "--threads", "64", "--worker-class", "gthread"]
    return {
        "this site, 4 threads": own,
        "Flask's generator, 64 threads": [*plain, "benchmarks.servers:generator()"],
        "asyncio": [sys.executable, "-m", "benchmarks.servers", str(port)],
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--viewers", type=int, default=256)
    parser.add_argument("--slow", type=int, default=4)
    parser.add_argument("--stalled", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--port", type=int, default=5990)
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
