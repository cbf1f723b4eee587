"""Measure what outputs cost the live picture: python -m benchmarks.outputs.

The demo's frames pass the live site's pipeline at 30 fps, in rounds: without an output, with each one and its
receiver, and with each one whose receiver is away. The fps are those that the median frame allows, by the clock
and by the CPU time of the live thread, which other work on the machine changes little. A ratio is the median,
over the rounds, of the fps to those without an output in the same round.
"""

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

from app import SAMPLES, make_live_pipeline
from outputs.assemble import make_outputs
from settings import Settings, StartError, read_settings
from sources.base import NoNewImage
from sources.demo import DemoSource
from streaming.viewable import State, Viewable
from uploads.assemble import load_classifier
from vision.background import limit_threads
from vision.detectors import Detectors
from vision.frames import Frame, Image
from vision.pipeline import Pipeline

ROUNDS = 5
FPS = 30
FRAMES = 150  # of a measurement
DEAD_PORT = 9  # "discard", which no machine serves any more
RECEIVE = """
import pylsl
inlet = pylsl.StreamInlet(pylsl.resolve_byprop("name", "benchmark")[0])
while True:
    inlet.pull_sample()
"""


class Stage(Viewable):
    """A camera whose frames the benchmark publishes."""

    def __init__(self) -> None:
        """Have no frame yet."""
        super().__init__(linger_s=0)

    def _begin(self) -> None:
        """Do nothing: the camera has no threads."""

    def state(self) -> State:
        """Return a state that says it runs."""
        return State("benchmark", "", True, "", 0.0, 0.0, 1, None)


class Measured(NamedTuple):
    """Frames a second by the clock and by CPU time, CPU time of publishing a frame, and of all threads."""

    fps: float
    cpu_fps: float
    publish_us: float
    cpu: float
    sent: int
    dropped: int


def measure(pipeline: Pipeline, images: list[Image], settings: Settings) -> Measured:
    """Return what the frames of the images cost with the outputs of these settings."""
    stage = Stage()
    with closing(make_outputs(settings, stage)) as outputs:
        outputs.start()
        time.sleep(1.0 if outputs.status() else 0.0)
        spent_s, spent_cpu_s, publish_s = [], [], []
        began_s, cpu_s = time.monotonic(), time.process_time()
        for index, image in enumerate(images):
            time.sleep(max(began_s + index / FPS - time.monotonic(), 0))
            started_s, started_cpu_s = time.perf_counter(), time.thread_time()
            frame = pipeline.process(Frame(index, time.monotonic(), image))
            before_s = time.thread_time()
            stage.annotated.put(frame)
            publish_s.append(time.thread_time() - before_s)
            spent_cpu_s.append(time.thread_time() - started_cpu_s)
            spent_s.append(time.perf_counter() - started_s)
        cpu = (time.process_time() - cpu_s) / (time.monotonic() - began_s)
        now = outputs.status()
    sent, dropped = sum(one.sent for one in now), sum(one.dropped for one in now)
    return Measured(1 / median(spent_s), 1 / median(spent_cpu_s), median(publish_s) * 1e6, cpu, sent, dropped)


@contextmanager
def osc_receiver() -> Iterator[str]:
    """Yield the address of a socket that takes whatever comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.settimeout(0.2)
        ended = threading.Event()
        thread = threading.Thread(target=_drain, args=(taken, ended))
        thread.start()
        yield f"127.0.0.1:{taken.getsockname()[1]}"
        ended.set()
        thread.join()


def _drain(taken: socket.socket, ended: threading.Event) -> None:
    while not ended.is_set():
        with suppress(TimeoutError):
            taken.recv(65536)


@contextmanager
def mqtt_receiver() -> Iterator[str]:
    """Yield the address of a mosquitto, or an empty one if there is none on this machine."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        yield ""
        return
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        with subprocess.Popen([program, "-c", config], stderr=subprocess.DEVNULL) as broker:
            time.sleep(1)
            yield f"mqtt://127.0.0.1:{port}"
            broker.terminate()


@contextmanager
def lsl_receiver() -> Iterator[None]:
    """Run an inlet in another process, which finds the stream by itself."""
    with subprocess.Popen([sys.executable, "-c", RECEIVE], stderr=subprocess.DEVNULL) as inlet:
        yield
        inlet.kill()


def demo_images() -> list[Image]:
    """Return the demo's images of some seconds."""
    source = DemoSource(SAMPLES)
    images: list[Image] = []
    while len(images) < FRAMES:
        with suppress(NoNewImage):
            images.append(source.read().copy())
    source.close()
    return images


def main(argv: list[str] | None = None) -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outputs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"number of rounds (default: {ROUNDS})")
    args = parser.parse_args(argv)
    limit_threads()
    images, settings = demo_images(), read_settings()
    try:
        with osc_receiver() as osc, mqtt_receiver() as mqtt, lsl_receiver():
            pipeline = make_live_pipeline(settings, load_classifier(settings), Detectors.load(settings))
            with closing(pipeline):
                report(pipeline, images, args.rounds, osc, mqtt)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def report(pipeline: Pipeline, images: list[Image], rounds: int, osc: str, mqtt: str) -> None:
    """Measure and print a line a kind of receiver."""
    dead = f"127.0.0.1:{DEAD_PORT}"
    kinds = {
        "none": [],
        "osc": ["--osc", osc],
        "osc, away": ["--osc", dead],
        **({"mqtt": ["--mqtt", mqtt]} if mqtt else {}),
        "mqtt, away": ["--mqtt", f"mqtt://{dead}"],
        "lsl": ["--lsl", "benchmark"],
        "lsl, away": ["--lsl", "nobody"],
    }
    measured: dict[str, list[Measured]] = {kind: [] for kind in kinds}
    measure(pipeline, images, read_settings([], {}))  # to warm up
    for _ in range(rounds):
        for kind, flags in kinds.items():
            measured[kind].append(measure(pipeline, images, read_settings(flags, {})))
    names = ("fps", "ratio", "CPU fps", "ratio", "publish us", "all CPU", "sent", "dropped")
    print(f"{'output':12}" + "".join(f"{name:>11}" for name in names))
    for kind, runs in measured.items():
        pairs = list(zip(runs, measured["none"], strict=True))
        ratio = median(run.fps / none.fps for run, none in pairs)
        cpu_ratio = median(run.cpu_fps / none.cpu_fps for run, none in pairs)
        fps, cpu_fps, publish_us, cpu, *_ = map(median, zip(*runs, strict=True))
        sent, dropped = sum(run.sent for run in runs), sum(run.dropped for run in runs)
        rates = (
            f"{number:.{digits}f}" for number, digits in ((fps, 0), (ratio, 2), (cpu_fps, 0), (cpu_ratio, 2))
        )
        figures = (*rates, f"{publish_us:.0f}", f"{cpu:.1%}", sent, dropped)
        print(f"{kind:12}" + "".join(f"{figure:>11}" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
