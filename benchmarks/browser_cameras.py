"""Measure the cost of visitors' own cameras to the site's camera: python -m benchmarks.browser_cameras.

The site runs with the demo and one viewer, without and with visitors. Each visitor sends a sample face, waits
for the answer, and sends the next. Printed are the rates of both, the camera's latency and its time per frame.
On a busy machine, the most reliable figure is the CPU time per answer, measured in the answering thread.
"""

import argparse
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import cv2
import numpy as np
from wsproto import ConnectionType, WSConnection
from wsproto.events import BytesMessage, CloseConnection, Request, TextMessage

from app import SAMPLES
from benchmarks.processes import free_port
from settings import ROOT

SECONDS = 10.0
VISITORS = 8


def sample_jpeg() -> bytes:
    """Return a JPEG of 640x480 px with a face in it."""
    face = cv2.imread(str(SAMPLES / "surprise" / "03.jpg"))
    assert face is not None
    image = np.full((480, 640, 3), 110, np.uint8)
    image[65:415, 180:460] = cv2.resize(face, (280, 350))
    return cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, 80))[1].tobytes()


class Visitor(threading.Thread):
    """A visitor that sends the same JPEG again and again, and counts the answers."""

    def __init__(self, port: int, jpeg: bytes) -> None:
        """Send to a port, from `start` until `ended` is set."""
        super().__init__(daemon=True)
        self.port, self.jpeg = port, jpeg
        self.answers, self.waited_s = 0, 0.0
        self.ended = threading.Event()

    def run(self) -> None:
        """Send a JPEG as soon as the last one is answered."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            protocol = WSConnection(ConnectionType.CLIENT)
            connection.sendall(protocol.send(Request("127.0.0.1", "/camera/socket")))
            sent_s = 0.0
            while not self.ended.is_set():
                protocol.receive_data(connection.recv(65536) or None)
                for event in protocol.events():
                    if isinstance(event, CloseConnection):  # the machine is too busy
                        return
                    if isinstance(event, TextMessage):
                        self.answers += 1
                        self.waited_s += time.monotonic() - sent_s
                    sent_s = time.monotonic()
                    connection.sendall(protocol.send(BytesMessage(self.jpeg)))


def watch(port: int, ended: threading.Event) -> None:
    """Read the stream until ended is set, so that the camera runs."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/video_feed", timeout=20) as stream:
        while not ended.is_set():
            stream.read1(65536)


def read_metrics(port: int) -> dict[str, float]:
    """Return the figures of /metrics by name, with the step where they have one."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as response:
        lines = re.findall(r"^(fer_\w+)(?:\{step=\"(\w+)\"\})? (\S+)$", response.read().decode(), re.M)
    return {f"{name} {step}".strip(): float(value) for name, step, value in lines}


def measure(port: int, count: int) -> None:
    """Print the camera's figures and the visitors' with so many visitors."""
    visitors = [Visitor(port, sample_jpeg()) for _ in range(count)]
    for visitor in visitors:
        visitor.start()
    time.sleep(3)
    before = read_metrics(port)
    answers_before, waited_before_s = [v.answers for v in visitors], sum(v.waited_s for v in visitors)
    time.sleep(SECONDS)
    after = read_metrics(port)
    gained = {name: after[name] - before.get(name, 0) for name in after}
    print(f"{count} visitors: {camera_report(gained, after['fer_latency_seconds'] * 1000)}", flush=True)
    if visitors:
        answers = [v.answers - n for v, n in zip(visitors, answers_before, strict=True)]
        waited_s = sum(v.waited_s for v in visitors) - waited_before_s
        print(f"  {visitors_report(gained, answers, waited_s)}", flush=True)
    for visitor in visitors:
        visitor.ended.set()
        visitor.join(20)


def camera_report(gained: dict[str, float], latency_ms: float) -> str:
    """Return the camera's rate, time and latency from the growth of its metrics in SECONDS."""
    frames = gained["fer_frames_total"]
    steps_s = sum(value for name, value in gained.items() if name.startswith("fer_step_seconds"))
    frame_ms = steps_s / max(frames, 1) * 1000
    return f"the camera {frames / SECONDS:.1f} fps, {frame_ms:.1f} ms per frame, {latency_ms:.0f} ms latency"


def visitors_report(gained: dict[str, float], answers: list[int], waited_s: float) -> str:
    """Return the visitors' rates, waits and CPU time from their answers (one a visitor) in SECONDS."""
    frames = gained["fer_mirror_frames_total"]
    batch = frames / max(gained["fer_mirror_batches_total"], 1)
    cpu_ms = gained["fer_mirror_seconds_total"] / max(frames, 1) * 1000
    return (
        f"each visitor {min(answers) / SECONDS:.1f} to {max(answers) / SECONDS:.1f} fps, "
        f"{waited_s / max(sum(answers), 1) * 1000:.0f} ms per answer, {batch:.1f} frames per batch, "
        f"{cpu_ms:.1f} ms CPU an answer"
    )


@contextmanager
def running() -> Iterator[int]:
    """Yield the port of a running site with one viewer."""
    port = free_port()
    command = [sys.executable, str(ROOT / "main.py"), "--source", "demo", "--port", str(port)]
    command += ["--max-browser-cameras", str(VISITORS)]
    with ExitStack() as stack:
        server = subprocess.Popen(command, stdout=subprocess.PIPE)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        assert server.stdout is not None
        stack.enter_context(server.stdout).readline()
        ended = threading.Event()
        viewer = threading.Thread(target=watch, args=(port, ended))
        viewer.start()
        stack.callback(viewer.join, 20)
        stack.callback(ended.set)
        yield port


def main() -> None:
    """Measure without visitors, with one, with VISITORS, and without visitors again."""
    argparse.ArgumentParser(prog="python -m benchmarks.browser_cameras", description=__doc__).parse_args()
    with running() as port:
        for count in (0, 1, VISITORS, 0):
            measure(port, count)
            time.sleep(1)


if __name__ == "__main__":
    main()
