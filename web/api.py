"""The programming interface: a picture in, its faces as JSON out. Nothing of it is kept."""

from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from uploads.jobs import Jobs
from uploads.pictures import MAX_PIXELS, PictureError, TooLargeError, UnknownFormatError
from uploads.recognizer import reading_json
from vision.emotions import EMOTIONS
from web.limits import RETRY_S, UploadLimiter, busy, receives

MAX_PICTURE_MB = 50
STATUS: dict[type[PictureError], int] = {PictureError: 422, UnknownFormatError: 415, TooLargeError: 413}


def api_pages(jobs: Jobs, limiter: UploadLimiter, *, max_picture_mb: int = MAX_PICTURE_MB) -> Blueprint:
    """Return the interface that reads one picture of up to max_picture_mb, in MB, a request."""
    pages = Blueprint("api", __name__, url_prefix="/api/v1")

    @pages.post("/predict")
    @receives
    def predict() -> Response:
        with limiter.receiving(max_picture_mb):
            data = _picture()
            if not data:
                abort(400, "The request has no picture.")
            reading = jobs.read("", data)
        if reading is None:
            raise busy()
        if reading.problem:
            abort(STATUS[type(reading.problem)], str(reading.problem))
        return jsonify(reading_json(reading))

    @pages.get("/openapi.json")
    def openapi() -> Response:
        return jsonify(describe(max_picture_mb))

    return pages


def _picture() -> bytes:
    """Return the picture in the current request: its part "file", or else its whole body."""
    if request.mimetype != "multipart/form-data":
        return request.get_data(cache=False)
    file = request.files.get("file")
    if file is None:
        abort(400, "A multipart request needs the picture in its part “file”.")
    data: bytes = file.read()
    return data


def _answer(description: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}, **more}


_BYTES: dict[str, Any] = {"type": "string", "format": "binary"}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "One sentence for people."}},
}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_FACE = {
    "type": "object",
    "required": ["track_id", "box", "emotion", "confidence", "sure", "probs"],
    "properties": {
        "track_id": {"type": "integer", "minimum": 1, "description": "Its number, from 1, the largest first."},
        "box": {
            "type": "array",
            "items": {"type": "integer"},
            "minItems": 4,
            "maxItems": 4,
            "description": "x1, y1, x2, y2 in px of the upright picture as sent.",
        },
        "emotion": {"type": "string", "enum": list(EMOTIONS)},
        "confidence": _SHARE,
        "sure": {"type": "boolean", "description": "False: no emotion is probable enough to be named."},
        "probs": {
            "type": "object",
            "required": list(EMOTIONS),
            "properties": dict.fromkeys(EMOTIONS, _SHARE),
        },
    },
}
_PICTURE = {
    "type": "object",
    "required": ["width", "height", "faces", "note"],
    "properties": {
        "width": {"type": "integer", "minimum": 1},
        "height": {"type": "integer", "minimum": 1},
        "faces": {"type": "array", "items": {"$ref": "#/components/schemas/Face"}},
        "note": {"type": "string", "description": "What was left out, or empty."},
    },
}
_REF = {"$ref": "#/components/schemas/Error"}


def describe(max_picture_mb: int = MAX_PICTURE_MB) -> dict[str, Any]:
    """Return the description of the interface in OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Facial emotions",
            "version": "1",
            "description": "Names what the faces in a picture show, not what people feel. Nothing is kept.",
        },
        "paths": {
            "/api/v1/predict": {
                "post": {
                    "operationId": "predict",
                    "summary": "Find the faces in a picture and name their emotions.",
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/octet-stream": {"schema": _BYTES},
                            "image/jpeg": {"schema": _BYTES},
                            "image/png": {"schema": _BYTES},
                            "multipart/form-data": {
                                "schema": {
                                    "type": "object",
                                    "required": ["file"],
                                    "properties": {"file": _BYTES},
                                }
                            },
                        },
                    },
                    "responses": {
                        "200": _answer("Its faces, none or many.", {"$ref": "#/components/schemas/Picture"}),
                        "400": _answer("The request has no picture.", _REF),
                        "408": _answer("The request did not come to its end.", _REF),
                        "413": _answer(
                            f"Over {max_picture_mb} MB, or {MAX_PIXELS // 1_000_000} million px.", _REF
                        ),
                        "415": _answer("It is no picture of a format that is read.", _REF),
                        "422": _answer("The picture is damaged.", _REF),
                        "503": _answer(
                            f"Too many are being read; Retry-After says when to come back ({RETRY_S} s).", _REF
                        ),
                    },
                }
            },
            "/api/v1/openapi.json": {
                "get": {
                    "operationId": "openapi",
                    "summary": "This description.",
                    "responses": {"200": _answer("This description.", {"type": "object"})},
                }
            },
        },
        "components": {"schemas": {"Face": _FACE, "Picture": _PICTURE, "Error": _ERROR}},
    }
