"""Measure the cost of the dashboard and the heat map in the live pipeline: python -m benchmarks.dashboard.

One face of the demo passes through the real camera and pipeline at 30 fps. Three cases alternate: the
pipeline alone, with a page that receives the events, and with the heat map. The figures are the CPU times of
two threads, which are steadier than wall time on a busy machine: the annotating thread, and the sender, which
sends only the events here. Needs Linux and `cat`.
"""

import argparse
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace

from app import SAMPLES, make_live_pipeline
from camera import Camera
from settings import StartError, read_settings
from sources.demo import DemoSource
from streaming.audience import Audience
from streaming.sender import Sender, Viewer
from streaming.variants import Variants
from uploads.assemble import load_classifier
from vision.background import limit_threads
from vision.detectors import Detectors
from vision.frames import Image
from vision.pipeline import Pipeline
from web.events import Events, event
from web.state import state_json

WARM_UP_S, SECONDS, ROUNDS = 3.0, 4.0, 7  # before the first measurement, of each, and of each case
ONE_FACE = 240  # the demo's first frames, which show one face


class OneFace(DemoSource):
    """The demo's frames with one face, repeated."""

    def read(self) -> Image:
        """Return the next image (480, 640, 3) uint8 BGR."""
        self._index = (self._index + 1) % ONE_FACE
        return self.render(self._index)


@contextmanager
def listening(audience: Audience, events: Events) -> Iterator[None]:
    """Connect a page to the events: a process that discards them."""
    ours, theirs = socket.socketpair()
    with theirs:
        page = subprocess.Popen(["cat"], stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
    seat = audience.listen(events)
    audience.sender.add(Viewer(ours.dup(), seat.feed, event, 0.0, seat.leave), b"")
    with ours:
        yield
        ours.shutdown(socket.SHUT_RDWR)
    page.wait()


@contextmanager
def heated(pipeline: Pipeline) -> Iterator[None]:
    """Draw heat maps."""
    before, pipeline.view = pipeline.view, replace(pipeline.view, heat=True)
    yield
    pipeline.view = before


@dataclass(frozen=True)
class Result:
    """The CPU time a frame in ms, on the live path and in the sender, and the frames a second."""

    live_ms: float
    sender_ms: float
    fps: float


def measure(camera: Camera) -> Result:
    """Return the figures of SECONDS."""
    frames_before, started_s = camera.state().counts.frames, time.monotonic()
    live_before_ms, sender_before_ms = cpu_ms("camera_annotate"), cpu_ms("sender")
    time.sleep(SECONDS)
    frames = max(camera.state().counts.frames - frames_before, 1)
    live_ms, sender_ms = cpu_ms("camera_annotate") - live_before_ms, cpu_ms("sender") - sender_before_ms
    return Result(live_ms / frames, sender_ms / frames, frames / (time.monotonic() - started_s))


def cpu_ms(name: str) -> float:
    """Return the CPU time in ms of the thread of that name; 0 if there is none."""
    threads = [thread for thread in threading.enumerate() if thread.name == name]
    return sum(time.clock_gettime(time.pthread_getcpuclockid(t.ident)) for t in threads if t.ident) * 1000


def main() -> int:
    """Measure every case and print the table; return the exit status."""
    argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__).parse_args()
    try:
        settings = read_settings()
        limit_threads()
        pipeline = make_live_pipeline(settings, load_classifier(settings), Detectors.load(settings))
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    report(measure_cases(pipeline))
    return 0


def measure_cases(pipeline: Pipeline) -> dict[str, list[Result]]:
    """Return each case's results, one a round, and close the pipeline."""
    camera = Camera("demo", lambda: (OneFace(SAMPLES), ""), pipeline.process, idle_s=1, stall_s=3)
    variants, sender = Variants(camera.annotated, lambda picture, _: picture), Sender()
    audience = Audience(camera, variants, sender, max_viewers=1)
    events = Events(camera.annotated, lambda: state_json(camera.state(), len(audience), None))
    cases: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "alone": nullcontext,
        "dashboard": lambda: listening(audience, events),
        "heat map": lambda: heated(pipeline),
    }
    results: dict[str, list[Result]] = {case: [] for case in cases}
    with camera.viewing():
        time.sleep(WARM_UP_S)
        for _ in range(ROUNDS):
            for case, enter in cases.items():
                with enter():
                    time.sleep(0.3)
                    results[case].append(measure(camera))
    for owned in (sender, variants, camera, pipeline):
        owned.close()
    return results


def report(results_of: dict[str, list[Result]]) -> None:
    """Print each case's medians, and its cost beside the live path alone."""
    alone_ms = statistics.median(result.live_ms for result in results_of["alone"])
    print(f"{'':24}{'live path':>12}{'sender':>10}{'adds':>8}{'fps':>8}   (CPU ms per frame)")
    for case, results in results_of.items():
        live_ms = statistics.median(result.live_ms for result in results)
        sender_ms = statistics.median(result.sender_ms for result in results)
        fps = statistics.median(result.fps for result in results)
        added_ms = sender_ms if case == "dashboard" else live_ms - alone_ms
        print(f"{case:24}{live_ms:12.2f}{sender_ms:10.3f}{added_ms / alone_ms:8.1%}{fps:8.1f}")


if __name__ == "__main__":
    sys.exit(main())
