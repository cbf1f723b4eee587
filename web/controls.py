"""The controls of the picture that everybody shares."""

from flask import Blueprint, Response, abort, jsonify

from vision.resting_face import RestError, RestRequest
from web.bodies import json_body
from web.current import current
from web.hints import hint
from web.protocols import Controls
from web.responses import NO_STORE, abort_with
from web.state import FORMER_FLIP, view_json


def control_pages() -> Blueprint:
    """Return the blueprint with /view, /reset and /rest."""
    pages = Blueprint("controls", __name__)

    @pages.get("/view")
    def view() -> Response:
        """Return the view as JSON."""
        return answer()

    @pages.post("/view")
    def change() -> Response:
        """Change a part of the view."""
        open_controls = require_open_controls()
        changes = json_body()
        if not isinstance(changes, dict):
            abort_with("Send a JSON object, such as {“heat”: true}.", 400)
        if FORMER_FLIP in changes:
            changes["flip"] = changes.pop(FORMER_FLIP)
        try:
            open_controls.change(changes)
        except ValueError as error:
            abort_with(str(error), 400)
        return answer()

    @pages.post("/reset")
    def reset() -> Response:
        """Begin the numbers of the faces again."""
        require_open_controls().reset()
        return answer()

    @pages.post("/rest")
    def rest() -> tuple[str, int]:
        """Measure, use, name or forget the resting face of a face in the picture."""
        open_controls = require_open_controls()
        try:
            open_controls.rest(RestRequest.parse(json_body()))
        except RestError as error:
            abort_with(str(error), 400)
        return "", 204

    return pages


def require_controls() -> Controls:
    """Return the controls of the current camera; answers 404 if it has none."""
    controls = current().controls
    if controls is None:
        abort(404)
    return controls


def require_open_controls() -> Controls:
    """Return the controls of the current camera; answers 403 if visitors may not use them."""
    controls = require_controls()
    if not controls.open_to_all:
        abort_with(f"Visitors may not change the picture here{hint('--controls')}.", 403)
    return controls


def answer() -> Response:
    """Return the view of the current camera as JSON."""
    response = jsonify(view_json(require_controls()))
    response.headers.update(NO_STORE)
    return response
