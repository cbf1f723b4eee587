"""Text files that are sent in parts, as they are made."""

import time
from collections.abc import Iterator

from flask import Response

from web.responses import NO_STORE

PAUSE_RATIO = 3.0  # times what it took to make a part: a quarter of a core


def download(parts: Iterator[str], name: str, content_type: str) -> Response:
    """Return a file of that name to save, in UTF-8, of which no browser keeps another copy."""
    response = send_parts(parts, f"{content_type}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def send_parts(parts: Iterator[str], content_type: str) -> Response:
    """Return a text that is sent in parts, of which no browser keeps a copy."""
    return Response(with_pauses(parts), content_type=content_type, headers=NO_STORE)


def with_pauses(parts: Iterator[str]) -> Iterator[str]:
    """Yield the parts with pauses: making them holds the interpreter, which the live stream needs too."""
    started_s = time.thread_time()
    for part in parts:
        spent_s = time.thread_time() - started_s
        yield part
        time.sleep(spent_s * PAUSE_RATIO)
        started_s = time.thread_time()
