"""The pages of recordings: the sessions, each one's charts and figures, their export, and their deletion."""

from flask import Blueprint, Response, abort, redirect, render_template, url_for
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response as WSGIResponse

from recording.database import DatabaseError
from recording.export import as_csv, as_json_lines, iso_time, records
from recording.history import COUNTED, History, Summary
from vision.emotions import EMOTIONS
from web.chart import TimeBins, overall_means, ribbon, stacked
from web.downloads import download
from web.paging import MAX_NUMBER, Page, query_number
from web.protocols import Recordings
from web.recording import refuse_recordings

SESSIONS_A_PAGE = 20
MAX_FACES = 30


def history_pages(history: History, recordings: Recordings) -> Blueprint:
    """Return the pages of this history, shown only where visitors may also record."""
    pages = Blueprint("history", __name__)
    _guard(pages, recordings)
    _add_sessions(pages, history, recordings)
    _add_exports(pages, history)
    _add_deletion(pages, history, recordings)
    return pages


def _guard(pages: Blueprint, recordings: Recordings) -> None:
    """Keep the pages from those who may not record, and their copies from browsers."""

    @pages.before_request
    def check_permission() -> None:
        if not recordings.open_to_all:
            refuse_recordings()

    @pages.after_request
    def forbid_copies(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response

    @pages.errorhandler(DatabaseError)
    def show_database_error(error: DatabaseError) -> tuple[str, int]:
        return render_template("error.html", error=ServiceUnavailable(str(error))), 503


def _add_sessions(pages: Blueprint, history: History, recordings: Recordings) -> None:
    """Add the list of sessions, and the page of each."""

    @pages.get("/history")
    def index() -> str:
        page = Page.requested(history.count(), SESSIONS_A_PAGE)
        sessions = history.sessions(page.first, page.size)
        return render_template("history.html", sessions=sessions, page=page, **_shared(sessions, recordings))

    @pages.get("/history/<int:session_id>")
    def session(session_id: int) -> str:
        summary, face = _find(history, session_id), query_number("face", 0)
        figures = _figures(history, summary, face)
        return render_template(
            "session.html", summary=summary, face=face, **figures, **_shared([summary], recordings)
        )


def _add_exports(pages: Blueprint, history: History) -> None:
    """Add each session's files: a table and JSON Lines."""

    @pages.get("/history/<int:session_id>.csv")
    def csv(session_id: int) -> Response:
        summary = _find(history, session_id)
        rows = records(summary, history.sightings(session_id))
        return download(as_csv(rows), file_name(summary, "csv"), "text/csv")

    @pages.get("/history/<int:session_id>.jsonl")
    def json_lines(session_id: int) -> Response:
        summary = _find(history, session_id)
        rows = records(summary, history.sightings(session_id))
        return download(as_json_lines(rows), file_name(summary, "jsonl"), "application/jsonl")


def _add_deletion(pages: Blueprint, history: History, recordings: Recordings) -> None:
    """Add the deletion of one session and of all, each with the page that asks first."""

    @pages.get("/history/<int:session_id>/delete")
    def ask_to_delete(session_id: int) -> str:
        summary, back = _find(history, session_id), url_for("history.session", session_id=session_id)
        return render_template("delete.html", question="Delete this session?", summary=summary, back=back)

    @pages.post("/history/<int:session_id>/delete")
    def delete(session_id: int) -> WSGIResponse:
        if _find(history, session_id).key in recordings.unfinished():
            abort(409, "This session is being recorded; stop the recording first.")
        history.delete(session_id)
        return redirect(url_for("history.index", deleted=1), 303)

    @pages.get("/history/delete")
    def ask_to_delete_all() -> str:
        count = history.count()
        what = "the one session" if count == 1 else f"all {count} sessions"
        return render_template("delete.html", question=f"Delete {what}?", back=url_for("history.index"))

    @pages.post("/history/delete")
    def delete_all() -> WSGIResponse:
        if recordings.unfinished():
            abort(409, "A session is being recorded; stop the recording first.")
        return redirect(url_for("history.index", deleted=history.delete_all()), 303)


def _find(history: History, session_id: int) -> Summary:
    """Return a session; answers 404 if there is none."""
    summary = history.session(session_id) if session_id <= MAX_NUMBER else None
    if summary is None:
        abort(404, f"There is no session {session_id}.")
    return summary


def _shared(sessions: list[Summary], recordings: Recordings) -> dict[str, object]:
    """Return the values that the templates need for every session."""
    unfinished = recordings.unfinished()
    running = {session.session_id for session in sessions if session.key in unfinished}
    return {"running": running, "counted": COUNTED}


def _figures(history: History, summary: Summary, face: int) -> dict[str, object]:
    """Return the charts and figures of a session, or of one face in it; answers 404 if it has no such face."""
    bins = TimeBins.of(summary)
    faces = history.faces(summary.session_id, MAX_FACES)
    means = bins.clip(history.mean_probs(summary, bins.length_s, face or None))
    if face and not means:
        abort(404, f"There is no face {face} in this session.")
    track_ids = [face.track_id for face in faces]
    labels = history.labels(summary, bins.length_s, track_ids)
    return {
        "faces": faces,
        "bins": bins,
        "means": means,
        "overall_means": overall_means(means),
        "stack": stacked(means),
        "ribbons": {track_id: ribbon(labels[track_id]) for track_id in track_ids},
        "emotions": EMOTIONS,
    }


def file_name(summary: Summary, suffix: str) -> str:
    """Return the name of a session's export, with the time at which the session began."""
    at = iso_time(summary.started_unix_ms)[:19].replace(":", "").replace("-", "")
    return f"emotions-{at}Z.{suffix}"
