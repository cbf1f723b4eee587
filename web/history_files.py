"""The files of a session: its sightings as a table and as JSON Lines, their description, and its markers."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from recording.export import (
    CSV_COLUMNS,
    MARKER_COLUMNS,
    add_markers,
    as_csv,
    as_json_array,
    as_json_lines,
    iso_time,
    marker_records,
    records,
)
from recording.history import History, Summary
from recording.sidecar import sidecar
from texts import shorten
from web.downloads import download, send_parts
from web.moments import place_marker, query_stretch
from web.paging import MAX_NUMBER


def add_files(pages: Blueprint, history: History) -> None:
    """Add each session's files; of the first two, ?from= and ?to= give a stretch.

    With ?rest=without they have the readings as they would be without resting faces.
    """

    @pages.get("/history/<int:session_id>.csv")
    def csv(session_id: int) -> Response:
        summary, rows, markers = _contents(history, session_id)
        name = file_name(summary, f"{_without_rest()}csv")
        return download(as_csv(add_markers(rows, markers), CSV_COLUMNS), name, "text/csv")

    @pages.get("/history/<int:session_id>.jsonl")
    def json_lines(session_id: int) -> Response:
        summary, rows, markers = _contents(history, session_id)
        name = file_name(summary, f"{_without_rest()}jsonl")
        return download(as_json_lines(rows, markers), name, "application/jsonl")

    @pages.get("/history/<int:session_id>.json")
    def description(session_id: int) -> Response:
        summary = find_session(history, session_id)
        response = jsonify(sidecar(summary, history.rests(session_id)))
        response.headers["Content-Disposition"] = f'attachment; filename="{file_name(summary, "json")}"'
        return response

    @pages.get("/history/<int:session_id>/markers")
    def markers(session_id: int) -> Response:
        summary = find_session(history, session_id)
        rows = marker_records(summary, history.markers(session_id))
        form = request.args.get("format", "json")
        if form == "csv":
            name = file_name(summary, "csv").replace("emotions", "markers")
            return download(as_csv(rows, MARKER_COLUMNS), name, "text/csv")
        if form != "json":
            abort(400, "format must be json or csv.")
        return send_parts(as_json_array(rows, MARKER_COLUMNS), "application/json")


def find_session(history: History, session_id: int) -> Summary:
    """Return a session; answers 404 if there is none."""
    summary = history.session(session_id) if session_id <= MAX_NUMBER else None
    if summary is None:
        abort(404, f"There is no session {shorten(session_id)}.")
    return summary


def _contents(
    history: History, session_id: int
) -> tuple[Summary, Iterator[tuple[Any, ...]], Iterator[tuple[Any, ...]]]:
    """Return a session with its rows and its markers, of a stretch of it if one is asked for."""
    summary = find_session(history, session_id)
    stretch, markers = query_stretch(summary), history.markers(session_id)
    if stretch:
        markers = [it for it in markers if stretch.first <= place_marker(it, summary) < stretch.stop]
    sightings = history.sightings(session_id, stretch.within(summary) if stretch else None)
    rows = records(summary, sightings, history.rests(session_id) if _without_rest() else None)
    return summary, rows, marker_records(summary, markers)


def _without_rest() -> str:
    """Return a part of a file's name if ?rest= asks for readings without resting faces, else "".

    Answers 400 to another value than with and without.
    """
    asked = request.args.get("rest", "with")
    if asked not in ("with", "without"):
        abort(400, "rest must be with or without.")
    return "without-rest." if asked == "without" else ""


def file_name(summary: Summary, suffix: str) -> str:
    """Return the name of a session's export, with the time at which the session began."""
    at = iso_time(summary.started_unix_ms)[:19].replace(":", "").replace("-", "")
    return f"emotions-{at}Z.{suffix}"
