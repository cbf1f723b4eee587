"""The button that starts and stops the recording, what it is about, and its event markers."""

import time
from collections.abc import Mapping
from typing import Any, NoReturn

from flask import Blueprint, abort, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from recording.about import AboutError, parse_labels
from recording.markers import MarkerError, parse_label, parse_time
from recording.recorder import Recording
from web.bodies import json_body
from web.current import current
from web.hints import hint
from web.origins import open_to_embedders
from web.protocols import Recorder
from web.responses import abort_with, wants_json
from web.state import recording_json

WRITTEN_S = 3.0
FIELDS = ("name", "note", "tags", "labels")


def refuse_recordings() -> NoReturn:
    """Answer 403 to a visitor who may not record."""
    abort(403, refusal())


def refusal() -> str:
    """Return why a visitor may not record."""
    return f"Visitors may neither record here nor see what was recorded{hint('--controls')}."


def recording_pages() -> Blueprint:
    """Return the blueprint with /recording and /markers."""
    pages = Blueprint("recording", __name__)

    @pages.post("/recording")
    def switch() -> Response:
        """Start or stop the recording, and say what it is about."""
        recorder = current().recorder
        if recorder is None:
            abort(404)
        if not recorder.open_to_all:
            refuse_recordings()
        wanted = request.form.get("on", "")
        fields = {name: request.form[name] for name in FIELDS if name in request.form}
        if wanted not in ("true", "false") and (wanted or not fields):
            abort(400, "on must be true or false.")
        if fields:
            _describe(recorder, fields)
        if wanted == "true":
            recorder.start()
        elif wanted:
            recorder.stop()
            recorder.flush(WRITTEN_S)  # the history is what people look at next
        if wants_json():
            return jsonify(recording_json(recorder))
        saved = "" if wanted == "false" else None  # a page without JavaScript says it once
        return redirect(url_for("live.index", saved=saved), 303)

    @pages.post("/markers")
    @open_to_embedders
    def mark() -> tuple[Response, int]:
        """Mark a moment of the session that runs."""
        arrived_unix_ms = round(time.time() * 1000)
        recorder = current().recorder
        if recorder is None or not recorder.open_to_all:
            abort_with(refusal(), 403)
        values = _marker_values()
        try:
            label, caller_unix_ms = parse_label(values.get("label")), parse_time(values.get("time"))
            marker = recorder.mark(label, caller_unix_ms, arrived_unix_ms)
        except MarkerError as error:
            abort_with(str(error), error.status, {"Retry-After": "1"} if error.status == 429 else None)
        caller_s = None if caller_unix_ms is None else caller_unix_ms / 1000
        answer = {"number": marker.number, "label": marker.label}
        answer |= {"time": marker.at_unix_ms / 1000, "caller_time": caller_s}
        return jsonify(answer | {"arrived_time": marker.arrived_unix_ms / 1000}), 201

    return pages


def _describe(recorder: Recorder, fields: dict[str, str]) -> None:
    """Set those fields that are given; answers 400 for what is too long or too many."""
    now: Recording = recorder.state()
    try:
        labels = parse_labels(fields["labels"]) if "labels" in fields else now.labels
        recorder.describe(now.about.changed(fields), labels)
    except AboutError as error:
        abort(400, str(error))


def _marker_values() -> Mapping[str, Any]:
    """Return the fields of a JSON object or a form; answers 400 to other JSON."""
    # JSON first: programs such as Python's urllib call every body a form
    values = json_body()
    if values is None and request.form:
        return request.form
    if not isinstance(values, dict):
        abort_with("Send a JSON object or a form, such as {“label”: “stimulus on”}.", 400)
    return values
