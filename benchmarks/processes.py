"""Processes that are measured: their start, free ports, CPU time, memory, and their end (Linux)."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from settings import ROOT


def free_port() -> int:
    """Return a TCP port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


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


@contextmanager
def running(command: Sequence[str], port: int | None, stderr: int | None = None) -> Iterator[int]:
    """Yield the pid of a server, once its port answers if it has one; TimeoutError if it does not.

    stderr is that of subprocess.Popen. The server ends with the block.
    """
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        if port:
            wait_until_it_answers(port)
        yield process.pid
    finally:
        ending_s(process)


def program(*flags: str, port: int | None = None) -> AbstractContextManager[int]:
    """Return `running` of `python main.py` with these flags."""
    command = [sys.executable, str(ROOT / "main.py"), *flags, "--log-level", "error"]
    return running([*command, *(("--port", str(port)) if port else ())], port)


def start_redis(port: int) -> subprocess.Popen[bytes]:
    """Start a redis-server that keeps nothing on disk."""
    command = ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


@contextmanager
def redis_server() -> Iterator[tuple[str, int]]:
    """Yield the URL and the pid of a redis-server that answers."""
    port = free_port()
    process = start_redis(port)
    try:
        wait_until_it_answers(port)
        yield f"redis://127.0.0.1:{port}/0", process.pid
    finally:
        process.terminate()
        process.wait()


def family(pid: int) -> list[int]:
    """Return the pids of a process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def cpu_s(*pids: int) -> float:
    """Return the CPU time in s of processes together."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Return the resident memory in MB of a process and its descendants."""
    lines = (line for one in family(pid) for line in Path(f"/proc/{one}/status").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def ending_s(process: subprocess.Popen[bytes], timeout_s: float = 5.0) -> float:
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
