"""Visitors' own cameras: their frames come here, and boxes and emotions go back."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from flask import Blueprint, Response, abort, current_app, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as WSGIResponse
from wsproto.frame_protocol import CloseReason

from server.hijack import connection_of
from server.websocket import HandshakeError, LeftError, Upgraded, WebSocket, shake_hands
from streaming.audience import FullError
from streaming.browser_cameras import (
    MAX_BYTES,
    BrowserCamera,
    BrowserCameras,
    BusyError,
    ClosedError,
    FrameError,
    FrameResult,
)
from vision.controls import ControlError
from vision.emotions import DETAILS, EMOTIONS
from vision.faces import face_json
from vision.resting_face import RestError, RestRequest
from vision.tracker import Track
from web.limits import UploadLimiter, receives
from web.origins import comes_from_elsewhere
from web.responses import NO_STORE
from web.video_feed import RETRY_S

IDLE_S = 20.0
TICK_S = 0.25
NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
SESSION = re.compile(r"[\w-]{1,64}", re.ASCII)


def browser_camera_pages(
    cameras: BrowserCameras, *, idle_s: float = IDLE_S, tick_s: float = TICK_S
) -> Blueprint:
    """Return the blueprint with /camera, /camera/socket, /api/v1/camera and the game /game.

    /mirror, the former address of all three, is redirected or answers alike. A visitor whose socket brings no
    frame for idle_s is disconnected; every tick_s a socket that waits for a frame checks whether the cameras
    are closed.
    """
    pages, limiter = Blueprint("browser_cameras", __name__), UploadLimiter()

    @pages.get("/camera")
    def index() -> str:
        """Show the page of a visitor's own camera."""
        return render_template("my_camera.html", emotions=DETAILS.values(), cameras=cameras)

    @pages.get("/game")
    def game() -> str:
        """Show the game in which a visitor makes each of the seven faces."""
        return render_template("game.html", emotions=DETAILS.values())

    @pages.get("/mirror")
    def former_index() -> WSGIResponse:
        """Lead to the page, which had this address in version 0.1."""
        query = request.query_string.decode("ascii", "replace")
        return redirect(url_for(".index") + (f"?{query}" if query else ""), 308)

    @pages.route("/mirror/socket", websocket=True)
    @pages.route("/camera/socket", websocket=True)  # the last is the one that pages link
    def listen() -> Response:
        """Open a WebSocket for frames."""
        if comes_from_elsewhere():
            abort(403, "Pages of other sites may not use this address.")
        if connection_of(request.environ) is None:
            abort(501, "This server does not support WebSockets; send frames by POST.")
        try:
            protocol = shake_hands(request.environ)
        except HandshakeError as error:
            abort(400, f"{error}.")
        return Upgraded(protocol, lambda websocket: serve_socket(websocket, cameras, idle_s, tick_s))

    @pages.post("/api/v1/mirror")
    @pages.post("/api/v1/camera")
    @receives
    def read_frame() -> tuple[Response, int, dict[str, str]]:
        """Read one frame, for clients that cannot open a WebSocket."""
        key = request.args.get("session", "")
        try:
            if not SESSION.fullmatch(key):
                raise FrameError("Give ?session= a name of your own: 1 to 64 letters, digits, - or _.")
            changes = read_changes(request.args)
            with limiter.receiving(max_mb=1):
                request.max_content_length = MAX_BYTES
                jpeg = request.get_data()
            camera = cameras.session(key)
            cameras.change(camera, changes)
            refusal = refuse_rest(camera, read_rest(request.args)) if "rest" in request.args else ""
            seen = cameras.read(camera, jpeg)
        except RequestEntityTooLarge:
            return answer(413, error=f"A frame may have {MAX_BYTES} bytes at most.")
        except (FrameError, ControlError) as error:
            return answer(400, error=str(error))
        except BusyError as error:
            return answer(429, 1, error=str(error))
        except (FullError, ClosedError) as error:
            return answer(503, RETRY_S, error=str(error) or "The server is shutting down.")
        return answer(200, **frame_result_json(seen, refusal))

    return pages


def read_changes(query: Mapping[str, str]) -> dict[str, Any]:
    """Return the controls in a query, heat (1 or 0) and smoothing_s (a number); raises ControlError."""
    if query.get("heat", "0") not in ("0", "1"):
        raise ControlError("heat must be 1, for heat maps in the answer, or 0.")
    changes: dict[str, Any] = {"heat": query["heat"] == "1"} if "heat" in query else {}
    try:
        return changes | ({"smoothing_s": float(query["smoothing_s"])} if "smoothing_s" in query else {})
    except ValueError:
        raise ControlError("smoothing_s must be a number.") from None


