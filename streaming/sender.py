"""One thread that sends every viewer the newest picture, however many there are and however slow."""

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from streaming.latest import REPEAT_S, Feed

log = logging.getLogger(__name__)

STALL_S = 30.0  # a viewer that took no byte for this long is closed
NOTSENT_BYTES = 16_384  # what the kernel may hold of a viewer's stream before it is on its way
MAX_GARBAGE_BYTES = 65_536  # a viewer has nothing more to say once it has asked
JOIN_TIMEOUT_S = 1.0
TICK_S = 0.25  # how often the thread looks for who is stalled or due a repetition


def tune(connection: socket.socket) -> None:
    """Keep a viewer's backlog in the kernel short, send at once, and give up one that has vanished.

    Without this a slow viewer falls seconds behind, and one whose laptop sleeps counts for a quarter of
    an hour. Where the system has no such option it is left out.
    """
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    options = {"TCP_NODELAY": 1, "TCP_NOTSENT_LOWAT": NOTSENT_BYTES, "TCP_USER_TIMEOUT": int(STALL_S * 1000)}
    for option, value in options.items():
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


@dataclass(eq=False)
class Viewer:
    """One connection and where it is: what of its current part is unsent, and what it was sent last.

    framed turns what the feed gives into bytes, once for all viewers that have the same function; period_s is
    the shortest time between two pictures, and left is called once, with the reason, when the connection has
    been closed.
    """

    connection: socket.socket
    feed: Feed[Any]
    framed: Callable[[Any], bytes]
    period_s: float
    left: Callable[[str], None]
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    version: int = 0
    sent_at: float = 0.0
    due_at: float = 0.0
    blocked_at: float | None = None  # since when it has taken nothing
    garbage_bytes: int = 0


class _LeftError(Exception):
    """The viewer is to be closed; the message says why."""


