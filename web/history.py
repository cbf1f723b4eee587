"""The pages of recordings: the sessions, each one's charts and figures, their export, and their deletion."""

import json
from collections.abc import Sequence
from dataclasses import replace

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response as WSGIResponse

from recording.about import MAX_TAG
from recording.database import DatabaseError
from recording.history import Face, History, MeanProbs, Search, Summary
from recording.markers import Marker
from recording.tables import COUNTED_LABELS
from vision.emotions import EMOTIONS
from web.chart import MAX_LINES, TimeBins, areas, edges, lines, overall_means, ribbon, stacked
from web.history_edits import add_edits, check_ended
from web.history_files import add_files, find_session
from web.moments import Stretch, place_marker, query_moment, query_stretch
from web.paging import Page, query_number
from web.protocols import Recordings
from web.recording import refuse_recordings
from web.responses import show_error

SESSIONS_A_PAGE = 20
MAX_FACES = 30
MAX_MARKERS = 1000  # listed; a session has up to a hundred thousand
MAX_TAGS_SHOWN = 30
MAX_WORDS = 200  # characters of a search


def history_pages(history: History, recordings: Recordings) -> Blueprint:
    """Return the pages of this history, shown only where visitors may also record."""
    pages = Blueprint("history", __name__)
    for text_filter in (as_data, marks_as_data):
        pages.add_app_template_filter(text_filter)
    _guard(pages, recordings)
    _add_sessions(pages, history, recordings)
    add_files(pages, history)
    add_edits(pages, history, recordings)
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
    def show_database_error(error: DatabaseError) -> WSGIResponse:
        return show_error(ServiceUnavailable(str(error)))


def _add_sessions(pages: Blueprint, history: History, recordings: Recordings) -> None:
    """Add the list of sessions, and the page of each."""

    @pages.get("/history")
    def index() -> str:
        search = Search(request.args.get("q", "").strip()[:MAX_WORDS], request.args.get("tag", "")[:MAX_TAG])
        page = Page.requested(history.count(search), SESSIONS_A_PAGE)
        sessions = history.sessions(page.first, page.size, search)
        return render_template(
            "history.html",
            sessions=sessions,
            page=page,
            search=search,
            tags=history.tags(MAX_TAGS_SHOWN),
            **_shared(sessions, recordings),
        )

    @pages.get("/history/<int:session_id>")
    def session(session_id: int) -> str:
        summary, face = find_session(history, session_id), query_number("face", 0)
        figures = _figures(history, summary, face, query_stretch(summary))
        return render_template(
            "session.html", summary=summary, face=face, **figures, **_shared([summary], recordings)
        )


def _add_deletion(pages: Blueprint, history: History, recordings: Recordings) -> None:
    """Add the deletion of one session and of all, each with the page that asks first."""

    @pages.get("/history/<int:session_id>/delete")
    def ask_to_delete(session_id: int) -> str:
        summary, back = find_session(history, session_id), url_for("history.session", session_id=session_id)
        return render_template("delete.html", question="Delete this session?", summary=summary, back=back)

    @pages.post("/history/<int:session_id>/delete")
    def delete(session_id: int) -> WSGIResponse:
        check_ended(find_session(history, session_id), recordings)
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
            abort(409, "A session is still being written; stop the recording first.")
        return redirect(url_for("history.index", deleted=history.delete_all()), 303)


def _shared(sessions: list[Summary], recordings: Recordings) -> dict[str, object]:
    """Return the values that the templates need for every session."""
    unfinished = recordings.unfinished()
    running = {session.session_id for session in sessions if session.key in unfinished}
    return {"running": running, "counted": COUNTED_LABELS}


def _figures(history: History, summary: Summary, face: int, stretch: Stretch | None) -> dict[str, object]:
    """Return the charts and figures of a session, a stretch or one face; answers 404 without the face."""
    bins, seconds = TimeBins.of(summary, stretch), stretch.seconds if stretch else None
    part, faces = _part(history, summary, stretch)
    means = bins.clip(history.mean_probs(summary, bins.length_s, face or None, seconds))
    if face and not means:
        abort(404, f"There is no face {face} in this {'range' if stretch else 'session'}.")
    track_ids = [face.track_id for face in faces]
    labels = history.labels(summary, bins.length_s, track_ids, seconds)
    markers = _markers(history, summary, bins)
    return {
        "part": part,
        "stretch": stretch,
        "faces": faces,
        "bins": bins,
        "means": means,
        "overall_means": overall_means(means),
        "stack": stacked(means),
        "edges": edges(means),
        "areas": areas(means),
        "ribbons": {track_id: ribbon(labels[track_id]) for track_id in track_ids},
        "markers": markers[:MAX_MARKERS],
        "marker_count": len(markers),
        "marker_lines": lines((bins.x(seconds) for seconds, _ in markers), bins.count / MAX_LINES),
        "rests": history.rests(summary.session_id),
        "emotions": EMOTIONS,
        "reading": _reading(history, summary, face),
    }


def _part(history: History, summary: Summary, stretch: Stretch | None) -> tuple[Summary, list[Face]]:
    """Return the figures of a stretch of a session, or of the whole, and of its faces, MAX_FACES at most."""
    if stretch is None:
        return summary, history.faces(summary.session_id, MAX_FACES)
    faces = history.faces_within(summary.session_id, stretch.within(summary))
    counts = {name: sum(face.counts[name] for face in faces) for name in COUNTED_LABELS}
    part = replace(summary, sightings=sum(counts.values()), faces=len(faces), counts=counts)
    shown = sorted(faces[:MAX_FACES], key=lambda face: (face.first_unix_ms, face.track_id))
    return part, shown


def _markers(history: History, summary: Summary, bins: TimeBins) -> list[tuple[float, Marker]]:
    """Return the markers within the bins, each with its moment in s since the session began."""
    markers = history.markers(summary.session_id)
    placed = [(place_marker(marker, summary), marker) for marker in markers]
    return [(seconds, marker) for seconds, marker in placed if 0 <= bins.x(seconds) < bins.count]


def _reading(history: History, summary: Summary, face: int) -> dict[str, object] | None:
    """Return the moment, ?at=, in s since the session began, and its second's mean probabilities; or None."""
    at_s = query_moment("at", summary)
    if at_s is None:
        return None
    second = range(int(at_s), int(at_s) + 1)
    means = history.mean_probs(summary, 1, face or None, second)
    probs = dict(zip(EMOTIONS, means[0].probs, strict=True)) if means else {}
    return {"at_s": at_s, "probs": probs}


def as_data(means: Sequence[MeanProbs]) -> str:
    """Return means as JSON for the chart's script: bin, sightings, and the emotions' percents."""
    rows = [[mean.bin, mean.sightings, *(round(100 * prob) for prob in mean.probs)] for mean in means]
    return json.dumps(rows, separators=(",", ":"))


def marks_as_data(markers: Sequence[tuple[float, Marker]]) -> str:
    """Return markers as JSON for the chart's script: seconds since the session began, and label."""
    rows = [[seconds, marker.label] for seconds, marker in markers]
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False)
