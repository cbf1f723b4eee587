"""The page that explains why a face in one picture is named as it is."""

import base64
import io
from collections.abc import Callable

from flask import Blueprint, Response, abort, make_response, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from uploads.explainer import BusyError, Explanation, PictureExplainer, UnknownSampleError
from vision.emotions import EMOTIONS
from vision.frames import Image
from vision.pictures import PictureError
from vision.tracker import Track
from web.current import current
from web.limits import UploadLimiter, receives
from web.protocols import Controls

MAX_MB = 12
RETRY_S = 10


# As Camera.find_face: the newest image with the face of that number, None if it is gone.
FindFace = Callable[[int], tuple[Image, Track] | None]
GONE = "This face is no longer in the picture. Go back to the live page and press “Explain” again."
HIDDEN = "Faces are hidden in the live picture (blur or emoji), so none of them is shown here."


def explain_pages(
    explainer: PictureExplainer, limiter: UploadLimiter, find_face: FindFace | None = None
) -> Blueprint:
    """Return the blueprint with /explain, /explain/<emotion>/<number> and /explain/live/<track_id>."""
    pages = Blueprint("explain", __name__)

    @pages.get("/explain")
    def index() -> Response:
        """Show the form for a picture."""
        return show()

    @pages.get("/explain/<emotion>/<int:number>")
    def sample(emotion: str, number: int) -> Response:
        """Explain a sample face."""
        try:
            explanation = or_503(lambda: explainer.explain_sample(emotion, number))
        except UnknownSampleError as error:
            abort(404, str(error))
        return show(explanation, label=emotion)

    @pages.get("/explain/live/<int:track_id>")
    def live_face(track_id: int) -> Response:
        """Explain a face of the live picture as it is now; nothing of it is kept."""
        if hides_faces(current().controls):
            return show(problem=HIDDEN, status=403)
        found = find_face(track_id) if find_face else None
        if found is None:
            return show(problem=GONE, status=404)
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


def show(
    explanation: Explanation | None = None, problem: str = "", status: int = 200, label: str = ""
) -> Response:
    """Return the page as an answer that no cache keeps."""
    page = render_page(explanation, problem, label)
    return make_response((page, status, {"Cache-Control": "no-store"}))  # it may show a visitor


def render_page(explanation: Explanation | None = None, problem: str = "", label: str = "") -> str:
    """Return the page with an explanation, a problem in one sentence, or neither."""
    return render_template(
        "explain.html",
        explanation=explanation,
        problem=problem,
        label=label,
        emotions=EMOTIONS,
        max_mb=MAX_MB,
        data_url=data_url,
    )


def data_url(picture: bytes) -> str:
    """Return a PNG or JPEG as a URL that has the picture in it."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
