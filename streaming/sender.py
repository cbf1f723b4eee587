"""One thread that sends every viewer the newest frame, however many there are and however slow."""

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
NOTSENT_BYTES = 16_384  # the most that the kernel holds of a viewer's stream before it is on its way
MAX_GARBAGE_BYTES = 65_536  # a viewer has nothing more to say after its request


@dataclass(frozen=True)
class SenderWaits:
    """How long the sender waits, in s."""

    stall_s: float = STALL_S
    repeat_s: float = REPEAT_S
    tick_s: float = 0.25  # between two looks for viewers that are stalled or due a repetition
    join_s: float = 1.0


WAITS = SenderWaits()


def tune_socket(connection: socket.socket) -> None:
    """Keep a viewer's backlog in the kernel short, send at once, and give up one that has vanished.

    Without this a slow viewer falls seconds behind, and one whose laptop sleeps counts for a quarter of
    an hour. An option that the system does not have is left out.
    """
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    options = {"TCP_NODELAY": 1, "TCP_NOTSENT_LOWAT": NOTSENT_BYTES, "TCP_USER_TIMEOUT": int(STALL_S * 1000)}
    for option, value in options.items():
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


@dataclass(eq=False)
class Viewer:
    """One connection and where it is: the unsent rest of its part, and when it was sent what (monotonic, s).

    framed turns an item of the feed into bytes, once for all viewers that have the same function; period_s is
    the shortest time between two items, and left is called once, with the reason, when the connection has
    been closed.
    """

    connection: socket.socket
    feed: Feed[Any]
    framed: Callable[[Any], bytes]
    period_s: float
    left: Callable[[str], None]
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    version: int = 0
    sent_s: float = 0.0
    due_s: float = 0.0
    blocked_s: float | None = None  # since when it has taken nothing
    garbage_bytes: int = 0


class _LeftError(Exception):
    """The viewer is to be closed; the message says why."""


