"""What was recorded: the sessions, each one's charts and figures, their export, and their deletion."""

import time
from collections.abc import Iterator

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response as WSGIResponse

from recording.database import DatabaseError
from recording.export import as_csv, as_json_lines, iso_time, records
from recording.history import COUNTED, History, Summary
from vision.emotions import EMOTIONS
from web.chart import TimeBins, means, ribbon, stacked
from web.protocols import Recordings
from web.recording import REFUSED

SESSIONS_A_PAGE = 20
MAX_FACES = 30
PAUSE = 3.0  # times what it took to make a part of an export: a quarter of a core
MAX_NUMBER = 2**31 - 1  # that a database takes
MAX_DIGITS = 20


def history_pages(history: History, recordings: Recordings) -> Blueprint:
    """Return the pages of this history, for those who may also record."""
    pages = Blueprint("history", __name__)
    pages.add_app_template_filter(iso_time)
    pages.add_app_template_filter(length_of_time)
    pages.add_app_template_filter(clock)

    @pages.before_request
    def ask_leave() -> None:
        if not recordings.open_to_all:
            abort(403, REFUSED)

    @pages.after_request
    def keep_no_copy(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response

    @pages.errorhandler(DatabaseError)
    def say_what_is_wrong(error: DatabaseError) -> tuple[str, int]:
        return render_template("error.html", error=ServiceUnavailable(str(error))), 503

    @pages.get("/history")
    def index() -> str:
        page, count = number("page", 1), history.count()
        last = max(-(-count // SESSIONS_A_PAGE), 1)
        if page > last:
            abort(404, f"There is no page {page}; the last one is {last}.")
        sessions = history.sessions((page - 1) * SESSIONS_A_PAGE, SESSIONS_A_PAGE)
        return render_template(
            "history.html", sessions=sessions, count=count, page=page, last=last, **shared(sessions)
        )

    @pages.get("/history/<int:session_id>")
    def session(session_id: int) -> str:
        summary, face = find(session_id), number("face", 0)
        stretches = TimeBins.of(summary)
        faces = history.faces(session_id, MAX_FACES)
        shares = stretches.clip(history.shares(summary, stretches.length_s, face or None))
        if face and not shares:
            abort(404, f"There is no face {face} in this session.")
        track_ids = [face.track_id for face in faces]
        labels = history.labels(summary, stretches.length_s, track_ids)
        return render_template(
            "session.html",
            summary=summary,
            face=face,
            faces=faces,
            shares=shares,
            stretches=stretches,
            means=means(shares),
            stack=stacked(shares),
            ribbons={track_id: ribbon(labels[track_id]) for track_id in track_ids},
            emotions=EMOTIONS,
            **shared([summary]),
        )

    @pages.get("/history/<int:session_id>.csv")
    def csv(session_id: int) -> Response:
        summary = find(session_id)
        return download(summary, as_csv(records(summary, history.sightings(session_id))), "csv", "text/csv")

    @pages.get("/history/<int:session_id>.jsonl")
    def json_lines(session_id: int) -> Response:
        summary = find(session_id)
        rows = records(summary, history.sightings(session_id))
        return download(summary, as_json_lines(rows), "jsonl", "application/jsonl")

    @pages.get("/history/<int:session_id>/delete")
    def ask_to_delete(session_id: int) -> str:
        return render_template("delete.html", summary=find(session_id))

    @pages.post("/history/<int:session_id>/delete")
    def delete(session_id: int) -> WSGIResponse:
        if find(session_id).key in recordings.unfinished():
            abort(409, "This session is being recorded; stop the recording first.")
        history.delete(session_id)
        return redirect(url_for("history.index"), 303)

    @pages.get("/history/delete")
    def ask_to_delete_all() -> str:
        return render_template("delete.html", count=history.count())

    @pages.post("/history/delete")
    def delete_all() -> WSGIResponse:
        if recordings.unfinished():
            abort(409, "A session is being recorded; stop the recording first.")
        history.delete_all()
        return redirect(url_for("history.index"), 303)

    def find(session_id: int) -> Summary:
        summary = history.session(session_id) if session_id <= MAX_NUMBER else None
        if summary is None:
            abort(404, f"There is no session {session_id}.")
        return summary

    def shared(sessions: list[Summary]) -> dict[str, object]:
        """Return what the templates ask of every session."""
        unfinished = recordings.unfinished()
        running = {session.session_id for session in sessions if session.key in unfinished}
        return {"running": running, "counted": COUNTED}

    return pages


def number(name: str, default: int) -> int:
    """Return the number from 1 that the query asks for; answers 400 if it is none."""
    asked = request.args.get(name)
    if asked is None:
        return default
    given = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= MAX_DIGITS else 0
    if not 0 < given <= MAX_NUMBER:
        abort(400, f"{name} must be a number from 1, not “{asked}”.")
    return given


def download(summary: Summary, parts: Iterator[str], suffix: str, content_type: str) -> Response:
    """Return a file to keep, sent as it is read."""
    at = iso_time(summary.started_ms)[:19].replace(":", "").replace("-", "")
    name = f"emotions-{at}Z.{suffix}"
    return Response(
        gently(parts),
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def gently(parts: Iterator[str]) -> Iterator[str]:
    """Yield the parts with pauses: who makes them holds the interpreter, which the live stream needs too."""
    started_s = time.thread_time()
    for part in parts:
        spent_s = time.thread_time() - started_s
        yield part
        time.sleep(spent_s * PAUSE)
        started_s = time.thread_time()


def length_of_time(ms: float) -> str:
    """Return a length of time in words: 1 h 2 min, 3 min 4 s, 5 s."""
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def clock(ms: float) -> str:
    """Return a time since the start as a clock shows it: 1:02:03, 4:05."""
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
