"""The live page: the stream, its state, and the sample faces."""

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, jsonify, render_template, request

from emotions import DETAILS, EMOTIONS
from stream import CONTENT_TYPE, multipart
from web import Camera, Samples

if TYPE_CHECKING:
    from tracker import Track

SNAPSHOT_TIMEOUT_S = 10.0
MAX_VIEWERS = 48  # each holds a thread of the server; the rest are for the pages
NO_STORE = {"Cache-Control": "no-store"}


def live_pages(camera: Camera, samples: Samples) -> Blueprint:
    """Return the pages around one camera."""
    pages = Blueprint("live", __name__)
    watching: list[str] = []  # the names that the viewers' pages gave themselves

    @pages.get("/")
    def index() -> str:
        return render_template("index.html", emotions=DETAILS.values(), state=camera.state())

    @pages.get("/video_feed")
    def video_feed() -> Response:
        if camera.state().viewers >= MAX_VIEWERS:
            full = Response("Too many are watching; try again in a minute.\n", 503, {"Retry-After": "60"})
            abort(full)
        tune_socket(request.environ)
        jpegs = watch(request.args.get("viewer", ""))
        return Response(multipart(jpegs), content_type=CONTENT_TYPE, headers=NO_STORE)

    def watch(viewer: str) -> Iterator[bytes]:
        watching.append(viewer)
        try:
            for annotated in camera.watch():
                yield annotated.jpeg
        finally:
            watching.remove(viewer)

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

    @pages.get("/state")
    def state() -> Response:
        now = camera.state()
        response = jsonify(
            source=now.source,
            note=now.note,
            running=now.running,
            problem=now.problem or (now.newest.problem if now.newest else ""),
            fps=round(now.fps, 1),
            latency_ms=round(now.latency_ms, 1),
            viewers=now.viewers,
            frame=now.newest.index if now.newest else None,
            faces=[face_json(track) for track in now.newest.tracks] if now.newest else [],
            watching=request.args.get("viewer") in watching,
        )
        response.headers.update(NO_STORE)
        return response

    @pages.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", content_type="text/plain", headers=NO_STORE)

    return pages


def tune_socket(environ: dict[str, Any]) -> None:
    """Keep a viewer's backlog in the kernel short, and give up a vanished one, where the system can.

    Without this a slow viewer falls seconds behind, and one whose laptop sleeps counts for a quarter of
    an hour.
    """
    connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    for option, value in (("TCP_NOTSENT_LOWAT", 16384), ("TCP_USER_TIMEOUT", 10_000)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def face_json(track: "Track") -> dict[str, Any]:
    """Return a track as the JSON that every page and every client gets."""
    return {
        "track_id": track.track_id,
        "box": list(track.box),
        "emotion": track.emotion,
        "confidence": round(track.confidence, 4),
        "sure": track.sure,
        "probs": {name: round(float(p), 4) for name, p in zip(EMOTIONS, track.probs, strict=True)},
    }
