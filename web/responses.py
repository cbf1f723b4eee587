"""Answers that several pages give alike: errors, sentences, and headers."""

from collections.abc import Mapping
from typing import NoReturn

from flask import Flask, Response, abort, jsonify, make_response, render_template, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException, NotFound, SecurityError, ServiceUnavailable
from werkzeug.wrappers import Response as WSGIResponse

from relay.errors import CameraAwayError, UnknownCameraError
from server.hijack import connection_of
from streaming.sender import STALL_S

NO_STORE = {"Cache-Control": "no-store"}
NO_REDIS = "Redis, which carries the frames, does not answer."


def sentence(text: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer of one plain sentence, for people and programs."""
    return Response(f"{text}\n", status, headers, content_type="text/plain; charset=utf-8")


def wants_json() -> bool:
    """Return whether the current request is that of a program which reads JSON."""
    return request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json"


def abort_with(text: str, status: int, headers: Mapping[str, str] | None = None) -> NoReturn:
    """End the current request with one plain sentence; as JSON for programs that ask for it."""
    if wants_json():
        abort(make_response(jsonify(error=text), status, headers or {}))
    abort(sentence(text, status, headers))


def limit_slow_readers(response: Response) -> Response:
    """Give up on a client that takes nothing of the response, so that it holds no thread."""
    if connection := connection_of(request.environ):
        connection.settimeout(STALL_S)
    return response


def show_errors(site: Flask) -> None:
    """Answer every error in the form that the client asks for: a page, JSON, or a sentence."""
    site.register_error_handler(HTTPException, show_error)
    site.register_error_handler(UnknownCameraError, lambda error: show_error(NotFound(str(error))))
    site.register_error_handler(CameraAwayError, lambda error: show_away(str(error)))
    site.register_error_handler(RedisError, lambda _: show_away(NO_REDIS))


def show_error(error: HTTPException) -> WSGIResponse:
    """Return an error as a page, or as JSON to programs that ask for it."""
    response = error.get_response()
    if isinstance(error, SecurityError):  # a foreign host name: there is no page to build links for
        return response
    if wants_json():
        response.data, response.content_type = jsonify(error=error.description).data, "application/json"
    else:
        response.data = render_template("error.html", error=error)
    return response


def show_away(text: str) -> WSGIResponse:
    """Return 503 as a sentence, or as a page or JSON to clients that ask for one of these."""
    forms = ("text/plain", "text/html", "application/json")
    if request.accept_mimetypes.best_match(forms, "text/plain") == "text/plain":
        return sentence(text, 503, NO_STORE)
    return show_error(ServiceUnavailable(text))
