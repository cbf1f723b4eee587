"""The live page, the state of what it shows, and the sample faces."""

from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, jsonify, render_template

from streaming.audience import Audience
from streaming.viewable import Viewable
from vision.emotions import DETAILS, EMOTIONS, UNSURE_COLOUR
from vision.samples import Samples
from web.protocols import Controls, Recorder
from web.responses import NO_STORE
from web.state import state_json
from web.video_feed import name_of_viewer

if TYPE_CHECKING:
    pass

SNAPSHOT_TIMEOUT_S = 10.0


def live_pages(
    camera: Viewable,
    samples: Samples,
    audience: Audience,
    controls: Controls | None,
    recorder: Recorder | None,
) -> Blueprint:
    """Return the pages around one camera and its audience."""
    pages = Blueprint("live", __name__)

    @pages.get("/")
    def index() -> str:
        return render_template(
            "index.html",
            emotions=DETAILS.values(),
            state=camera.state(),
            controls=controls,
            recorder=recorder,
        )

    @pages.get("/snapshot.jpg")
    def snapshot() -> Response:
        annotated = camera.snapshot(SNAPSHOT_TIMEOUT_S)
        if annotated is None:
            abort(503, "The camera has given no picture yet.")
        return Response(annotated.jpeg, content_type="image/jpeg", headers=NO_STORE)

    @pages.get("/samples/<emotion>")
    def sample_page(emotion: str) -> str:
        if emotion not in DETAILS:
            abort(404, f"There is no emotion “{emotion}” here; there are {', '.join(EMOTIONS)}.")
        return render_template(
            "samples.html", emotion=DETAILS[emotion], emotions=DETAILS, samples=samples.of(emotion)
        )

    @pages.get("/emotions.css")
    def emotion_styles() -> Response:
        return emotions_css()

    @pages.get("/state")
    def state() -> Response:
        watching = audience.is_watching(name_of_viewer())
        response = jsonify(state_json(camera.state(), audience.watching(), recorder) | {"watching": watching})
        response.headers.update(NO_STORE)
        return response

    return pages


def emotions_css() -> Response:
    """Return a class for each emotion's colour, for that of “unsure”, and for each percentage."""
    # classes, because styles in the pages themselves are forbidden to browsers (web/guard.py)
    colours = {details.name: details.colour for details in DETAILS.values()} | {"unsure": UNSURE_COLOUR}
    tones = [f".tone-{name} {{ --tone: {colour}; }}" for name, colour in colours.items()]
    shares = [f".share-{percent} {{ --share: {percent}%; }}" for percent in range(101)]
    return Response("\n".join(tones + shares), content_type="text/css")
