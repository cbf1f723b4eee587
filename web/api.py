"""The programming interface: a picture in, its faces as JSON out. Nothing of it is kept."""

from flask import Blueprint, Response, abort, jsonify, request

from uploads.jobs import Jobs
from uploads.recognizer import reading_json
from vision.pictures import PictureError, TooLargeError, UnknownFormatError
from vision.resting_face import RestError
from web.bodies import asks_for_whole
from web.limits import UploadLimiter, busy, receives
from web.openapi import MAX_REST_PICTURES, describe

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
            try:
                reading = jobs.read("", data, whole=asks_for_whole(), rest=_rest_pictures())
            except RestError as error:
                abort(422, str(error))
        if reading is None:
            raise busy()
        if reading.problem:
            abort(STATUS[type(reading.problem)], str(reading.problem))
        return jsonify(reading_json(reading))

    @pages.get("/openapi.json")
    def openapi() -> Response:
        return jsonify(describe(max_picture_mb))

    return pages


def _rest_pictures() -> list[bytes]:
    """Return the pictures of the resting face in the current request; answers 400 to too many."""
    files = request.files.getlist("rest")
    if len(files) > MAX_REST_PICTURES:
        abort(400, f"Send {MAX_REST_PICTURES} pictures of the resting face, and no more.")
    return [file.read() for file in files]


def _picture() -> bytes:
    """Return the picture in the current request: its part "file", or else its whole body."""
    if request.mimetype != "multipart/form-data":
        return request.get_data(cache=False)
    file = request.files.get("file")
    if file is None:
        abort(400, "A multipart request needs the picture in its part “file”.")
    data: bytes = file.read()
    return data
