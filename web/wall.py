"""The wall: all cameras that other processes publish, side by side."""

from urllib.parse import quote

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request
from redis.exceptions import RedisError
from werkzeug.wrappers import Response as WSGIResponse

from relay.cameras import Cameras
from vision.samples import Samples
from web.health import exposition
from web.metrics import CamerasCollector
from web.responses import NO_REDIS, NO_STORE, sentence
from web.samples import render_samples


def wall_pages(cameras: Cameras, samples: Samples) -> Blueprint:
    """Return the blueprint with the wall, the sample faces, /readyz and /metrics of a web host."""
    pages = Blueprint("wall", __name__)

    @pages.get("/")
    def index() -> str:
        """Show all cameras."""
        return render_template("wall.html")

    @pages.get("/samples/<emotion>")
    def sample_page(emotion: str) -> str:
        """Show the sample faces of one emotion."""
        return render_samples(samples, emotion)

    @pages.get("/readyz")
    def readyz() -> Response:
        """Say how many cameras there are."""
        try:
            return sentence(f"cameras: {len(cameras.names())}", 200, NO_STORE)
        except RedisError:
            return sentence(NO_REDIS, 503, NO_STORE)

    @pages.get("/metrics")
    def metrics() -> Response:
        """Return each camera's figures for Prometheus."""
        return exposition([CamerasCollector(cameras)])

    @pages.route("/cameras/<camera>/<path:page>", methods=["GET", "POST"])
    def page_of_host(page: str) -> WSGIResponse:
        """Redirect to the host's page of that name, which version 0.1 had below each camera, as /history."""
        adapter = current_app.create_url_adapter(request)
        if adapter is None or not adapter.test(f"/{page}", request.method):
            abort(404)
        query = request.query_string.decode("ascii", "replace")
        return redirect(quote(f"{request.script_root}/{page}") + (f"?{query}" if query else ""), 307)

    return pages
