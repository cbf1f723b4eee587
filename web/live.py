"""The live page, the state of what it shows, as JSON and as events, and the sample faces."""

from flask import Blueprint, Response, abort, jsonify, render_template, request

from sources.opener import describe_source
from vision.emotions import DETAILS
from vision.samples import Samples
from web.current import current
from web.events import CONTENT_TYPE, event
from web.origins import embeddable
from web.responses import NO_STORE
from web.samples import render_samples
from web.shown import ShownCamera
from web.video_feed import HEADERS, most_viewers, name_of_viewer, seat_or_503, stream

SNAPSHOT_TIMEOUT_S = 10.0


def live_pages(samples: Samples) -> Blueprint:
    """Return the blueprint with a camera's page, /state, /events, /snapshot.jpg and /samples/<emotion>."""
    pages = Blueprint("live", __name__)

    @pages.get("/")
    def index() -> str:
        """Show the live page."""
        return _live_page(current())

    @pages.get("/state")
    def state() -> Response:
        """Return the camera's state, and whether the page that asks still gets its stream."""
        audience = current().audience
        more = {"watching": audience.is_watching(name_of_viewer()), "full": audience.is_full(most_viewers())}
        response = jsonify(current().state() | more)
        response.headers.update(NO_STORE)
        return response

    @pages.get("/events")
    @embeddable
    def events() -> Response:
        """Stream the camera's state as server-sent events."""
        if request.method == "HEAD":
            return Response(content_type=CONTENT_TYPE, headers=HEADERS)
        shown = current()
        seat = seat_or_503(lambda most: shown.audience.listen(shown.events, most))
        return stream(shown.audience, seat, CONTENT_TYPE, event)

    @pages.get("/snapshot.jpg")
    @embeddable
    def snapshot() -> Response:
        """Return the newest annotated frame as a JPEG."""
        annotated = current().camera.snapshot(SNAPSHOT_TIMEOUT_S)
        if annotated is None:
            abort(503, "The camera has not sent a picture yet.")
        return Response(annotated.jpeg, content_type="image/jpeg", headers=NO_STORE)

    @pages.get("/samples/<emotion>")
    def sample_page(emotion: str) -> str:
        """Show the sample faces of one emotion."""
        return render_samples(samples, emotion)

    return pages


def _live_page(shown: ShownCamera) -> str:
    """Return the page of a camera."""
    state = shown.camera.state()
    return render_template(
        "index.html",
        emotions=DETAILS.values(),
        state=state,
        seen=describe_source(state.source),
        controls=shown.controls,
        recorder=shown.recorder,
    )
