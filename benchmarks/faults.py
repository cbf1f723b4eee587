"""What viewers miss when parts of a site die: python -m benchmarks.faults

One Redis, two camera processes of one name, two web hosts of two workers each, and on each host a viewer who
comes back when its stream ends, as the page does. One after the other something is killed with kill -9 and
started again; for each viewer it prints the longest pause, and how many pictures it missed.
"""

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

from benchmarks.relay import free_port
from benchmarks.serving import wait_until_it_answers
from settings import ROOT

BEFORE_S, AFTER_S, MAX_S = 4.0, 4.0, 30.0
STOPPED_S = 3.0  # for so long Redis is away
RETRY_S = 0.5  # the page's first try comes after a second at most
NUMBER = re.compile(rb"X-Sequence: (\d+)\r\n")
NO_SIGNAL = 0  # the number of a picture that says so
MAX_HEAD_BYTES = 64


class Watcher(threading.Thread):
    """A viewer of one host; came is when its pictures came (s) and their numbers, without "no signal"."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port, self.ended = port, False
        self.came: list[tuple[float, int]] = []
        self.start()

    def run(self) -> None:
        while not self.ended:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                    connection.sendall(b"GET /video_feed/lobby HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    self._read(connection)
            except OSError:
                pass
            time.sleep(RETRY_S)

    def _read(self, connection: socket.socket) -> None:
        last, text = 0, b""
        while not self.ended and (data := connection.recv(262_144)):
            text += data
            found = list(NUMBER.finditer(text))
            for number in (int(match[1]) for match in found):
                if number not in (last, NO_SIGNAL):  # a picture that stands still is sent again
                    self.came.append((time.monotonic(), number))
                last = number
            text = text[found[-1].end() if found else 0 :][-MAX_HEAD_BYTES:]

    def rate(self) -> float:
        """Return how many came a second, lately."""
        now = time.monotonic()
        return sum(now - at < BEFORE_S for at, _ in self.came) / BEFORE_S

    def is_back(self) -> bool:
        """Return whether pictures come again without a pause."""
        now = time.monotonic()
        return sum(now - at < 1.0 for at, _ in self.came) > 10

    def missed(self, since: float, fps: float) -> tuple[float, int]:
        """Return the longest pause (s) since then, and how many pictures are missing.

        Those are the numbers that were skipped; where a new process counts from 0, the pause times fps.
        """
        recent = [(at, number) for at, number in self.came if at > since - 1.0]
        longest_s, count = 0.0, 0
        for (at, number), (later, next_number) in itertools.pairwise(recent):
            longest_s = max(longest_s, later - at)
            count += next_number - number - 1 if next_number > number else round((later - at) * fps)
        return longest_s, count


class Site:
    """The processes, and how each is killed and started again."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.redis_port, self.ports = free_port(), (free_port(), free_port())
        self.redis = self.start_redis()
        self.cameras = [self.start_camera()]
        self.hosts = [self.start_host(port) for port in self.ports]
        for port in self.ports:
            wait_until_it_answers(port)
        time.sleep(3)
        self.cameras.append(self.start_camera())

    def start_redis(self) -> "subprocess.Popen[bytes]":
        command = ["redis-server", "--port", str(self.redis_port), "--save", "", "--bind", "127.0.0.1"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def start_camera(self) -> "subprocess.Popen[bytes]":
        return self._start("camera", "--name", "lobby", "--source", "demo")

    def start_host(self, port: int) -> "subprocess.Popen[bytes]":
        return self._start("web", "--workers", "2", "--port", str(port))

    def _start(self, *flags: str) -> "subprocess.Popen[bytes]":
        url = f"redis://127.0.0.1:{self.redis_port}/0"
        command = [sys.executable, str(ROOT / "main.py"), *flags, "--redis-url", url]
        command += ["--database-url", str(Path(self._folder.name) / "history.sqlite")]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)

    def kill_camera(self) -> None:
        """Kill the camera process that publishes; the spare takes over, and a new one waits."""
        kill(self.cameras.pop(0))
        self.cameras.append(self.start_camera())

    def kill_both_cameras(self) -> None:
        for camera in self.cameras:
            kill(camera)
        self.cameras = [self.start_camera(), self.start_camera()]

    def kill_workers(self) -> None:
        """Kill the first host's workers, whichever serves the viewer; gunicorn starts others."""
        parent = self.hosts[0].pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)

    def kill_host(self) -> None:
        """Kill the first host wholly; it is started again at once, as systemd does."""
        kill(self.hosts[0])
        self.hosts[0] = self.start_host(self.ports[0])

    def stop_redis(self) -> None:
        kill(self.redis)
        time.sleep(STOPPED_S)
        self.redis = self.start_redis()

    def stall(self) -> None:
        """Have a reader on the first host that never reads."""
        self.stalled = socket.create_connection(("127.0.0.1", self.ports[0]))
        self.stalled.sendall(b"GET /video_feed/lobby HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def close(self) -> None:
        for process in (*self.cameras, *self.hosts, self.redis):
            kill(process)
        self._folder.cleanup()


def kill(process: "subprocess.Popen[bytes]") -> None:
    """kill -9 a process and its children, if it leads them."""
    if os.getpgid(process.pid) == process.pid:
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait(10)


def try_fault(name: str, do: Callable[[], None], watchers: list[Watcher]) -> None:
    """Do it, wait until every picture is back, and print what was missed."""
    time.sleep(BEFORE_S)
    began, rates = time.monotonic(), [watcher.rate() for watcher in watchers]
    do()
    time.sleep(AFTER_S)
    deadline = began + MAX_S
    while not all(watcher.is_back() for watcher in watchers) and time.monotonic() < deadline:
        time.sleep(0.1)
    told = []
    for number, (watcher, fps) in enumerate(zip(watchers, rates, strict=True), 1):
        pause_s, count = watcher.missed(began, fps)
        told.append(f"host {number} paused {pause_s:.2f} s, missed {count} at {fps:.0f}/s")
    print(f"{name}: {'; '.join(told)}", flush=True)


@contextmanager
def running() -> Iterator[tuple[Site, list[Watcher]]]:
    with ExitStack() as stack:
        site = Site()
        stack.callback(site.close)
        watchers = [Watcher(port) for port in site.ports]
        for watcher in watchers:
            stack.callback(setattr, watcher, "ended", True)
        deadline = time.monotonic() + MAX_S
        while not all(len(watcher.came) > 60 for watcher in watchers) and time.monotonic() < deadline:
            time.sleep(0.1)
        yield site, watchers


def main() -> None:
    """Try everything in turn."""
    if not shutil.which("redis-server"):
        sys.exit("redis-server is not installed")
    with running() as (site, watchers):
        time.sleep(BEFORE_S)
        print(f"undisturbed: {min(watcher.rate() for watcher in watchers):.1f} pictures a second", flush=True)
        try_fault("camera process killed, a spare waits", site.kill_camera, watchers)
        try_fault("both camera processes killed, two started", site.kill_both_cameras, watchers)
        try_fault("host 1's workers killed", site.kill_workers, watchers)
        try_fault("host 1 killed, and started again", site.kill_host, watchers)
        try_fault(f"Redis killed, away for {STOPPED_S:g} s", site.stop_redis, watchers)
        try_fault("a reader on host 1 stalls", site.stall, watchers)


if __name__ == "__main__":
    main()
