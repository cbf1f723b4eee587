"""The parts of a site and their end: each is closed once, in the opposite order, even if another fails."""

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:  # Flask would cost --help and gunicorn's main process 0.1 s
    from flask import Flask

log = logging.getLogger(__name__)

HALT = 4  # exit code of a worker that gunicorn does not start again
EXTENSION = "lifetime"  # the key of a site's own in Flask.extensions


class Closable(Protocol):
    """A part with a close method, which returns False where a thread could not be joined."""

    def close(self) -> bool | None:
        """Release the part's threads, connections and files."""


Part = TypeVar("Part", bound=Closable)


class Lifetime:
    """Owns parts until `close`, which closes the last one first.

    Each part is closed even if another fails to close. Closing twice, also from two threads, closes each part
    once, and both callers wait for the end.
    """

    def __init__(self) -> None:
        """Create a lifetime without parts."""
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._clean = True

    def own(self, part: Part) -> Part:
        """Return part, which is closed with the others from now on."""
        self._stack.callback(self._close, part.close)
        return part

    def close(self) -> bool:
        """Close every part; False if a part failed or could not join a thread: leave by os._exit then."""
        with self._lock:
            self._stack.close()
            return self._clean

    def _close(self, close: Callable[[], bool | None]) -> None:
        try:
            self._clean = close() is not False and self._clean
        except Exception:
            log.exception("a part could not be closed")
            self._clean = False  # its threads may still run


def close_site(site: "Flask") -> bool:
    """Close everything that a site of `app.create_app` owns; returns as `Lifetime.close`."""
    lifetime: Lifetime = site.extensions[EXTENSION]
    return lifetime.close()
