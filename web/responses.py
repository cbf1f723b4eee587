"""Answers that several pages give alike: errors, sentences, and what nobody may keep."""

from flask import Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.wrappers import Response as WSGIResponse

from server.hijack import connection_of
from streaming.sender import STALL_S

NO_STORE = {"Cache-Control": "no-store"}


def limit_slow_readers(response: Response) -> Response:
    if connection := connection_of(request.environ):
        connection.settimeout(STALL_S)  # a reader that takes nothing must not hold a thread
    return response


def show_error(error: HTTPException) -> WSGIResponse:
    response = error.get_response()
    if isinstance(error, SecurityError):  # a foreign host name: there is no page to build links for
        return response
    if request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json":
        response.data, response.content_type = jsonify(error=error.description).data, "application/json"
    else:
        response.data = render_template("error.html", error=error)
    return response
