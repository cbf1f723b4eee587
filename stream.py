"""What stands between threads, and how a stream of pictures is framed for the browser."""

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

BOUNDARY = "frame"
CONTENT_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
_PART_HEAD = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()


class Latest(Generic[T]):
    """A slot that keeps the newest value: a late reader skips, a writer never waits."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._value: T | None = None
        self._version = 0
        self._closed = False

    def put(self, value: T) -> None:
        with self._condition:
            self._value = value
            self._version += 1
            self._condition.notify_all()

    def clear(self) -> None:
        """Forget the value; waiting readers go on waiting."""
        with self._condition:
            self._value = None

    def close(self) -> None:
        """Wake every reader; from now on `wait` returns at once."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    def newest(self) -> T | None:
        """Return the newest value without waiting, or None."""
        return self._value

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


def multipart(jpegs: Iterable[bytes]) -> Iterator[bytes]:
    """Frame JPEGs as multipart/x-mixed-replace, the head of the next part right behind each picture.

    Chromium paints a picture only when the next part's head arrives, so it must not wait for the next
    picture; a Content-Length would have to be known before the picture is, so there is none.
    """
    yield _PART_HEAD
    for jpeg in jpegs:
        yield jpeg + b"\r\n" + _PART_HEAD
