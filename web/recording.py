"""The button that starts and stops the recording."""

from typing import NoReturn

from flask import Blueprint, abort, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from web.current import current
from web.hints import hint
from web.state import recording_json

WRITTEN_S = 3.0


def refuse_recordings() -> NoReturn:
    """Answer 403 to a visitor who may not record."""
    abort(403, f"Visitors may neither record here nor see what was recorded{hint('--controls')}.")


def recording_pages() -> Blueprint:
    """Return the blueprint with /recording."""
    pages = Blueprint("recording", __name__)

    @pages.post("/recording")
    def switch() -> Response:
        """Start or stop the recording."""
        recorder = current().recorder
        if recorder is None:
            abort(404)
        if not recorder.open_to_all:
            refuse_recordings()
        wanted = request.form.get("on", "")
        if wanted not in ("true", "false"):
            abort(400, "on must be true or false.")
        if wanted == "true":
            recorder.start()
        else:
            recorder.stop()
            recorder.flush(WRITTEN_S)  # the history is what people look at next
        if request.accept_mimetypes.best == "application/json":
            return jsonify(recording_json(recorder.state()))
        saved = "" if wanted == "false" else None  # a page without JavaScript says it once
        return redirect(url_for("live.index", saved=saved), 303)

    return pages
