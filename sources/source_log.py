"""The log of a source that may come and go all day."""

import logging
import math
import threading
import time

log = logging.getLogger(__name__)


class SourceLog:
    """Logs when a source is opened, and its problems; of one that comes and goes not every change."""

    def __init__(self, every_s: float, after_s: float) -> None:
        """Log a change once in every_s, and when it has lasted for after_s."""
        self._every_s, self._after_s = every_s, after_s
        self._lock = threading.Lock()  # guards what is below
        self._opened = self._problem = (-math.inf, "")  # when which was logged last

    def opened(self, name: str) -> None:
        """Log that the source of that name was opened."""
        now_s = time.monotonic()
        with self._lock:
            logged_s, logged = self._opened
            if name == logged and now_s - logged_s <= self._every_s:
                return
            self._opened = now_s, name
        log.info("opened %s", name)

    def closed(self, name: str) -> None:
        """Log that the source was closed because nobody watches; the next opening is logged, too."""
        log.info("closed %s", name)
        with self._lock:
            self._opened = (-math.inf, "")

    def report(self, problem: str, since_s: float) -> None:
        """Log the source's problem since since_s (monotonic), or that it is over."""
        now_s = time.monotonic()
        with self._lock:
            logged_s, logged = self._problem
            is_lately = now_s - logged_s < self._every_s
            if problem == logged or (is_lately and now_s - since_s < self._after_s):
                return
            self._problem = now_s, problem
        log.warning("no picture: %s", problem) if problem else log.info("the picture is back")
