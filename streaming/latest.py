"""The slot between threads that keeps the newest value."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
Given = TypeVar("Given", covariant=True)
REPEAT_S = 1.0  # a picture that stands still is sent again this often


class Latest(Generic[T]):
    """A slot that keeps the newest value: a late reader skips, a writer never waits."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._value: T | None = None
        self._version = 0
        self._closed = False
        self._listeners: list[Callable[[], None]] = []

    def put(self, value: T) -> None:
        with self._condition:
            self._value = value
            self._version += 1
            self._condition.notify_all()
        self._tell()

    def clear(self) -> None:
        """Forget the value; waiting readers go on waiting."""
        with self._condition:
            self._value = None

    def close(self) -> None:
        """Wake every reader; from now on `wait` returns at once."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._tell()

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have listener called after every change, from the writer's thread: it must not wait."""
        with self._condition:
            self._listeners = [*self._listeners, listener]

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    @property
    def closed(self) -> bool:
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
        deadline = time.monotonic() + timeout_s
        with self._condition:
            while not self._closed and (self._version <= seen or self._value is None):
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self._condition.wait(remaining):
                    return None, seen
            if self._closed:
                return None, seen
            return self._value, self._version


class Feed(Protocol[Given]):
    """What is sent to viewers; a Latest of pictures is one, and means the same by each name."""

    @property
    def closed(self) -> bool: ...

    def peek(self) -> tuple[Given | None, int]: ...

    def wait(self, seen: int, timeout_s: float) -> tuple[Given | None, int]: ...

    def subscribe(self, listener: Callable[[], None]) -> None: ...


def follow(feed: Feed[T], period_s: float = 0.0) -> Iterator[T]:
    """Yield the newest values, at most one a period, until the feed is closed.

    A value that stands still is repeated every REPEAT_S, so that a connection is never silent.
    """
    version, last, due_at = 0, None, 0.0
    while not feed.closed:
        newer, version = feed.wait(version, REPEAT_S)
        last = last if newer is None else newer
        if last is None or feed.closed:
            continue
        yield last
        now = time.monotonic()
        due_at = max(due_at + period_s, now)
        time.sleep(due_at - now)
