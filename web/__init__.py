"""The site's edge: Flask, its pages and its JSON. It loads without OpenCV and without torch."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from flask import Flask, render_template
from werkzeug.exceptions import HTTPException

from settings import ROOT

if TYPE_CHECKING:
    from camera import State
    from pipeline import AnnotatedFrame
    from samples import Sample


class Camera(Protocol):
    """What the site asks of a camera; camera.Camera is one."""

    def watch(self) -> "Iterator[AnnotatedFrame]": ...

    def snapshot(self, timeout_s: float) -> "AnnotatedFrame | None": ...

    def state(self) -> "State": ...


class Samples(Protocol):
    """What the site asks of the sample faces; samples.Samples is one."""

    def of(self, emotion: str) -> "Sequence[Sample]": ...


def make_site(camera: Camera, samples: Samples) -> Flask:
    """Return the site that shows this camera and these samples."""
    from web.live import live_pages

    site = Flask(__name__, root_path=str(ROOT))
    site.json.sort_keys = False  # type: ignore[attr-defined]  # emotions stay in FER2013's order
    site.register_blueprint(live_pages(camera, samples))
    site.register_error_handler(HTTPException, _show_error)
    return site


def _show_error(error: HTTPException) -> tuple[str, int]:
    return render_template("error.html", error=error), error.code or 500
