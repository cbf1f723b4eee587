"""The stream of pictures: a seat for each viewer, its variant, and the way over which it is sent."""

import socket
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from flask import Blueprint, Response, abort, request

from server.hijack import HijackedResponse, can_hijack, connection_of, detach_socket
from streaming.audience import Audience, FullError, Seat
from streaming.latest import follow
from streaming.multipart import CONTENT_TYPE, browser_part, player_part, stream_start
from streaming.sender import Viewer, tune_socket
from streaming.variants import FPS, QUALITIES, WIDTHS_PX, Variant
from streaming.viewable import NO_SIGNAL_QUALITY
from texts import shorten
from vision.jpeg import encode_jpeg
from vision.overlay import draw_notice
from web.current import current
from web.origins import embeddable
from web.responses import NO_STORE, abort_with

RETRY_S = 60
MAX_WITH_THREADS = 28  # where each holds one of gunicorn's 128 threads, and its page's events another
MAX_NAME_LENGTH = 40
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the latter keeps nginx from holding it

Framed = Callable[[Any], bytes]


def feed_pages() -> Blueprint:
    """Return the blueprint with /video_feed of one camera."""
    pages = Blueprint("feed", __name__)

    @pages.get("/video_feed")
    @embeddable
    def video_feed() -> Response:
        """Stream the camera's pictures."""
        return send_pictures(current().audience)

    return pages


def send_pictures(audience: Audience) -> Response:
    """Return the stream as the current request wants it."""
    fps = choose("fps", FPS)
    variant = Variant(choose("width", WIDTHS_PX), choose("quality", QUALITIES))
    if request.method == "HEAD":
        return Response(content_type=CONTENT_TYPE, headers=HEADERS)
    seat = seat_or_503(lambda most: audience.admit(name_of_viewer(), variant, most))
    # only browsers need the head ahead of its picture; others do better with a Content-Length
    ahead, period_s = "Mozilla/" in request.user_agent.string, 1 / fps if fps else 0.0
    framed = browser_part if ahead else player_part
    return stream(audience, seat, CONTENT_TYPE, framed, stream_start(ahead), period_s)


def name_of_viewer() -> str:
    """Return the name that the page which sends the current request gave itself; "" without one."""
    return request.args.get("viewer", "")[:MAX_NAME_LENGTH]


def seat_or_503(admit: Callable[[int | None], Seat]) -> Seat:
    """Return the seat that admit(most) gives; answers 503 if there is none, an <img> by a picture of it."""
    try:
        return admit(most_viewers())
    except FullError as error:
        headers = {"Retry-After": str(RETRY_S)}
        if "image/" in request.headers.get("Accept", ""):  # browsers show it, whatever the status
            abort(Response(_full_picture(error.limit), 503, NO_STORE | headers, content_type="image/jpeg"))
        abort_with(str(error), 503, headers)


def most_viewers() -> int | None:
    """Return the limit of viewers that the current request's server sets; None if it sets none."""
    return None if can_hijack(request.environ) else MAX_WITH_THREADS


@lru_cache(maxsize=4)
def _full_picture(limit: int) -> bytes:
    """Return the JPEG that stands in for a stream while as many watch as may."""
    text = "No more viewers can watch right now. This page tries again automatically."
    return encode_jpeg(draw_notice(f"All {limit} places are taken", text), NO_SIGNAL_QUALITY)


def stream(
    audience: Audience,
    seat: Seat,
    content_type: str,
    framed: Framed,
    begin: bytes = b"",
    period_s: float = 0.0,
) -> Response:
    """Return an endless response: begin, then what the seat's feed gives, framed, at most once a period.

    The sender sends it; where the server does not hand its connections over, the server's thread does.
    """

    def receive(connection: socket.socket, head: bytes) -> None:
        """Hand the connection to the sender."""
        try:
            ours = detach_socket(connection)
            tune_socket(ours)
        except OSError as error:
            seat.leave(str(error))
            raise
        audience.sender.add(Viewer(ours, seat.feed, framed, period_s, seat.leave), head + begin)

    if can_hijack(request.environ):
        return HijackedResponse(receive, content_type=content_type, headers=HEADERS)
    if connection := connection_of(request.environ):
        tune_socket(connection)
    parts = chain([begin], map(framed, follow(seat.feed, period_s)))
    response = Response(parts, content_type=content_type, headers=HEADERS)
    response.call_on_close(lambda: seat.leave("it left"))
    return response


def choose(name: str, offered: Sequence[int]) -> int | None:
    """Return the number that the query asks for, None if it does not; answers 400 if it is not offered."""
    asked = request.args.get(name)
    if asked is None:
        return None
    if asked not in map(str, offered):
        abort(400, f"{name} must be one of {', '.join(map(str, offered))}, not “{shorten(asked)}”.")
    return int(asked)
