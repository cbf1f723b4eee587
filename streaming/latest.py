"""The slot between threads that keeps the newest value."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
Item = TypeVar("Item", covariant=True)
REPEAT_S = 1.0  # a value that stands still is sent again this often


class Latest(Generic[T]):
    """A slot that keeps the newest value: a late reader skips, a writer never waits."""

    def __init__(self) -> None:
        """Create a slot without a value."""
        self._condition = threading.Condition()
        self._value: T | None = None
        self._version = 0
        self._closed = False
        self._listeners: list[Callable[[], None]] = []

    def put(self, value: T) -> None:
        """Replace the value, wake every reader and call every listener."""
        with self._condition:
            self._value = value
            self._version += 1
            self._condition.notify_all()
        self._notify()

    def clear(self) -> None:
        """Forget the value; waiting readers go on waiting."""
        with self._condition:
            self._value = None

    def close(self) -> None:
        """Wake every reader; from now on `wait` returns at once."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._notify()

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call listener after every change, in the writer's thread: it must not wait.

        A listener that raises is logged and not called again, so that the writer and the others go on.
        """
        with self._condition:
            self._listeners = [*self._listeners, listener]

    def _notify(self) -> None:
        for listener in self._listeners:
            try:
                listener()
            except Exception:
                log.exception("a listener failed and is left out: %r", listener)
                with self._condition:
                    self._listeners = [other for other in self._listeners if other is not listener]

    @property
    def closed(self) -> bool:
        """Whether the slot was closed."""
        return self._closed

    def newest(self) -> T | None:
        """Return the newest value without waiting, or None."""
        return self._value

    def peek(self) -> tuple[T | None, int]:
        """Return the newest value, or None, and its version without waiting."""
        with self._condition:
            return self._value, self._version

    def wait(self, seen: int, timeout_s: float) -> tuple[T | None, int]:
        """Return a value newer than version `seen` and its version; (None, seen) after the timeout."""
        deadline_s = time.monotonic() + timeout_s
        with self._condition:
            while not self._closed and (self._version <= seen or self._value is None):
                remaining_s = deadline_s - time.monotonic()
                if remaining_s <= 0 or not self._condition.wait(remaining_s):
                    return None, seen
            if self._closed:
                return None, seen
            return self._value, self._version


class Feed(Protocol[Item]):
    """What is sent to viewers: a Latest of frames, or messages that are made when they are asked for."""

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""

    def peek(self) -> tuple[Item | None, int]:
        """Return the newest item, or None, and its version without waiting."""

    def wait(self, seen: int, timeout_s: float) -> tuple[Item | None, int]:
        """Return an item newer than version `seen` and its version; (None, seen) after the timeout."""

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call listener after every change; it must not wait."""


def follow(feed: Feed[T], period_s: float = 0.0, repeat_s: float = REPEAT_S) -> Iterator[T]:
    """Yield the newest values, at most one every period_s, until the feed is closed.

    A value that stands still is repeated every repeat_s, so that a connection is never silent.
    """
    version, last, due_s = 0, None, 0.0
    while not feed.closed:
        newer, version = feed.wait(version, repeat_s)
        last = last if newer is None else newer
        if last is None or feed.closed:
            continue
        yield last
        now_s = time.monotonic()
        due_s = max(due_s + period_s, now_s)
        time.sleep(due_s - now_s)
