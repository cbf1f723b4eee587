"""What visitors' own cameras cost the camera's viewers: python -m benchmarks.mirrors [VISITORS]

Starts the site with the demo and one viewer, without visitors and then with them, each sending one of the
sample faces as fast as it is answered, and prints both rates, the camera's latency and its time a frame.
The CPU time of an answer, that of the mirrors' thread, is what other work on the machine changes least.
"""

import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import ExitStack

import cv2
import numpy as np
from wsproto import ConnectionType, WSConnection
from wsproto.events import BytesMessage, CloseConnection, Request, TextMessage

from app import SAMPLES
from settings import ROOT

SECONDS = 10.0


def film() -> bytes:
    """Return a frame of 640x480 px with a face in it."""
    face = cv2.imread(str(SAMPLES / "surprise" / "08.jpg"))
    assert face is not None
    image = np.full((480, 640, 3), 110, np.uint8)
    image[100:380, 180:460] = cv2.resize(face, (280, 280))
    return cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, 80))[1].tobytes()


class Visitor(threading.Thread):
    """Sends the frame again and again, and counts the answers."""

    def __init__(self, port: int, jpeg: bytes) -> None:
        super().__init__(daemon=True)
        self.port, self.jpeg = port, jpeg
        self.answers, self.waited_s = 0, 0.0
        self.ended = threading.Event()

    def run(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            protocol = WSConnection(ConnectionType.CLIENT)
            connection.sendall(protocol.send(Request("127.0.0.1", "/mirror/socket")))
            asked_at = 0.0
            while not self.ended.is_set():
                protocol.receive_data(connection.recv(65536) or None)
                for event in protocol.events():
                    if isinstance(event, CloseConnection):  # the machine is too busy
                        return
                    if isinstance(event, TextMessage):
                        self.answers += 1
                        self.waited_s += time.monotonic() - asked_at
                    asked_at = time.monotonic()
                    connection.sendall(protocol.send(BytesMessage(self.jpeg)))


def view(port: int, ended: threading.Event) -> None:
    """Watch the stream, so that the camera runs."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/video_feed", timeout=20) as stream:
        while not ended.is_set():
            stream.read1(65536)


def figures(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as response:
        lines = re.findall(r"^(fer_\w+)(?:\{step=\"(\w+)\"\})? (\S+)$", response.read().decode(), re.M)
    return {f"{name} {step}".strip(): float(value) for name, step, value in lines}


def measure(port: int, visitors: int) -> None:
    """Print what so many visitors make of the camera's rate and time."""
    crowd = [Visitor(port, film()) for _ in range(visitors)]
    for visitor in crowd:
        visitor.start()
    time.sleep(3)
    before = figures(port)
    counts = [(visitor.answers, visitor.waited_s) for visitor in crowd]
    time.sleep(SECONDS)
    after = figures(port)
    gained = {name: after[name] - before.get(name, 0) for name in after}
    step_ms = sum(value for name, value in gained.items() if name.startswith("fer_step_seconds"))
    frames = gained["fer_frames_total"]
    latency_ms = after["fer_latency_seconds"] * 1000
    fps = frames / SECONDS
    print(
        f"{visitors} visitors: the camera {fps:.1f} fps, {step_ms / max(frames, 1) * 1000:.1f} ms a frame",
        end=", ",
    )
    print(f"{latency_ms:.0f} ms latency", flush=True)
    if crowd:
        answers = [visitor.answers - count for visitor, (count, _) in zip(crowd, counts, strict=True)]
        waited_s = sum(visitor.waited_s - waited for visitor, (_, waited) in zip(crowd, counts, strict=True))
        together = gained["fer_mirror_frames_total"] / max(gained["fer_mirror_batches_total"], 1)
        print(f"  each visitor {min(answers) / SECONDS:.1f} to {max(answers) / SECONDS:.1f} fps", end=", ")
        print(
            f"{waited_s / max(sum(answers), 1) * 1000:.0f} ms an answer, {together:.1f} frames a batch",
            end=", ",
        )
        spent_ms = gained["fer_mirror_seconds_total"] / max(gained["fer_mirror_frames_total"], 1) * 1000
        print(f"{spent_ms:.1f} ms CPU an answer", flush=True)
    for visitor in crowd:
        visitor.ended.set()
        visitor.join(20)


def main(argv: list[str]) -> None:
    """Measure without visitors, with one, and with as many as are asked for."""
    most = int(argv[0]) if argv else 8
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, str(ROOT / "main.py"), "--source", "demo", "--port", str(port)]
    with ExitStack() as stack:
        server = subprocess.Popen([*command, "--max-browser-cameras", str(most)], stdout=subprocess.PIPE)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        assert server.stdout is not None
        server.stdout.readline()
        ended = threading.Event()
        viewer = threading.Thread(target=view, args=(port, ended))
        viewer.start()
        for visitors in (0, 1, most, 0):
            measure(port, visitors)
            time.sleep(1)
        ended.set()
        viewer.join(20)
        server.stdout.close()


if __name__ == "__main__":
    main(sys.argv[1:])
