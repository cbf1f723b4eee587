"""What people change in a session: its name, note and tags, and whether it is one with another."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from recording.about import AboutError
from recording.history import History, Summary
from recording.merging import MergeError, merge_sessions
from web.history_files import find_session
from web.paging import MAX_NUMBER
from web.protocols import Recordings

MAX_OTHERS = 10


def add_edits(pages: Blueprint, history: History, recordings: Recordings) -> None:
    """Add the form of what is said of a session, and the merging of two with the page that asks first."""

    @pages.post("/history/<int:session_id>/about")
    def describe(session_id: int) -> Response:
        about = find_session(history, session_id).about
        try:
            history.describe(session_id, about.changed(request.form))
        except AboutError as error:
            abort(400, str(error))
        return redirect(url_for("history.session", session_id=session_id), 303)

    @pages.get("/history/<int:session_id>/merge")
    def ask_to_merge(session_id: int) -> str:
        summary = find_session(history, session_id)
        ended = [
            it for it in history.merge_candidates(summary, MAX_OTHERS) if it.key not in recordings.unfinished()
        ]
        return render_template("merge.html", summary=summary, others=ended)

    @pages.post("/history/<int:session_id>/merge")
    def merge(session_id: int) -> Response:
        text = request.form.get("other", "")
        if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MAX_NUMBER):
            abort(400, "other must be the number of another session.")
        for summary in (find_session(history, session_id), find_session(history, int(text))):
            check_ended(summary, recordings)
        try:
            merged_id = merge_sessions(history, session_id, int(text))
        except MergeError as error:
            abort(409, str(error))
        return redirect(url_for("history.session", session_id=merged_id), 303)


def check_ended(summary: Summary, recordings: Recordings) -> None:
    """Answer 409 for a session that is being recorded, or waits to be written wholly."""
    if summary.key in recordings.unfinished():
        abort(409, "This session is still being written; stop the recording first.")
