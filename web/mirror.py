"""The mirror: a visitor's own camera, whose frames come here and whose boxes go back."""

import re
import time
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge
from wsproto.frame_protocol import CloseReason

from audience import FullError
from emotions import DETAILS
from faces import face_json
from mirrors import MOST_BYTES, BusyError, ClosedError, FrameError, Mirrors, Reflection
from web.feed import RETRY_S
from web.guard import comes_from_elsewhere
from web.handover import connection_of
from web.live import NO_STORE
from web.uploads import Gate, receives
from web.websocket import HandshakeError, LeftError, Upgraded, WebSocket, shake_hands

IDLE_S = 20.0  # a visitor that sends no frame for so long is let go
TICK_S = 0.25  # how often a waiting visitor is looked after
SESSION = re.compile(r"[\w-]{1,64}", re.ASCII)


def mirror_pages(mirrors: Mirrors) -> Blueprint:
    """Return the mirror's page and the two ways to it for frames: a WebSocket, and POST."""
    pages, gate = Blueprint("mirror", __name__), Gate()

    @pages.get("/mirror")
    def index() -> str:
        return render_template("mirror.html", emotions=DETAILS.values())

    @pages.route("/mirror/socket", websocket=True)
    def listen() -> Response:
        if comes_from_elsewhere():
            abort(403, "Another site may not look through this mirror.")
        if connection_of(request.environ) is None:
            abort(501, "This server takes no WebSockets; send frames by POST.")
        try:
            protocol = shake_hands(request.environ)
        except HandshakeError as error:
            abort(400, f"{error}.")
        return Upgraded(protocol, lambda websocket: reflect(websocket, mirrors))

    @pages.post("/api/v1/mirror")
    @receives
    def look() -> tuple[Response, int, dict[str, str]]:
        key = request.args.get("session", "")
        try:
            if not SESSION.fullmatch(key):
                raise FrameError("Give ?session= a name of your own: 1 to 64 letters, digits, - or _.")
            with gate.receiving(max_mb=1):
                request.max_content_length = MOST_BYTES
                jpeg = request.get_data()
            seen = mirrors.look(mirrors.session(key), jpeg)
        except RequestEntityTooLarge:
            return answer(413, error=f"A frame may have {MOST_BYTES} bytes at most.")
        except FrameError as error:
            return answer(400, error=str(error))
        except BusyError as error:
            return answer(429, 1, error=str(error))
        except (FullError, ClosedError) as error:
            return answer(503, RETRY_S, error=str(error) or "The server is ending.")
        return answer(200, **reflection_json(seen))

    return pages


def answer(status: int, retry_s: int = 0, **says: Any) -> tuple[Response, int, dict[str, str]]:
    """Return a JSON answer that nobody keeps."""
    return jsonify(**says), status, NO_STORE | ({"Retry-After": str(retry_s)} if retry_s else {})


def reflect(websocket: WebSocket, mirrors: Mirrors) -> None:
    """Answer a visitor's frames, one by one, until either side ends it; raises LeftError."""
    try:
        with mirrors.opened() as mirror:
            while True:
                jpeg = await_frame(websocket, mirrors)
                websocket.send(current_app.json.dumps(reflection_json(mirrors.look(mirror, jpeg))))
    except (FullError, BusyError) as error:
        websocket.close(CloseReason.TRY_AGAIN_LATER, str(error))
    except FrameError as error:
        websocket.close(CloseReason.INVALID_FRAME_PAYLOAD_DATA, str(error))
    except ClosedError:
        websocket.close(CloseReason.GOING_AWAY, "The server is ending.")


def await_frame(websocket: WebSocket, mirrors: Mirrors) -> bytes:
    """Return the next frame; raises LeftError, and ClosedError soon after the mirrors were closed."""
    deadline = time.monotonic() + IDLE_S
    while time.monotonic() < deadline:
        if mirrors.closed:
            raise ClosedError
        jpeg = websocket.receive(TICK_S, MOST_BYTES)
        if jpeg is not None:
            return jpeg
    websocket.close(CloseReason.NORMAL_CLOSURE, f"No frame has come for {IDLE_S:.0f} s.")
    raise LeftError


def reflection_json(seen: Reflection) -> dict[str, Any]:
    """Return what one frame showed, in the words of /state; boxes are in px of a frame of that size."""
    return {
        "frame": seen.index,
        "width": seen.width_px,
        "height": seen.height_px,
        "latency_ms": round(seen.latency_ms, 1),
        "faces": [face_json(track) for track in seen.tracks],
    }
