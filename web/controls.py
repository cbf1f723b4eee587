"""What visitors may change in the picture that everybody shares."""

from typing import NoReturn

from flask import Blueprint, Response, abort, jsonify, request

from web.protocols import Controls
from web.responses import NO_STORE
from web.state import FORMER_FLIP, view_json


def control_pages(controls: Controls) -> Blueprint:
    """Return the doors to the controls."""
    pages = Blueprint("controls", __name__)

    @pages.get("/view")
    def view() -> Response:
        return say()

    @pages.post("/view")
    def change() -> Response:
        ask_leave()
        changes = request.get_json(force=True, silent=True)
        if not isinstance(changes, dict):
            refuse("Send a JSON object, as in {“heat”: true}.", 400)
        if FORMER_FLIP in changes:
            changes["flip"] = changes.pop(FORMER_FLIP)
        try:
            controls.change(changes)
        except ValueError as error:
            refuse(str(error), 400)
        return say()

    @pages.post("/reset")
    def reset() -> Response:
        ask_leave()
        controls.reset()
        return say()

    def say() -> Response:
        response = jsonify(view_json(controls.read()))
        response.headers.update(NO_STORE)
        return response

    def ask_leave() -> None:
        if not controls.open_to_all:
            refuse("Visitors may not change the picture here (--controls).", 403)

    return pages


def refuse(sentence: str, status: int) -> NoReturn:
    """Answer with one sentence and nothing else: programs ask here, too."""
    abort(Response(f"{sentence}\n", status, content_type="text/plain; charset=utf-8"))
