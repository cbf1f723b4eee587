"""python -m benchmarks.dashboard: what the dashboard and the live heat map add to the live path.

One face of the demo at 30 fps through the real camera and pipeline. Ways take turns, round after round: alone,
with pages that listen to the events, and with the heat map drawn. What counts is the CPU of the two threads
that matter, because on a busy machine it is steadier than time: the live path's, and the sender's, which makes
and sends the events and, without a viewer, nothing else. Needs Linux and `cat`.
"""

import argparse
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from app import SAMPLES, make_live_pipeline
from camera import Camera
from settings import StartError, read_settings
from sources.demo import DemoSource
from streaming.audience import Audience
from streaming.sender import Sender, Viewer
from streaming.variants import Variants
from uploads.assemble import load_classifier
from vision.background import limit_threads
from vision.frames import Image
from vision.overlay import View
from vision.pipeline import Pipeline
from web.events import Events, event
from web.state import state_json

WARM_UP_S = 3.0
FIRST, COUNT = 60, 240  # frames of the demo in which there is one face


class OneFace(DemoSource):
    """The demo's first face, again and again."""

    def read(self) -> Image:
        self._index = (self._index + 1) % COUNT
        return self.render(FIRST + self._index)


@contextmanager
def listening(audience: Audience, events: Events, pages: int) -> Iterator[None]:
    """Let as many pages as asked for listen to the events, each a process that throws them away."""
    with ExitStack() as stack:
        for _ in range(pages):
            ours, theirs = socket.socketpair()
            with theirs:
                page = subprocess.Popen(["cat"], stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
            seat = audience.listen(events)
            audience.sender.add(Viewer(ours.dup(), seat.feed, event, 0.0, seat.leave), b"")
            stack.callback(page.wait)
            stack.enter_context(ours)
            stack.callback(ours.shutdown, socket.SHUT_RDWR)
        yield


@contextmanager
def heated(pipeline: Pipeline) -> Iterator[None]:
    before, pipeline.view = pipeline.view, View(heat=True)
    yield
    pipeline.view = before


@dataclass(frozen=True)
class Result:
    """CPU of a frame in ms, on the live path and in the sender, and frames a second."""

    live_ms: float
    sender_ms: float
    fps: float


def measure(camera: Camera, seconds: float) -> Result:
    """Return what a few seconds took."""
    before, at = (camera.state().counts.frames, cpu_ms("camera_annotate"), cpu_ms("sender")), time.monotonic()
    time.sleep(seconds)
    frames = max(camera.state().counts.frames - before[0], 1)
    live_ms, sender_ms = cpu_ms("camera_annotate") - before[1], cpu_ms("sender") - before[2]
    return Result(live_ms / frames, sender_ms / frames, frames / (time.monotonic() - at))


def cpu_ms(name: str) -> float:
    """Return the CPU that the thread of that name has used; 0 if there is none."""
    threads = [thread for thread in threading.enumerate() if thread.name == name]
    return sum(time.clock_gettime(time.pthread_getcpuclockid(t.ident)) for t in threads if t.ident) * 1000


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--pages", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0)
    args: Any = parser.parse_args(argv)
    try:
        settings = read_settings()
        limit_threads()
        classifier = load_classifier(settings)
        pipeline = make_live_pipeline(settings, classifier)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    camera = Camera("demo", lambda: (OneFace(SAMPLES), ""), pipeline.process, idle_s=1, stall_s=3)
    variants, sender = Variants(camera.annotated, lambda picture, _: picture), Sender()
    audience = Audience(camera, variants, sender, args.pages)
    events = Events(camera.annotated, lambda: state_json(camera.state(), len(audience), None))
    ways: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "alone": nullcontext,
        f"dashboard, {args.pages} page(s)": lambda: listening(audience, events, args.pages),
        "heat map": lambda: heated(pipeline),
    }
    measured: dict[str, list[Result]] = {way: [] for way in ways}
    with camera.viewing():
        time.sleep(WARM_UP_S)
        for _ in range(args.rounds):
            for way, entered in ways.items():
                with entered():
                    time.sleep(0.3)
                    measured[way].append(measure(camera, args.seconds))
    sender.close()
    variants.close()
    camera.close()
    pipeline.close()
    report(measured)
    return 0


def report(measured: dict[str, list[Result]]) -> None:
    """Print each way's medians, and what it adds to the live path alone."""
    alone = statistics.median(result.live_ms for result in measured["alone"])
    print(f"{'':24}{'live path':>12}{'sender':>10}{'adds':>8}{'fps':>8}   (CPU ms a frame)")
    for way, results in measured.items():
        live_ms, sender_ms = (
            statistics.median(getattr(r, name) for r in results) for name in ("live_ms", "sender_ms")
        )
        fps = statistics.median(result.fps for result in results)
        added = sender_ms if "dashboard" in way else live_ms - alone
        print(f"{way:24}{live_ms:12.2f}{sender_ms:10.3f}{added / alone:8.1%}{fps:8.1f}")


if __name__ == "__main__":
    sys.exit(main())