def read_rest(query: Mapping[str, str]) -> dict[str, Any]:
    """Return what a query asks of a resting face: rest (the action), track_id and name."""
    number = query.get("track_id", "")
    track_id = int(number) if NUMBER.fullmatch(number) else None
    return {"track_id": track_id, "action": query["rest"], "name": query.get("name", "")}


def refuse_rest(camera: BrowserCamera, sent: Any) -> str:
    """Ask for a resting face as `RestRequest.parse` reads it; return why it is refused, empty if it is not."""
    try:
        camera.tracker.rest(RestRequest.parse(sent))
    except RestError as error:
        return str(error)
    return ""


def answer(status: int, retry_s: int = 0, **payload: Any) -> tuple[Response, int, dict[str, str]]:
    """Return the payload as a JSON answer that nobody keeps."""
    return jsonify(**payload), status, NO_STORE | ({"Retry-After": str(retry_s)} if retry_s else {})


def serve_socket(websocket: WebSocket, cameras: BrowserCameras, idle_s: float, tick_s: float) -> None:
    """Answer a visitor's frames, one by one, until either side ends it; raises LeftError.

    A text is a JSON object with new values of the camera's controls, or with what is asked of a resting face;
    the answer to the next frame says if that was refused.
    """
    refusal = ""
    try:
        with cameras.opened() as camera:
            while True:
                message = await_message(websocket, cameras, idle_s, tick_s)
                if isinstance(message, str):
                    changes = parse_changes(message)
                    if "rest" in changes:
                        refusal = refuse_rest(camera, changes.pop("rest"))
                    cameras.change(camera, changes)
                else:
                    seen = cameras.read(camera, message)
                    websocket.send(current_app.json.dumps(frame_result_json(seen, refusal)))
                    refusal = ""
    except (FullError, BusyError) as error:
        websocket.close(CloseReason.TRY_AGAIN_LATER, str(error))
    except (FrameError, ControlError) as error:
        websocket.close(CloseReason.INVALID_FRAME_PAYLOAD_DATA, str(error))
    except ClosedError:
        websocket.close(CloseReason.GOING_AWAY, "The server is shutting down.")


def await_message(websocket: WebSocket, cameras: BrowserCameras, idle_s: float, tick_s: float) -> bytes | str:
    """Return the next message; raises LeftError, and ClosedError soon after the cameras were closed."""
    deadline_s = time.monotonic() + idle_s
    while time.monotonic() < deadline_s:
        if cameras.closed:
            raise ClosedError
        message = websocket.receive(tick_s, MAX_BYTES)
        if message is not None:
            return message
    websocket.close(CloseReason.NORMAL_CLOSURE, f"No frame has come for {idle_s:.0f} s.")
    raise LeftError


def parse_changes(text: str) -> dict[str, Any]:
    """Return the controls of a text message; raises ControlError if it is no JSON object."""
    try:
        changes = json.loads(text)
    except (ValueError, RecursionError):
        changes = None
    if not isinstance(changes, dict):
        raise ControlError("A text must be a JSON object, such as {“heat”: true}.")
    return changes


def frame_result_json(seen: FrameResult, refusal: str = "") -> dict[str, Any]:
    """Return what one frame showed, in the words of /state; boxes are in px of a frame of that size.

    A face whose map was asked for has heat as well: the rows of the map of its emotion, 0 to 100. rests are
    the names of this camera's resting faces; refusal, if there is one, says why one could not be had.
    """
    return ({"refusal": refusal} if refusal else {}) | {
        "frame": seen.index,
        "width": seen.width_px,
        "height": seen.height_px,
        "latency_ms": round(seen.latency_ms, 1),
        "faces": [face_json(track) | heat_json(track) for track in seen.tracks],
        "rests": seen.rests,
    }


def heat_json(face: Track) -> dict[str, list[list[int]]]:
    """Return the map (h, w) of a face's emotion in percent of its hottest place, {} if it has none."""
    if face.maps is None:
        return {}
    heat = face.maps[EMOTIONS.index(face.emotion)]
    rows: list[list[int]] = np.rint(100 * heat / max(float(heat.max()), 1e-6)).astype(int).tolist()
    return {"heat": rows}
