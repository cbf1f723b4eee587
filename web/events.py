"""What is seen, as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from streaming.audience import Audience
from streaming.latest import REPEAT_S, Latest
from streaming.viewable import Viewable
from web.protocols import Controls, Recorder
from web.state import state_json, view_json
from web.video_feed import HEADERS, seat_or_503, stream

CONTENT_TYPE = "text/event-stream"
PERIOD_S = 0.1  # ten events a second


class Events:
    """A feed of messages, each made once for everybody: one a frame, at most one a PERIOD_S.

    While no frame comes, one is made every REPEAT_S, so that no listener takes silence for death.
    """

    def __init__(self, frames: Latest[Any], read: Callable[[], dict[str, Any]]) -> None:
        """Read is called for what a message says, in JSON, by whoever asks for the message first."""
        self._frames = frames
        self._read = read
        self._lock = threading.Lock()  # guards everything below
        self._message = b""
        self._version = 0
        self._seen = -1
        self._made_at = -float("inf")

    @property
    def closed(self) -> bool:
        return self._frames.closed

    def peek(self) -> tuple[bytes, int]:
        """Return the newest message and its version."""
        with self._lock:
            _, frames = self._frames.peek()
            age_s = time.monotonic() - self._made_at
            if age_s >= REPEAT_S or (frames != self._seen and age_s >= PERIOD_S):
                self._message = json.dumps(self._read(), separators=(",", ":")).encode()
                self._seen, self._made_at = frames, time.monotonic()
                self._version += 1
            return self._message, self._version

    def wait(self, seen: int, timeout_s: float) -> tuple[bytes | None, int]:
        """Return a message newer than version `seen`; (None, seen) after the timeout."""
        deadline = time.monotonic() + timeout_s
        while not self.closed:
            message, version = self.peek()
            if version > seen:
                return message, version
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                break
            self._frames.wait(self._frames.peek()[1], min(remaining_s, PERIOD_S))
        return None, seen

    def subscribe(self, listener: Callable[[], None]) -> None:
        self._frames.subscribe(listener)


def event(message: bytes) -> bytes:
    """Return a message of one line as an event."""
    return b"data: " + message + b"\n\n"


def event_pages(
    camera: Viewable, audience: Audience, controls: Controls | None, recorder: Recorder | None
) -> Blueprint:
    """Return the stream of what the camera sees."""
    pages = Blueprint("events", __name__)

    def read() -> dict[str, Any]:
        view = (
            view_json(controls.read()) if controls else {}
        )  # {}: the camera is elsewhere, and its process away
        said = state_json(camera.state(), audience.watching(), recorder)
        return said | {"view": view} if view else said

    events = Events(camera.annotated, read)

    @pages.get("/events")
    def listen() -> Response:
        if request.method == "HEAD":
            return Response(content_type=CONTENT_TYPE, headers=HEADERS)
        seat = seat_or_503(lambda most: audience.listen(events, most))
        return stream(audience, seat, CONTENT_TYPE, event)

    return pages
