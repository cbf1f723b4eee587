"""Viewers of the stream: connections that read all they get, or at half the rate, and count the pictures."""

import selectors
import socket
import time
from dataclasses import dataclass, field

from benchmarks.cameras import FPS, PICTURE

REQUEST = b"GET /video_feed HTTP/1.1\r\nHost: localhost\r\n\r\n"
MARK = b"X-Timestamp: "
STAMP_DIGITS = 17  # 1700000000.123456
SLOW_BYTES_S = len(PICTURE) * FPS / 2
STEP_S = 0.02


@dataclass(eq=False)
class Viewer:
    """A viewer's connection, the number of its pictures, and the newest one's X-Timestamp (Unix time, s)."""

    connection: socket.socket
    pictures: int = 0
    stamp: float = field(default_factory=time.time)
    budget: float = 0.0
    tail: bytes = b""

    def read(self, max_bytes: int) -> int:
        """Read up to max_bytes without waiting, and return their number."""
        try:
            data = self.connection.recv(max_bytes)
        except BlockingIOError:
            return 0
        text = self.tail + data
        self.pictures += text.count(MARK)
        start = text.rfind(MARK) + len(MARK)
        if MARK in text and len(text) >= start + STAMP_DIGITS:
            self.stamp = float(text[start : start + STAMP_DIGITS])
        self.tail = text[-len(MARK) + 1 :]
        return len(data)


def ask(port: int, request: bytes = REQUEST) -> socket.socket:
    """Send a request, and return its connection, which does not block."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.sendall(request)
    connection.setblocking(False)
    return connection


def watch(fast: list[Viewer], seconds: float, slow: list[Viewer] | None = None) -> None:
    """Read for so many seconds: the fast viewers all they get, the slow ones at half the rate."""
    ends_s = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for viewer in fast:
            selector.register(viewer.connection, selectors.EVENT_READ, viewer)
        while (now_s := time.monotonic()) < ends_s:
            for key, _ in selector.select(STEP_S):
                if not key.data.read(262_144):
                    selector.unregister(key.fileobj)
            for viewer in slow or ():
                viewer.budget += (time.monotonic() - now_s) * SLOW_BYTES_S
                if viewer.budget >= 1:
                    viewer.budget -= viewer.read(int(viewer.budget))
