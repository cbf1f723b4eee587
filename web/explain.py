"""The page that explains why a face is named as it is: of a picture, a sample, or a result."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from uploads.explainer import BusyError, Explanation, PictureExplainer, UnknownSampleError
from uploads.kept_faces import find_kept_face
from uploads.results import Results
from vision.emotions import EMOTIONS
from vision.frames import Image
from vision.pictures import PictureError
from vision.tracker import Track
from web.current import current
from web.limits import UploadLimiter, receives
from web.protocols import Controls

MAX_MB = 12
RETRY_S = 10
RESULT_FACE_GONE = "There is no such face: its result was deleted, is older than a day, or hides its faces."


# As Camera.find_face: the newest image with the face of that number, None if it is gone.
FindFace = Callable[[int], tuple[Image, Track] | None]
LIVE_FACE_GONE = "This face is no longer in the picture. Go back to the live page and press “Explain” again."
FACES_HIDDEN = "Faces are hidden in the live picture (blur or emoji), so none of them is shown here."


@dataclass(frozen=True)
class Origin:
    """The face of a result: face number `face`, from 1, of `count` in the picture `number` of a file."""

    job_id: str
    number: int
    face: int
    file: str
    count: int


def explain_pages(
    explainer: PictureExplainer,
    limiter: UploadLimiter,
    find_face: FindFace | None = None,
    *,
    results: Results | None = None,
) -> Blueprint:
    """Return the blueprint with /explain, and with the explanations of samples, results and live faces."""
    pages = Blueprint("explain", __name__)

    @pages.get("/explain")
    def index() -> Response:
        """Show the form for a picture."""
        explainer.warm_up()  # while a picture is chosen
        return show()

    @pages.get("/explain/<emotion>/<int:number>")
    def sample(emotion: str, number: int) -> Response:
        """Explain a sample face."""
        try:
            explanation = or_503(lambda: explainer.explain_sample(emotion, number))
        except UnknownSampleError as error:
            abort(404, str(error))
        return show(explanation, label=emotion, number=number)

    @pages.get("/explain/result/<job_id>/<int:number>/<int:face>")
    def result_face(job_id: str, number: int, face: int) -> Response:
        """Explain a face of a result, whose address is the permission to see it."""
        kept = find_kept_face(results, job_id, number, face) if results else None
        if kept is None:
            abort(404, RESULT_FACE_GONE)
        try:
            explanation = or_503(lambda: explainer.explain_face(kept.data, kept.box, kept.tilt_deg, kept.probs))
        except PictureError as error:
            return show(problem=str(error), status=422)
        return show(explanation, origin=Origin(job_id, number, face, kept.file, kept.count))

    @pages.get("/explain/live/<int:track_id>")
    def live_face(track_id: int) -> Response:
        """Explain a face of the live picture as it is now; nothing of it is kept."""
        if hides_faces(current().controls):
            return show(problem=FACES_HIDDEN, status=403)
        found = find_face(track_id) if find_face else None
        if found is None:
            return show(problem=LIVE_FACE_GONE, status=404)
        return show(or_503(lambda: explainer.explain_track(*found)))

    @pages.post("/explain")
    @receives
    def upload() -> Response:
        """Explain the picture that is sent."""
        try:
            with limiter.receiving(MAX_MB):
                data = read_picture()
        except RequestEntityTooLarge:
            return show(problem=f"The picture is larger than {MAX_MB} MB.", status=413)
        if data is None:
            return show(problem="Choose a picture first.", status=400)
        try:
            explanation = or_503(lambda: explainer.explain(data))
        except PictureError as error:
            return show(problem=str(error), status=422)
        return show(explanation)

    return pages


def hides_faces(controls: Controls | None) -> bool:
    """Return whether the live picture hides its faces."""
    view = controls.read() if controls else {}
    return bool(view.get("blur") or view.get("emoji"))


def read_picture() -> bytes | None:
    """Return the file in the field “picture”, None if there is none; raises RequestEntityTooLarge.

    It never touches the disk.
    """
    parser = FormDataParser(
        lambda *_, **__: io.BytesIO(), max_content_length=MAX_MB * 1_000_000, max_form_parts=8
    )
    _, _, files = parser.parse_from_environ(request.environ)
    picture = files.get("picture")
    return picture.read() if picture else None


def or_503(explain: Callable[[], Explanation]) -> Explanation:
    """Return the explanation that explain() gives; answers 503 while others are being served."""
    try:
        return explain()
    except BusyError as error:
        abort(make_response((render_page(problem=str(error)), 503, {"Retry-After": str(RETRY_S)})))


def show(explanation: Explanation | None = None, status: int = 200, **parts: Any) -> Response:
    """Return the page, with the parts of render_page, as an answer that no cache keeps."""
    page = render_page(explanation, **parts)
    return make_response((page, status, {"Cache-Control": "no-store"}))  # it may show a visitor


def render_page(
    explanation: Explanation | None = None,
    *,
    problem: str = "",
    label: str = "",
    number: int = 0,
    origin: Origin | None = None,
) -> str:
    """Return the page with an explanation, a problem in one sentence, or neither.

    label and number are those of the sample, and origin that of the result, that is explained.
    """
    return render_template(
        "explain.html",
        explanation=explanation,
        problem=problem,
        label=label,
        number=number,
        origin=origin,
        emotions=EMOTIONS,
        max_mb=MAX_MB,
        data_url=data_url,
    )


def data_url(picture: bytes) -> str:
    """Return a PNG or JPEG as a URL that has the picture in it."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
