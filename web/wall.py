"""The wall: all cameras that other processes publish, side by side."""

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, jsonify, render_template
from redis.exceptions import RedisError

from faces import face_json
from web.feed import send_pictures
from web.live import NO_STORE, emotions_css

if TYPE_CHECKING:
    from camera import State
    from relay import Cameras

NO_REDIS = "Redis, which brings the frames, does not answer."


def wall_pages(cameras: "Cameras") -> Blueprint:
    """Return the pages of a web host: the wall, each camera's stream, and what machines ask."""
    from relay import UnknownError

    pages = Blueprint("live", __name__)  # what every page's head links to

    @pages.get("/")
    def index() -> str:
        return render_template("wall.html")

    @pages.get("/cameras")
    def listing() -> tuple[Response, int, dict[str, str]]:
        try:
            names = cameras.names()
        except RedisError:
            return jsonify(problem=NO_REDIS, cameras=[]), 503, NO_STORE
        return jsonify(problem="", cameras=[camera_json(n, cameras.state(n)) for n in names]), 200, NO_STORE

    @pages.get("/video_feed/<name>")
    def video_feed(name: str) -> Response:
        try:
            return send_pictures(cameras.audience(name))
        except UnknownError as error:
            abort(404, str(error))
        except RedisError:
            abort(503, NO_REDIS)

    @pages.get("/emotions.css")
    def emotion_styles() -> Response:
        return emotions_css()

    @pages.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", content_type="text/plain", headers=NO_STORE)

    @pages.get("/readyz")
    def readyz() -> Response:
        try:
            there = len(cameras.names())
        except RedisError:
            return Response(f"{NO_REDIS}\n", 503, NO_STORE, content_type="text/plain")
        return Response(f"cameras: {there}\n", 200, NO_STORE, content_type="text/plain")

    return pages


def camera_json(name: str, now: "State | None") -> dict[str, Any]:
    """Return a camera's line; what is not known here, because nobody watches it here, is null."""
    newest = now.newest if now else None
    return {
        "name": name,
        "source": now.source if now and newest else None,
        "note": now.note if now and newest else None,
        "problem": now.problem if now and newest else None,
        "fps": round(now.fps, 1) if now and newest else None,
        "latency_ms": round(now.latency_ms, 1) if now and newest else None,
        "faces": [face_json(track) for track in newest.tracks] if newest else None,
    }
