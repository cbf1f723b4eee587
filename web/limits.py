"""Limits of what is received: how large, how many at once, how slow; and the answers beyond them."""

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from flask import abort, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, ServiceUnavailable

from server.broken_bodies import MALFORMED_BODY
from server.hijack import connection_of

MAX_RECEIVING = 16  # uploads, out of gunicorn's 128 threads
MAX_FILES = 500  # of one upload
STALL_S = 30.0  # without a byte of an upload
RETRY_S = 5
BROKE_OFF = "The upload was interrupted; try again."
RECEIVES = "receives"  # the mark of a view that receives its request's body through an UploadLimiter
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG)


View = TypeVar("View", bound=Callable[..., object])


class InsufficientStorage(HTTPException):  # named as Werkzeug names its own
    """507, which Werkzeug does not have."""

    code = 507
    description = "The server's disk is full or cannot be written; nothing was kept."


def busy() -> ServiceUnavailable:
    """Return the error that asks to come back soon."""
    return ServiceUnavailable(
        "The server is busy with other files; try again in a moment.", retry_after=RETRY_S
    )


def receives(view: View) -> View:
    """Mark a view that receives bodies of any length by an UploadLimiter; others get small ones, whole."""
    setattr(view, RECEIVES, True)
    return view


class UploadLimiter:
    """Receives so many uploads at once, so that there are threads for the other pages."""

    def __init__(self, at_once: int = MAX_RECEIVING) -> None:
        self._free = threading.BoundedSemaphore(at_once)

    @contextmanager
    def receiving(self, max_mb: int, several: bool = False) -> Iterator[None]:
        """Receive the current request's body in this block; answers 4xx or 5xx when that fails.

        With several, the answer to one that is too large speaks of files.
        """
        if not self._free.acquire(blocking=False):
            raise busy()
        connection = connection_of(request.environ)
        timeout_s = connection.gettimeout() if connection else None
        try:
            if connection:
                connection.settimeout(STALL_S)
            request.max_content_length = max_mb * 1_000_000
            request.max_form_parts = MAX_FILES
            yield
        except RequestEntityTooLarge:
            files = f" and {MAX_FILES} files" if several else ""
            abort(413, f"An upload may have {max_mb} MB{files}; this one has more.")
        except TimeoutError:
            abort(408, f"Nothing came for {STALL_S:.0f} seconds.")
        except OSError as error:
            if error.errno in DISK_ERRORS:
                raise InsufficientStorage from None
            if error.errno in (errno.EMFILE, errno.ENFILE):  # a job that waits keeps its files open
                raise busy() from None
            abort(400, BROKE_OFF)
        except MALFORMED_BODY:
            abort(400, BROKE_OFF)
        finally:
            self._free.release()
            if connection and connection.fileno() >= 0:
                connection.settimeout(timeout_s)
