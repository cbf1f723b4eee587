"""A request's body: its JSON, and how its pictures are to be read."""

from typing import Any

from flask import abort, request


def asks_for_whole() -> bool:
    """Return whether the current request asks for each whole picture to be read as a face: whole=1."""
    sent = request.args.get("whole", "")
    if not sent and request.mimetype == "multipart/form-data":
        sent = request.form.get("whole", "")
    if sent not in ("", "0", "1"):
        abort(400, "whole must be 1, to read each whole picture as a face, or 0.")
    return sent == "1"


def json_body() -> Any:
    """Return the current request's body as JSON, whatever its Content-Type; None if it is none."""
    try:
        return request.get_json(force=True, silent=True)
    except RecursionError:  # nested too deeply to be read
        return None