class Sender:
    """Any number of viewers, one thread, which starts with the first viewer.

    A viewer has one item under way; when it has taken that, it gets the one that is newest by then. A fault of
    one viewer, be it of its socket or of a function that it brought, ends this viewer only.
    """

    def __init__(self, waits: SenderWaits = WAITS) -> None:
        """Create a sender without viewers; waits says how long it waits for them."""
        self.sent_bytes = 0
        self.sent_parts = 0
        self.skipped_pictures = 0  # newer ones came before a viewer could take them
        self._waits = waits
        self._lock = threading.Lock()
        self._joining: deque[Viewer] = deque()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._wake_end, self._waker = socket.socketpair()
        self._wake_end.setblocking(False)
        self._waker.setblocking(False)
        # from here on only the thread's own
        self._selector = selectors.DefaultSelector()
        self._viewers: set[Viewer] = set()
        self._feeds: WeakSet[Feed[Any]] = WeakSet()  # a camera that has gone takes its feeds along
        self._parts: dict[tuple[int, Callable[[Any], bytes]], tuple[Any, bytes]] = {}

    def add(self, viewer: Viewer, head: bytes) -> None:
        """Send head, then the feed, until one of both sides closes; the connection is the sender's now."""
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

    def close(self) -> bool:
        """Close every connection and join the thread; False if it did not end in time."""
        with self._lock:
            self._closing = True
        self._wake()
        if self._thread:
            self._thread.join(self._waits.join_s)
            if self._thread.is_alive():
                return False
        for end in (self._selector, self._wake_end, self._waker):
            end.close()
        return True

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # it is being woken already, or has ended
            self._waker.send(b"\0")

    # The sending thread.

    def _run(self) -> None:
        self._selector.register(self._wake_end, selectors.EVENT_READ)
        look_s = 0.0
        while not self._closing:
            events = self._selector.select(max(look_s - time.monotonic(), 0.0))
            now_s = time.monotonic()
            for key, mask in events:
                if key.data is None:
                    self._wake_end.recv(4096)
                    look_s = now_s
                else:
                    self._guard(self._react, key.data, mask, now_s)
            if now_s >= look_s:
                self._welcome()
                look_s = self._serve_all(now_s)
        for viewer in [*self._viewers, *self._joining]:
            self._drop(viewer, "the server ends")

    def _welcome(self) -> None:
        while self._joining:
            viewer = self._joining.popleft()
            self._viewers.add(viewer)
            self._guard(self._join, viewer)

    def _join(self, viewer: Viewer) -> None:
        """Have the selector and the viewer's feed wake the thread; raises OSError, ValueError, KeyError."""
        viewer.connection.setblocking(False)
        self._selector.register(viewer.connection, selectors.EVENT_READ, viewer)
        if viewer.feed not in self._feeds:
            viewer.feed.subscribe(self._wake)
            self._feeds.add(viewer.feed)

    def _serve_all(self, now_s: float) -> float:
        """Send every viewer what it is due; return when to look again (monotonic, s)."""
        self._parts.clear()
        look_s = now_s + self._waits.tick_s
        for viewer in list(self._viewers):
            if viewer.blocked_s is None:
                self._guard(self._serve, viewer, now_s)
                look_s = min(look_s, viewer.due_s) if viewer.due_s > now_s else look_s
            elif now_s - viewer.blocked_s > self._waits.stall_s:
                self._drop(viewer, f"it took nothing for {self._waits.stall_s:g} s")
        return look_s

    def _react(self, viewer: Viewer, mask: int, now_s: float) -> None:
        if mask & selectors.EVENT_READ:
            garbage = viewer.connection.recv(4096)
            viewer.garbage_bytes += len(garbage)
            if not garbage:
                raise _LeftError("it left")
            if viewer.garbage_bytes > MAX_GARBAGE_BYTES:
                raise _LeftError("it sends more than a request")
        if mask & selectors.EVENT_WRITE:
            self._serve(viewer, now_s)

    def _serve(self, viewer: Viewer, now_s: float) -> None:
        """Send the rest of the current part, then the newest item if it is due."""
        if viewer.unsent:
            viewer.unsent = viewer.unsent[self._send(viewer, viewer.unsent, now_s) :]
        if viewer.unsent:
            return
        item, version = viewer.feed.peek()
        repeated = version == viewer.version and now_s - viewer.sent_s < self._waits.repeat_s
        if item is None or repeated or now_s < viewer.due_s:
            self._await_room(viewer, None)
            return
        data = self._part(item, viewer.framed)
        taken = self._send(viewer, data, now_s)
        if not taken:
            return  # by the time there is room, there may be a newer one
        viewer.unsent = data[taken:]
        self.sent_parts += 1
        if viewer.version and not viewer.period_s:
            self.skipped_pictures += max(version - viewer.version - 1, 0)
        viewer.version, viewer.sent_s = version, now_s
        viewer.due_s = max(viewer.due_s + viewer.period_s, now_s)

    def _send(self, viewer: Viewer, data: memoryview, now_s: float) -> int:
        """Return how many bytes the kernel took; the rest waits for room."""
        try:
            taken = viewer.connection.send(data)
        except BlockingIOError:
            taken = 0
        self.sent_bytes += taken
        if taken == len(data):
            self._await_room(viewer, None)
        else:
            self._await_room(viewer, now_s if taken or viewer.blocked_s is None else viewer.blocked_s)
        return taken

    def _await_room(self, viewer: Viewer, blocked_s: float | None) -> None:
        """Note since when the viewer takes nothing, and have the selector watch for room; None: it takes."""
        if (blocked_s is None) != (viewer.blocked_s is None):
            room = 0 if blocked_s is None else selectors.EVENT_WRITE
            self._selector.modify(viewer.connection, selectors.EVENT_READ | room, viewer)
        viewer.blocked_s = blocked_s

    def _part(self, item: Any, framed: Callable[[Any], bytes]) -> memoryview:
        """Return the item as a part, framed once for all viewers; the item is kept so that its id is, too."""
        key = (id(item), framed)
        if key not in self._parts:
            self._parts[key] = (item, framed(item))
        return memoryview(self._parts[key][1])

    def _guard(self, act: Callable[..., None], viewer: Viewer, *args: Any) -> None:
        """Act for one viewer; any fault ends this viewer and no other."""
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
        """Close the viewer's connection and tell it why; never raises, for the other viewers go on."""
        if viewer in self._viewers:
            self._viewers.remove(viewer)
            with contextlib.suppress(KeyError, ValueError):  # it never got as far as the selector
                self._selector.unregister(viewer.connection)
        with contextlib.suppress(OSError):
            viewer.connection.close()
        try:
            viewer.left(reason)
        except Exception:
            log.exception("the end of a viewer could not be reported")
