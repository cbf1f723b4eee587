"""The description of the programming interface in OpenAPI 3.1."""

from typing import Any

from vision.emotions import EMOTIONS
from vision.jpeg import MAX_PIXELS
from web.limits import RETRY_S


def describe(max_picture_mb: int) -> dict[str, Any]:
    """Return the description of the interface, which takes pictures of up to max_picture_mb, in MB."""
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
                    "parameters": [_WHOLE],
                    "requestBody": {"required": True, "content": _SENT},
                    "responses": _predict_answers(max_picture_mb),
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


def _predict_answers(max_picture_mb: int) -> dict[str, Any]:
    """Return the answers of /api/v1/predict by their status."""
    too_large = f"Over {max_picture_mb} MB, or {MAX_PIXELS // 1_000_000} million px."
    too_many = f"The server is busy; Retry-After says when to try again ({RETRY_S} s)."
    return {
        "200": _answer("Its faces, none or many.", {"$ref": "#/components/schemas/Picture"}),
        "400": _answer("The request has no picture.", _REF),
        "408": _answer("The request is incomplete.", _REF),
        "413": _answer(too_large, _REF),
        "415": _answer("It is not a picture in a supported format.", _REF),
        "422": _answer("The picture is damaged.", _REF),
        "503": _answer(too_many, _REF),
    }


def _answer(description: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}, **more}


MAX_REST_PICTURES = 8

_WHOLE: dict[str, Any] = {
    "name": "whole",
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "enum": [0, 1], "default": 0},
    "description": "1: the picture is cropped to one face, and is read as a whole without a search.",
}
_BYTES: dict[str, Any] = {"type": "string", "format": "binary"}
_SENT = {
    "application/octet-stream": {"schema": _BYTES},
    "image/jpeg": {"schema": _BYTES},
    "image/png": {"schema": _BYTES},
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {
                "file": _BYTES,
                "whole": _WHOLE["schema"],
                "rest": {
                    "type": "array",
                    "items": _BYTES,
                    "maxItems": MAX_REST_PICTURES,
                    "description": "Pictures of the same person at rest, which the faces are read relative to.",
                },
            },
        }
    },
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "One sentence for people."}},
}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_PROBS = {"type": "object", "required": list(EMOTIONS), "properties": dict.fromkeys(EMOTIONS, _SHARE)}
_AXIS = {"type": "number", "minimum": -1, "maximum": 1}
_FACE = {
    "type": "object",
    "required": [
        "track_id",
        "box",
        "landmarks",
        "emotion",
        "confidence",
        "sure",
        "probs",
        "valence",
        "arousal",
        "rest",
    ],
    "properties": {
        "track_id": {"type": "integer", "minimum": 1, "description": "Its number, from 1, the largest first."},
        "box": {
            "type": "array",
            "items": {"type": "integer"},
            "minItems": 4,
            "maxItems": 4,
            "description": "x1, y1, x2, y2 in px of the upright picture as sent.",
        },
        "landmarks": {
            "type": ["array", "null"],
            "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
            "minItems": 5,
            "maxItems": 5,
            "description": "x, y in px of the left and right eye, the nose, the left and right corner of the "
            "mouth, as seen in the picture; null where the detector finds none.",
        },
        "emotion": {"type": "string", "enum": list(EMOTIONS)},
        "confidence": _SHARE,
        "sure": {"type": "boolean", "description": "False: no emotion is probable enough to be named."},
        "probs": _PROBS,
        "rest": {
            "type": ["object", "null"],
            "required": ["progress", "since", "name", "probs"],
            "properties": {
                "progress": _SHARE,
                "since": {"type": "number", "description": "When it was measured (Unix, s)."},
                "name": {"type": "string"},
                "probs": _PROBS,
            },
            "description": "The resting face that probs are relative to; null without one.",
        },
        "valence": _AXIS | {"description": "Unpleasant to pleasant, calculated from probs, not measured."},
        "arousal": _AXIS | {"description": "Calm to excited, calculated from probs, not measured."},
    },
}
_PICTURE = {
    "type": "object",
    "required": ["width", "height", "faces", "whole", "note"],
    "properties": {
        "width": {"type": "integer", "minimum": 1},
        "height": {"type": "integer", "minimum": 1},
        "faces": {"type": "array", "items": {"$ref": "#/components/schemas/Face"}},
        "whole": {"type": "boolean", "description": "The only face is the whole picture, as the note says."},
        "note": {
            "type": "string",
            "description": "What was left out, and why the whole picture was read as a face; or empty.",
        },
    },
}
_REF = {"$ref": "#/components/schemas/Error"}