class Sender:
    """Any number of viewers, one thread, which begins with the first viewer.

    A viewer has one picture under way; when it has taken that, it gets the one that is newest by then.
    """

    def __init__(self) -> None:
        self.sent_bytes = 0
        self.sent_parts = 0
        self.skipped_pictures = 0  # newer ones came before a viewer could take them
        self._lock = threading.Lock()
        self._joining: deque[Viewer] = deque()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._wake_end, self._waker = socket.socketpair()
        self._wake_end.setblocking(False)
        self._waker.setblocking(False)
        # from here on the thread's own
        self._selector = selectors.DefaultSelector()
        self._viewers: set[Viewer] = set()
        self._feeds: WeakSet[Feed[Any]] = WeakSet()  # a camera that has gone takes its feeds along
        self._parts: dict[tuple[int, Callable[[Any], bytes]], tuple[Any, bytes]] = {}

    def add(self, viewer: Viewer, head: bytes) -> None:
        """Send head, then pictures, until one of both sides closes; the connection is the sender's now."""
        viewer.unsent = memoryview(head)
        with self._lock:
            if self._closing:
                self._drop(viewer, "the server ends")
                return
            self._joining.append(viewer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
                self._thread.start()
        self._wake()

    def close(self) -> None:
        """Close every connection and join the thread."""
        with self._lock:
            self._closing = True
        self._wake()
        if self._thread:
            self._thread.join(JOIN_TIMEOUT_S)
        for end in (self._selector, self._wake_end, self._waker):
            end.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # it is being woken already, or has ended
            self._waker.send(b"\0")

    # The sending thread.

    def _run(self) -> None:
        self._selector.register(self._wake_end, selectors.EVENT_READ)
        look_at = 0.0
        while not self._closing:
            events = self._selector.select(max(look_at - time.monotonic(), 0.0))
            now = time.monotonic()
            for key, mask in events:
                if key.data is None:
                    self._wake_end.recv(4096)
                    look_at = now
                else:
                    self._guard(self._react, key.data, mask, now)
            if now >= look_at:
                self._welcome()
                look_at = self._serve_all(now)
        for viewer in [*self._viewers, *self._joining]:
            self._drop(viewer, "the server ends")

    def _welcome(self) -> None:
        while self._joining:
            viewer = self._joining.popleft()
            viewer.connection.setblocking(False)
            self._selector.register(viewer.connection, selectors.EVENT_READ, viewer)
            self._viewers.add(viewer)
            if viewer.feed not in self._feeds:
                self._feeds.add(viewer.feed)
                viewer.feed.subscribe(self._wake)

    def _serve_all(self, now: float) -> float:
        """Give every viewer what it is due; return when to look again."""
        self._parts.clear()
        look_at = now + TICK_S
        for viewer in list(self._viewers):
            if viewer.blocked_at is None:
                self._guard(self._serve, viewer, now)
                look_at = min(look_at, viewer.due_at) if viewer.due_at > now else look_at
            elif now - viewer.blocked_at > STALL_S:
                self._drop(viewer, f"it took nothing for {STALL_S:g} s")
        return look_at

    def _react(self, viewer: Viewer, mask: int, now: float) -> None:
        if mask & selectors.EVENT_READ:
            said = viewer.connection.recv(4096)
            viewer.garbage_bytes += len(said)
            if not said:
                raise _LeftError("it left")
            if viewer.garbage_bytes > MAX_GARBAGE_BYTES:
                raise _LeftError("it sends what nobody asked for")
        if mask & selectors.EVENT_WRITE:
            self._serve(viewer, now)

    def _serve(self, viewer: Viewer, now: float) -> None:
        """Send the rest of the current picture, then the newest one if it is due."""
        if viewer.unsent:
            viewer.unsent = viewer.unsent[self._send(viewer, viewer.unsent, now) :]
        if viewer.unsent:
            return
        picture, version = viewer.feed.peek()
        repeated = version == viewer.version and now - viewer.sent_at < REPEAT_S
        if picture is None or repeated or now < viewer.due_at:
            self._await_room(viewer, None)
            return
        data = self._part(picture, viewer.framed)
        taken = self._send(viewer, data, now)
        if not taken:
            return  # by the time there is room, a newer one may be there
        viewer.unsent = data[taken:]
        self.sent_parts += 1
        if viewer.version and not viewer.period_s:
            self.skipped_pictures += max(version - viewer.version - 1, 0)
        viewer.version, viewer.sent_at = version, now
        viewer.due_at = max(viewer.due_at + viewer.period_s, now)

    def _send(self, viewer: Viewer, data: memoryview, now: float) -> int:
        """Return how many bytes the kernel took; what is left waits for room."""
        try:
            taken = viewer.connection.send(data)
        except BlockingIOError:
            taken = 0
        self.sent_bytes += taken
        if taken == len(data):
            self._await_room(viewer, None)
        else:
            self._await_room(viewer, now if taken or viewer.blocked_at is None else viewer.blocked_at)
        return taken

    def _await_room(self, viewer: Viewer, blocked_at: float | None) -> None:
        """Note since when the viewer takes nothing, and let the selector watch for room; None: it takes."""
        if (blocked_at is None) != (viewer.blocked_at is None):
            room = 0 if blocked_at is None else selectors.EVENT_WRITE
            self._selector.modify(viewer.connection, selectors.EVENT_READ | room, viewer)
        viewer.blocked_at = blocked_at

    def _part(self, picture: Any, framed: Callable[[Any], bytes]) -> memoryview:
        """Return the picture as a part, framed once for all viewers; the picture is kept so its id is."""
        key = (id(picture), framed)
        if key not in self._parts:
            self._parts[key] = (picture, framed(picture))
        return memoryview(self._parts[key][1])

    def _guard(self, act: Callable[..., None], viewer: Viewer, *args: Any) -> None:
        """Act for one viewer; whatever goes wrong ends this viewer and no other."""
        if viewer not in self._viewers:
            return
        try:
            act(viewer, *args)
        except (_LeftError, OSError) as error:
            self._drop(viewer, str(error))
        except Exception:
            log.exception("a viewer cannot be served")
            self._drop(viewer, "it cannot be served")

    def _drop(self, viewer: Viewer, reason: str) -> None:
        if viewer in self._viewers:
            self._viewers.remove(viewer)
            self._selector.unregister(viewer.connection)
        viewer.connection.close()
        viewer.left(reason)
