"""Visitors' own cameras: their frames come here, and boxes and emotions go back."""

import re
import time
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge
from wsproto.frame_protocol import CloseReason

from server.hijack import connection_of
from server.websocket import HandshakeError, LeftError, Upgraded, WebSocket, shake_hands
from streaming.audience import FullError
from streaming.browser_cameras import MAX_BYTES, BrowserCameras, BusyError, ClosedError, FrameError, FrameResult
from vision.emotions import DETAILS
from vision.faces import face_json
from web.limits import UploadLimiter, receives
from web.origins import comes_from_elsewhere
from web.responses import NO_STORE
from web.video_feed import RETRY_S

IDLE_S = 20.0
TICK_S = 0.25
SESSION = re.compile(r"[\w-]{1,64}", re.ASCII)


def browser_camera_pages(
    cameras: BrowserCameras, *, idle_s: float = IDLE_S, tick_s: float = TICK_S
) -> Blueprint:
    """Return the blueprint with the page /mirror, /mirror/socket and /api/v1/mirror.

    A visitor whose socket brings no frame for idle_s is disconnected; every tick_s a socket that waits for a
    frame checks whether the cameras are closed.
    """
    pages, limiter = Blueprint("browser_cameras", __name__), UploadLimiter()

    @pages.get("/mirror")
    def index() -> str:
        """Show the page."""
        return render_template("my_camera.html", emotions=DETAILS.values())

    @pages.route("/mirror/socket", websocket=True)
    def listen() -> Response:
        """Open a WebSocket for frames."""
        if comes_from_elsewhere():
            abort(403, "Another site may not look through this mirror.")
        if connection_of(request.environ) is None:
            abort(501, "This server takes no WebSockets; send frames by POST.")
        try:
            protocol = shake_hands(request.environ)
        except HandshakeError as error:
            abort(400, f"{error}.")
        return Upgraded(protocol, lambda websocket: serve_socket(websocket, cameras, idle_s, tick_s))

    @pages.post("/api/v1/mirror")
    @receives
    def read_frame() -> tuple[Response, int, dict[str, str]]:
        """Read one frame, for clients that cannot open a WebSocket."""
        key = request.args.get("session", "")
        try:
            if not SESSION.fullmatch(key):
                raise FrameError("Give ?session= a name of your own: 1 to 64 letters, digits, - or _.")
            with limiter.receiving(max_mb=1):
                request.max_content_length = MAX_BYTES
                jpeg = request.get_data()
            seen = cameras.read(cameras.session(key), jpeg)
        except RequestEntityTooLarge:
            return answer(413, error=f"A frame may have {MAX_BYTES} bytes at most.")
        except FrameError as error:
            return answer(400, error=str(error))
        except BusyError as error:
            return answer(429, 1, error=str(error))
        except (FullError, ClosedError) as error:
            return answer(503, RETRY_S, error=str(error) or "The server is ending.")
        return answer(200, **frame_result_json(seen))

    return pages


def answer(status: int, retry_s: int = 0, **payload: Any) -> tuple[Response, int, dict[str, str]]:
    """Return the payload as a JSON answer that nobody keeps."""
    return jsonify(**payload), status, NO_STORE | ({"Retry-After": str(retry_s)} if retry_s else {})


def serve_socket(websocket: WebSocket, cameras: BrowserCameras, idle_s: float, tick_s: float) -> None:
    """Answer a visitor's frames, one by one, until either side ends it; raises LeftError."""
    try:
        with cameras.opened() as camera:
            while True:
                jpeg = await_frame(websocket, cameras, idle_s, tick_s)
                websocket.send(current_app.json.dumps(frame_result_json(cameras.read(camera, jpeg))))
    except (FullError, BusyError) as error:
        websocket.close(CloseReason.TRY_AGAIN_LATER, str(error))
    except FrameError as error:
        websocket.close(CloseReason.INVALID_FRAME_PAYLOAD_DATA, str(error))
    except ClosedError:
        websocket.close(CloseReason.GOING_AWAY, "The server is ending.")


def await_frame(websocket: WebSocket, cameras: BrowserCameras, idle_s: float, tick_s: float) -> bytes:
    """Return the next frame; raises LeftError, and ClosedError soon after the cameras were closed."""
    deadline_s = time.monotonic() + idle_s
    while time.monotonic() < deadline_s:
        if cameras.closed:
            raise ClosedError
        jpeg = websocket.receive(tick_s, MAX_BYTES)
        if jpeg is not None:
            return jpeg
    websocket.close(CloseReason.NORMAL_CLOSURE, f"No frame has come for {idle_s:.0f} s.")
    raise LeftError


def frame_result_json(seen: FrameResult) -> dict[str, Any]:
    """Return what one frame showed, in the words of /state; boxes are in px of a frame of that size."""
    return {
        "frame": seen.index,
        "width": seen.width_px,
        "height": seen.height_px,
        "latency_ms": round(seen.latency_ms, 1),
        "faces": [face_json(track) for track in seen.tracks],
    }
