"""Compare the cost of viewers for this site, a Flask generator and asyncio: python -m benchmarks.serving.

Each server in turn sends frames of 40 KB at 30 fps to the same viewers. Slow viewers read at half the rate,
stalled viewers never read. Needs Linux, for the processes' CPU times and memory.
"""

import argparse
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cameras import FPS
from benchmarks.processes import cpu_s, ending_s, family, free_port, memory_mb, wait_until_it_answers
from benchmarks.viewers import Viewer, ask, watch
from settings import ROOT

VIEWERS, SLOW, STALLED = 256, 4, 16
SECONDS = 20.0


@dataclass
class Result:
    """The figures of a server; worst_rate is a share of the pictures published, cpu a share of one core."""

    worst_rate: float
    cpu: float
    healthz_ms: float
    slow_lag_s: float
    added_mb: float
    end_s: float


def measure(command: Sequence[str], port: int) -> Result:
    """Return the figures of the server that a command starts, with viewers of each kind."""
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    crowd: list[Viewer] = []
    try:
        wait_until_it_answers(port)
        time.sleep(0.5)
        idle_mb = memory_mb(process.pid)
        crowd = [Viewer(ask(port)) for _ in range(VIEWERS + SLOW + STALLED)]
        fast, slow = crowd[:VIEWERS], crowd[VIEWERS : VIEWERS + SLOW]
        watch(fast, 2.0, slow)  # until all are served that will be
        before, cpu_before_s = [viewer.pictures for viewer in fast], cpu_s(*family(process.pid))
        started_s = time.monotonic()
        watch(fast, SECONDS / 2, slow)
        answered_ms = healthz_ms(port)
        watch(fast, SECONDS / 2, slow)
        wall_s = time.monotonic() - started_s
        cpu = (cpu_s(*family(process.pid)) - cpu_before_s) / wall_s
        rates = [(viewer.pictures - count) / (wall_s * FPS) for viewer, count in zip(fast, before, strict=True)]
        lag_s = max(time.time() - viewer.stamp for viewer in slow)
        added_mb = memory_mb(process.pid) - idle_mb
        end_s = ending_s(process)
    finally:
        process.kill()
        process.wait(10)
        for viewer in crowd:
            viewer.connection.close()
    return Result(min(rates), cpu, answered_ms, lag_s, added_mb, end_s)


def healthz_ms(port: int, timeout_s: float = 5.0) -> float:
    """Return the ms until /healthz answers; infinity if it does not."""
    started_s = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        try:
            answered = connection.recv(4096)
        except TimeoutError:
            return float("inf")
    return (time.monotonic() - started_s) * 1000 if answered else float("inf")


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


def main() -> None:
    """Print the figures of each server."""
    argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__).parse_args()
    print(f"{VIEWERS} viewers, {SLOW} at half the rate, {STALLED} stalled, {SECONDS:g} s each")
    print(f"{'':31}{'worst rate':>11}{'CPU':>7}{'healthz':>10}{'slow lag':>10}{'memory':>9}{'SIGTERM':>9}")
    port = free_port()
    for name, command in commands(port).items():
        result = measure(command, port)
        print(
            f"{name:31}{result.worst_rate:>11.0%}{result.cpu:>7.0%}{result.healthz_ms:>7.0f} ms"
            f"{result.slow_lag_s:>8.2f} s{result.added_mb:>+6.0f} MB{result.end_s:>7.2f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
