"""The wall: all cameras that other processes publish, side by side."""

from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, render_template
from redis.exceptions import RedisError

from relay.errors import UnknownError
from web.cameras import NO_REDIS
from web.health import exposition
from web.live import emotions_css
from web.metrics import CamerasCollector
from web.responses import NO_STORE

if TYPE_CHECKING:
    from relay.cameras import Cameras


def wall_pages(cameras: "Cameras") -> Blueprint:
    """Return the pages of a web host around its cameras."""
    pages = Blueprint("live", __name__)  # what every page's head links to

    @pages.get("/")
    def index() -> str:
        return render_template("wall.html")

    @pages.route("/cameras/<name>/", methods=["GET", "POST"])
    @pages.route("/cameras/<name>/<path:page>", methods=["GET", "POST"])
    def camera(name: str, page: str = "") -> Response:  # noqa: ARG001  # the rule has it  # the rule has it
        """Say why there is no site of a camera: what there is, web.cameras.CameraSites has served."""
        try:
            cameras.audience(name)
        except UnknownError as error:
            abort(404, str(error))
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

    @pages.get("/metrics")
    def metrics() -> Response:
        return exposition([CamerasCollector(cameras)])

    return pages
