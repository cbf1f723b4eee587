"""Cameras by their names: a list of all, and the stream of each."""

from flask import Blueprint, Response, jsonify
from redis.exceptions import RedisError

from web.current import current
from web.origins import embeddable
from web.responses import NO_REDIS, NO_STORE
from web.shown import ShownCameras
from web.video_feed import name_of_viewer, send_pictures


def cameras_pages(cameras: ShownCameras) -> Blueprint:
    """Return the blueprint with /cameras and /video_feed/<camera>."""
    pages = Blueprint("cameras", __name__)

    @pages.get("/cameras")
    def listing() -> tuple[Response, int, dict[str, str]]:
        """List all cameras as JSON."""
        try:
            return jsonify(problem="", cameras=cameras.summaries(name_of_viewer())), 200, NO_STORE
        except RedisError:
            return jsonify(problem=NO_REDIS, cameras=[]), 503, NO_STORE

    @pages.get("/video_feed/<camera>")
    @embeddable
    def video_feed() -> Response:
        """Stream one camera."""
        return send_pictures(current().audience)

    return pages
