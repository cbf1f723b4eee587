"""Measure the frames that viewers miss when parts of a site are killed: python -m benchmarks.faults.

The site is one Redis, two camera processes with the same name, and two web hosts with two workers each; each
host has a viewer that reconnects when its stream ends, as the page does. One part after the other is killed
with kill -9 and restarted; for each viewer, the longest pause and the number of missed frames are printed.
"""

import argparse
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.processes import free_port, start_redis, wait_until_it_answers
from settings import ROOT

BEFORE_S, AFTER_S, MAX_S = 4.0, 4.0, 30.0
STOPPED_S = 3.0  # of Redis
RETRY_S = 0.5  # the page retries after a second at most
NUMBER = re.compile(rb"X-Sequence: (\d+)\r\n")
NO_SIGNAL = 0  # the number of a "No signal" picture
MAX_HEAD_BYTES = 64


class Watcher(threading.Thread):
    """A viewer of one host; pictures holds each one's arrival in s and its number, without "No signal"."""

    def __init__(self, port: int) -> None:
        """Begin to watch in a thread, until `ended` is set."""
        super().__init__(daemon=True)
        self.port, self.ended = port, False
        self.pictures: list[tuple[float, int]] = []
        self.start()

    def run(self) -> None:
        """Read the stream, and reconnect when it ends."""
        while not self.ended:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                    connection.sendall(b"GET /video_feed/lobby HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    self._read(connection)
            except OSError:
                pass
            time.sleep(RETRY_S)

    def _read(self, connection: socket.socket) -> None:
        """Note each picture of a stream, until it ends."""
        last, text = 0, b""
        while not self.ended and (data := connection.recv(262_144)):
            text += data
            found = list(NUMBER.finditer(text))
            for number in (int(match[1]) for match in found):
                if number not in (last, NO_SIGNAL):  # the newest picture may be repeated
                    self.pictures.append((time.monotonic(), number))
                last = number
            text = text[found[-1].end() if found else 0 :][-MAX_HEAD_BYTES:]

    def rate(self) -> float:
        """Return the recent pictures a second."""
        now_s = time.monotonic()
        return sum(now_s - t_s < BEFORE_S for t_s, _ in self.pictures) / BEFORE_S

    def is_back(self) -> bool:
        """Return whether pictures arrive again without a pause."""
        now_s = time.monotonic()
        return sum(now_s - t_s < 1.0 for t_s, _ in self.pictures) > 10

    def missed(self, since_s: float, fps: float) -> tuple[float, int]:
        """Return the longest pause in s since then, and the number of missed pictures.

        Skipped numbers are missed pictures; where a new process counts from 0, the pause times fps is.
        """
        recent = [(t_s, number) for t_s, number in self.pictures if t_s > since_s - 1.0]
        longest_s, count = 0.0, 0
        for (t_s, number), (next_s, next_number) in itertools.pairwise(recent):
            longest_s = max(longest_s, next_s - t_s)
            count += next_number - number - 1 if next_number > number else round((next_s - t_s) * fps)
        return longest_s, count


class Site:
    """The processes of the site, each of which can be killed and started again."""

    def __init__(self) -> None:
        """Start every process, and wait until the hosts answer."""
        self._folder = tempfile.TemporaryDirectory()
        self.redis_port, self.ports = free_port(), (free_port(), free_port())
        self.redis = start_redis(self.redis_port)
        self.cameras = [self.start_camera()]
        self.hosts = [self.start_host(port) for port in self.ports]
        for port in self.ports:
            wait_until_it_answers(port)
        time.sleep(3)
        self.cameras.append(self.start_camera())

    def start_camera(self) -> subprocess.Popen[bytes]:
        """Start a camera process with the demo."""
        return self._start("camera", "--name", "lobby", "--source", "demo")

    def start_host(self, port: int) -> subprocess.Popen[bytes]:
        """Start a web host on a port."""
        return self._start("web", "--workers", "2", "--port", str(port))

    def _start(self, *flags: str) -> subprocess.Popen[bytes]:
        """Start the program with these flags, in a process group of its own."""
        url = f"redis://127.0.0.1:{self.redis_port}/0"
        command = [sys.executable, str(ROOT / "main.py"), *flags, "--redis-url", url]
        command += ["--database-url", str(Path(self._folder.name) / "history.sqlite")]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)

    def kill_camera(self) -> None:
        """Kill the camera process that publishes, which the one on standby replaces, and start another."""
        kill(self.cameras.pop(0))
        self.cameras.append(self.start_camera())

    def kill_both_cameras(self) -> None:
        """Kill both camera processes, and start two."""
        for camera in self.cameras:
            kill(camera)
        self.cameras = [self.start_camera(), self.start_camera()]

    def kill_workers(self) -> None:
        """Kill both workers of the first host; gunicorn starts others."""
        parent = self.hosts[0].pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)

    def kill_host(self) -> None:
        """Kill the whole first host, and start it again at once, as systemd does."""
        kill(self.hosts[0])
        self.hosts[0] = self.start_host(self.ports[0])

    def stop_redis(self) -> None:
        """Kill Redis, and start it again after STOPPED_S."""
        kill(self.redis)
        time.sleep(STOPPED_S)
        self.redis = start_redis(self.redis_port)

    def stall(self) -> None:
        """Connect a viewer to the first host that never reads."""
        self.stalled = socket.create_connection(("127.0.0.1", self.ports[0]))
        self.stalled.sendall(b"GET /video_feed/lobby HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def close(self) -> None:
        """Kill every process."""
        for process in (*self.cameras, *self.hosts, self.redis):
            kill(process)
        self._folder.cleanup()


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with SIGKILL, and its process group if it leads one."""
    if os.getpgid(process.pid) == process.pid:
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait(10)


def try_fault(name: str, do: Callable[[], None], watchers: list[Watcher]) -> None:
    """Cause a fault, wait until every viewer has pictures again, and print the missed ones."""
    time.sleep(BEFORE_S)
    started_s, rates = time.monotonic(), [watcher.rate() for watcher in watchers]
    do()
    time.sleep(AFTER_S)
    deadline_s = started_s + MAX_S
    while not all(watcher.is_back() for watcher in watchers) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    lines = []
    for number, (watcher, fps) in enumerate(zip(watchers, rates, strict=True), 1):
        pause_s, count = watcher.missed(started_s, fps)
        lines.append(f"host {number} paused {pause_s:.2f} s, missed {count} at {fps:.0f}/s")
    print(f"{name}: {'; '.join(lines)}", flush=True)


@contextmanager
def running() -> Iterator[tuple[Site, list[Watcher]]]:
    """Yield a running site and a viewer of each host, both with pictures."""
    with ExitStack() as stack:
        site = Site()
        stack.callback(site.close)
        watchers = [Watcher(port) for port in site.ports]
        for watcher in watchers:
            stack.callback(watcher.join, 10)
            stack.callback(setattr, watcher, "ended", True)
        deadline_s = time.monotonic() + MAX_S
        while not all(len(w.pictures) > 60 for w in watchers) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        yield site, watchers


def main() -> None:
    """Cause each fault in turn."""
    argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__).parse_args()
    if not shutil.which("redis-server"):
        sys.exit("redis-server is not installed")
    with running() as (site, watchers):
        time.sleep(BEFORE_S)
        print(f"undisturbed: {min(watcher.rate() for watcher in watchers):.1f} frames per second", flush=True)
        try_fault("camera process killed, with one on standby", site.kill_camera, watchers)
        try_fault("both camera processes killed, two started", site.kill_both_cameras, watchers)
        try_fault("host 1's workers killed", site.kill_workers, watchers)
        try_fault("host 1 killed, and started again", site.kill_host, watchers)
        try_fault(f"Redis killed, away for {STOPPED_S:g} s", site.stop_redis, watchers)
        try_fault("a reader on host 1 stalls", site.stall, watchers)


if __name__ == "__main__":
    main()
