"""Background work beside the live path: one call at a time in a thread of its own, which no frame waits for."""

import os
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import Any, Generic, TypeVar

import cv2

T = TypeVar("T")

NICENESS = 10
JOIN_S = 2.0  # for a call that runs; a search takes a tenth of a second or two


class BackgroundTask(Generic[T]):
    """One background thread that runs one call at a time; the first call starts it and close() ends it."""

    def __init__(self, name: str) -> None:
        """Name the thread, which is not started yet."""
        self._executor = ThreadPoolExecutor(1, name, initializer=lower_priority)
        self._call: Future[T] | None = None

    @property
    def idle(self) -> bool:
        """Whether a call can be started: `poll` has returned or raised the result of the last one."""
        return self._call is None

    def start(self, call: Callable[[], T]) -> None:
        """Run the call in the background; RuntimeError unless the task is idle."""
        if not self.idle:
            raise RuntimeError("the result of the last call has not been polled yet")
        self._call = self._executor.submit(call)

    def poll(self) -> T | None:
        """Return the call's result once, or None while it runs and after that; raise the call's exception."""
        if self._call is None or not self._call.done():
            return None
        ended, self._call = self._call, None
        return ended.result()

    def close(self) -> bool:
        """Wait for the running call to end, and join the thread; False if that takes longer than JOIN_S."""
        return join(self._executor, [self._call] if self._call else [], JOIN_S)


class InlineTask(BackgroundTask[T]):
    """A BackgroundTask whose `start` waits for the call: slower, with the same results in every run."""

    def start(self, call: Callable[[], T]) -> None:
        """Run the call to its end; `poll` then returns its result or raises its exception."""
        super().start(call)
        assert self._call is not None
        self._call.exception()  # waits for the end of the call


def join(executor: Executor, calls: Iterable[Future[Any]], timeout_s: float) -> bool:
    """Cancel the calls that wait in an executor, and join its threads; False if they run after timeout_s.

    The calls are those that may still run.
    """
    executor.shutdown(wait=False, cancel_futures=True)
    if wait([call for call in calls if not call.cancelled()], timeout_s).not_done:
        return False
    executor.shutdown()
    return True


def lower_priority() -> None:
    """Lower the calling thread's priority below that of the live path's threads; Linux only."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def limit_threads() -> None:
    """Limit OpenCV to one thread a call, and the interpreter's switch interval to 2 ms."""
    cv2.setNumThreads(1)
    # Python's default lets a background thread delay a frame by 5 ms. With much less than 2 ms, a hundred
    # threads that wake together spend their time switching.
    sys.setswitchinterval(0.002)
