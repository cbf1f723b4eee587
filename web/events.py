"""The feed of what is seen, as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from streaming.latest import REPEAT_S, Latest

CONTENT_TYPE = "text/event-stream"
PERIOD_S = 0.1  # ten events a second


class Events:
    """A feed of messages, each made once for everybody: one a frame, at most one a PERIOD_S.

    While no frame comes, one is made every REPEAT_S, so that no listener takes silence for death.
    """

    def __init__(self, frames: Latest[Any], read: Callable[[], dict[str, Any]]) -> None:
        """Make messages of what read returns; it is called in the thread that asks for a message first."""
        self._frames = frames
        self._read = read
        self._lock = threading.Lock()  # guards everything below
        self._message = b""
        self._version = 0
        self._seen = -1
        self._made_s = -float("inf")

    @property
    def closed(self) -> bool:
        """Whether the frames have ended, and the feed with them."""
        return self._frames.closed

    def peek(self) -> tuple[bytes, int]:
        """Return the newest message and its version."""
        with self._lock:
            _, frames = self._frames.peek()
            age_s = time.monotonic() - self._made_s
            if age_s >= REPEAT_S or (frames != self._seen and age_s >= PERIOD_S):
                self._message = json.dumps(self._read(), separators=(",", ":")).encode()
                self._seen, self._made_s = frames, time.monotonic()
                self._version += 1
            return self._message, self._version

    def wait(self, seen: int, timeout_s: float) -> tuple[bytes | None, int]:
        """Return a message newer than version `seen`; (None, seen) after the timeout."""
        deadline_s = time.monotonic() + timeout_s
        while not self.closed:
            message, version = self.peek()
            if version > seen:
                return message, version
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                break
            self._frames.wait(self._frames.peek()[1], min(remaining_s, PERIOD_S))
        return None, seen

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have listener called after every frame, from the writer's thread: it must not wait."""
        self._frames.subscribe(listener)


def event(message: bytes) -> bytes:
    """Return a message of one line as an event."""
    return b"data: " + message + b"\n\n"
