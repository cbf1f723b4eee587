"""The stream itself: who may have it, in which variant, and over which way."""

import socket
from collections.abc import Iterator, Sequence

from flask import Blueprint, Response, abort, request

from audience import Audience, FullError, Seat
from sender import STALL_S, Viewer, tune
from stream import CONTENT_TYPE, follow, opening, part
from variants import FPS, QUALITIES, WIDTHS_PX, Variant
from web.handover import HandedOver, can_hand_over, connection_of, take

RETRY_S = 60
MOST_WITH_THREADS = 48  # where each holds one of gunicorn's 64 threads; the rest are for the pages
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the latter keeps nginx from holding it


def feed_pages(audience: Audience) -> Blueprint:
    """Return the stream of one audience."""
    pages = Blueprint("feed", __name__)

    @pages.get("/video_feed")
    def video_feed() -> Response:
        fps = choose("fps", FPS)
        variant = Variant(choose("width", WIDTHS_PX), choose("quality", QUALITIES))
        if request.method == "HEAD":
            return Response(content_type=CONTENT_TYPE, headers=HEADERS)
        alone = can_hand_over(request.environ)
        seat = admit(request.args.get("viewer", ""), variant, None if alone else MOST_WITH_THREADS)
        # only browsers need the head ahead of its picture; others do better with a Content-Length
        ahead, period_s = "Mozilla/" in request.user_agent.string, 1 / fps if fps else 0.0

        def receive(connection: socket.socket, head: bytes) -> None:
            try:
                ours = take(connection)
                tune(ours)
            except OSError as error:
                seat.leave(str(error))
                raise
            audience.sender.add(Viewer(ours, seat.feed, ahead, period_s, seat.leave), head)

        if alone:
            return HandedOver(receive, content_type=CONTENT_TYPE, headers=HEADERS)
        if connection := connection_of(request.environ):
            tune(connection)
            connection.settimeout(STALL_S)
        response = Response(parts(seat, ahead, period_s), content_type=CONTENT_TYPE, headers=HEADERS)
        response.call_on_close(lambda: seat.leave("it left"))
        return response

    def admit(name: str, variant: Variant, most: int | None) -> Seat:
        try:
            return audience.admit(name, variant, most)
        except FullError as error:
            abort(Response(f"{error}\n", 503, {"Retry-After": str(RETRY_S)}, content_type="text/plain"))

    return pages


def choose(name: str, offered: Sequence[int]) -> int | None:
    """Return the number that the query asks for, None if it does not; answers 400 if it is not offered."""
    asked = request.args.get(name)
    if asked is None:
        return None
    if asked not in map(str, offered):
        abort(400, f"{name} must be one of {', '.join(map(str, offered))}, not “{asked}”.")
    return int(asked)


def parts(seat: Seat, ahead: bool, period_s: float) -> Iterator[bytes]:
    """Yield the stream, for a server that does not hand its connections over."""
    yield opening(ahead)
    for picture in follow(seat.feed, period_s):
        yield part(picture, ahead)
