"""Work beside the live path: one call at a time in a thread of its own, and nobody waits for it."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import cv2

T = TypeVar("T")

NICENESS = 10


class BackgroundTask(Generic[T]):
    """Runs one call at a time. Its thread begins with the first call and ends with close()."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, name, initializer=lower_priority)
        self._call: Future[T] | None = None

    @property
    def idle(self) -> bool:
        """Whether a call can be started: the last one has ended, and its result was taken."""
        return self._call is None

    def start(self, call: Callable[[], T]) -> None:
        """Run call in the background; only when idle."""
        if not self.idle:
            raise RuntimeError("the last call has not been taken yet")
        self._call = self._executor.submit(call)

    def take(self) -> T | None:
        """Return what the call returned, once, or None while it runs; raises what the call raised."""
        if self._call is None or not self._call.done():
            return None
        ended, self._call = self._call, None
        return ended.result()

    def close(self) -> None:
        """Wait for the call under way, and join the thread."""
        self._executor.shutdown(cancel_futures=True)


class InlineTask(BackgroundTask[T]):
    """The same, but each call is run at once: where the same result each time counts more than speed."""

    def start(self, call: Callable[[], T]) -> None:
        """Run call, and keep what it returned or raised."""
        super().start(call)
        assert self._call is not None
        self._call.exception()  # waits for its end


def lower_priority() -> None:
    """Let the live path's threads run before the one that calls this, where threads have a priority each."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def limit_threads() -> None:
    """Let OpenCV use one thread a call, and pass the interpreter's lock on after 2 ms."""
    cv2.setNumThreads(1)
    # By default a thread in the background may keep a frame waiting for 5 ms. With much less than 2, a hundred
    # threads that wake together do nothing but hand over to each other.
    sys.setswitchinterval(0.002)
