"""The live page, the state of what it shows, and the sample faces."""

import time
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, jsonify, render_template

from audience import Audience
from emotions import DETAILS, EMOTIONS, UNSURE_COLOUR
from faces import face_json
from web import Camera, Controls, Recorder, Samples
from web.feed import name_of_viewer
from web.recording import recording_json

if TYPE_CHECKING:
    from viewing import State

SNAPSHOT_TIMEOUT_S = 10.0
NO_STORE = {"Cache-Control": "no-store"}


def live_pages(
    camera: Camera,
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


def state_json(now: "State", viewers: int, recorder: Recorder | None) -> dict[str, Any]:
    """Return what the camera does and its newest frame shows; time is when that was captured (Unix, s)."""
    newest = now.newest
    return {
        "source": now.source,
        "note": now.note,
        "running": now.running,
        "problem": now.problem or (newest.problem if newest else ""),
        "fps": round(now.fps, 1),
        "latency_ms": round(now.latency_ms, 1),
        "viewers": viewers,
        "frame": newest.index if newest else None,
        "time": round(time.time() - (time.monotonic() - newest.captured_at), 3) if newest else None,
        "faces": [face_json(track) for track in newest.tracks] if newest else [],
        "recording": recording_json(recorder.state()) if recorder else None,
    }
