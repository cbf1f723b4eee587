"""What a site is made of is closed once, in the opposite order, whatever happens meanwhile."""

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:  # Flask would cost --help and gunicorn's main process 0.1 s
    from flask import Flask

log = logging.getLogger(__name__)

HALT = 4  # exit code of a worker that gunicorn does not start again
EXTENSION = "lifetime"  # under which a site keeps its own


class Closable(Protocol):
    """A part with a close method, which returns False where a thread could not be joined."""

    def close(self) -> bool | None:
        """Release what it holds."""


Part = TypeVar("Part", bound=Closable)


class Lifetime:
    """Owns parts until `close`, which closes the last one first.

    Each part is closed even if another fails to close. Closing twice, also from two threads, is harmless.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._clean = True

    def own(self, part: Part) -> Part:
        """Return part, which is closed with the others from now on."""
        self._stack.callback(self._close, part.close)
        return part

    def close(self) -> bool:
        """Close every part; False if a thread could not be joined (leave the process by os._exit)."""
        with self._lock:
            self._stack.close()
            return self._clean

    def _close(self, close: Callable[[], bool | None]) -> None:
        try:
            self._clean = close() is not False and self._clean
        except Exception:
            log.exception("a part could not be closed")


def close_site(site: "Flask") -> bool:
    """Close everything that a site of `app.create_app` owns; returns as `Lifetime.close`."""
    lifetime: Lifetime = site.extensions[EXTENSION]
    return lifetime.close()
