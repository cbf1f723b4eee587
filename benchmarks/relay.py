"""Measure the cost of the relay through Redis: python -m benchmarks.relay [CAMERAS [VIEWERS]].

One process publishes CAMERAS cameras at 30 fps, with frames of 40 KB and three faces; another receives them
all. Both run the site's code and are connected by a redis-server of their own. Printed are the added latency,
the lost frames and the CPU. With VIEWERS, the real programs serve that many viewers at 5 fps and 320 px: one
camera process with the demo, and a web host with four workers.
"""

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import numpy as np
from redis import Redis

from benchmarks.cameras import FPS, PICTURE, QuietCamera, RandomFaces
from benchmarks.processes import cpu_s, family, free_port, redis_server, wait_until_it_answers
from benchmarks.viewers import Viewer, ask, watch
from recording.recorder import Recording
from relay.control import ControlServer
from relay.protocol import Report, connect
from relay.publisher import Publisher
from relay.remote import ControlClient, RemoteCamera
from settings import ROOT
from streaming.audience import Names
from streaming.viewable import State
from vision.frames import AnnotatedFrame

SECONDS = 10.0
FACES = 3


class NoControl(ControlServer):
    """A control server without controls."""

    def __init__(self) -> None:
        """Control nothing."""

    def apply(self, wishes: Mapping[str, str]) -> None:
        """Ignore the wishes."""

    def release(self) -> None:
        """Do nothing."""

    def status(self, state: State, viewers: dict[str, list[str]]) -> Report:
        """Return a report without controls and recording."""
        return Report({}, [], Recording(False, None, 0, 0, 0, ""), [], state.summary(), state.counts, viewers)


def publish(url: str, count: int, ended: "threading.Event") -> None:
    """Publish so many cameras at FPS until ended is set."""
    cameras, faces = [QuietCamera() for _ in range(count)], RandomFaces(FACES).tracks(0.0)
    publishers = [
        Publisher(camera, NoControl(), connect(url), f"camera{n}") for n, camera in enumerate(cameras)
    ]
    threads = [threading.Thread(target=publisher.run, args=(ended,)) for publisher in publishers]
    for thread in threads:
        thread.start()
    index, due_s = 0, time.monotonic()
    while not ended.is_set():
        index, due_s = index + 1, due_s + 1 / FPS
        for camera in cameras:
            now_s = time.monotonic()
            camera.annotated.put(AnnotatedFrame(index, now_s, now_s, PICTURE, faces))
        time.sleep(max(due_s - time.monotonic(), 0))
    for thread in threads:
        thread.join(5)


def watched_camera(redis: Redis, name: str) -> RemoteCamera:
    """Return the camera of that name as a web host has it."""
    return RemoteCamera(redis, ControlClient(redis, name), "benchmark", Names())


class Listener:
    """A subscriber that notes each frame's number and its ms from capture to arrival."""

    def __init__(self, camera: RemoteCamera) -> None:
        """Subscribe to the camera's frames."""
        self.camera = camera
        self.indexes: list[int] = []
        self.took_ms: list[float] = []
        camera.annotated.subscribe(self.note)

    def note(self) -> None:
        """Note the newest frame, unless it has no picture."""
        frame = self.camera.annotated.newest()
        if frame and not frame.problem:
            self.indexes.append(frame.index)
            self.took_ms.append((frame.published_s - frame.captured_s) * 1000)


def main(argv: list[str] | None = None) -> None:
    """Measure with one camera and with as many as requested, and with viewers if any are requested."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("cameras", nargs="?", type=int, default=8, help="number of cameras (default: 8)")
    parser.add_argument("viewers", nargs="?", type=int, default=0, help="number of viewers (default: none)")
    args = parser.parse_args(argv)
    if not shutil.which("redis-server"):
        sys.exit("redis-server is not installed")
    for count in (1, args.cameras):
        measure(count)
    if args.viewers:
        measure_viewers(args.viewers)


@contextmanager
def web_host() -> Iterator[tuple[int, int]]:
    """Yield the port and the pid of a web host with one camera, whose process runs beside it."""
    with ExitStack() as stack:
        url = stack.enter_context(redis_server())[0]
        port = free_port()
        program = [sys.executable, str(ROOT / "main.py")]
        roles = (
            ["camera", "--name", "lobby", "--source", "demo"],
            ["web", "--workers", "4", "--max-viewers", "1000", "--port", str(port)],
        )
        for role in roles:
            quiet = ["--log-level", "warning", "--redis-url", url]
            process = subprocess.Popen([*program, *role, *quiet], stdout=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        wait_until_it_answers(port)
        time.sleep(4)  # until the camera publishes, too
        yield port, process.pid


def measure_viewers(count: int) -> None:
    """Print the rates of so many viewers of a web host, and its CPU."""
    request = b"GET /video_feed/lobby?fps=5&width=320 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        port, pid = stack.enter_context(web_host())
        viewers = [Viewer(stack.enter_context(ask(port, request))) for _ in range(count)]
        watch(viewers, 5.0)
        before = [viewer.pictures for viewer in viewers]
        cpu_before_s, started_s = cpu_s(*family(pid)), time.monotonic()
        watch(viewers, SECONDS)
        passed_s = time.monotonic() - started_s
        rates = sorted((v.pictures - n) / passed_s for v, n in zip(viewers, before, strict=True))
        cpu = (cpu_s(*family(pid)) - cpu_before_s) / passed_s
        print(
            f"{count} viewers: worst {rates[0]:.1f} fps, median {rates[count // 2]:.1f} fps; "
            f"CPU of one core, four workers together: {cpu:.0%}",
            flush=True,
        )


def measure(count: int) -> None:
    """Print the latency, the lost frames and the CPU of so many cameras."""
    context = multiprocessing.get_context("spawn")
    ended = context.Event()
    with ExitStack() as stack:
        url, redis_pid = stack.enter_context(redis_server())
        sender = context.Process(target=publish, args=(url, count, ended))
        sender.start()
        stack.callback(sender.join)
        stack.callback(ended.set)
        cameras = [watched_camera(connect(url), f"camera{n}") for n in range(count)]
        listeners = [Listener(camera) for camera in cameras]
        for camera in cameras:
            stack.callback(camera.close)
            stack.enter_context(camera.viewing())
        time.sleep(4)
        for listener in listeners:
            listener.indexes.clear()
            listener.took_ms.clear()
        assert sender.pid
        pids = {"publishing": sender.pid, "redis": redis_pid, "receiving": os.getpid()}
        before_s = {name: cpu_s(pid) for name, pid in pids.items()}
        time.sleep(SECONDS)
        cpu = ", ".join(f"{name} {(cpu_s(pid) - before_s[name]) / SECONDS:.1%}" for name, pid in pids.items())
        took_ms = np.array([ms for listener in listeners for ms in listener.took_ms])
        sent = sum(listener.indexes[-1] - listener.indexes[0] + 1 for listener in listeners)
        print(
            f"{count} cameras: {len(took_ms)} frames of {sent} came, {np.median(took_ms):.1f} ms under way, "
            f"p95 {np.percentile(took_ms, 95):.1f} ms; CPU of one core: {cpu}",
            flush=True,
        )


if __name__ == "__main__":
    main()
