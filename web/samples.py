"""The page with the sample faces of an emotion."""

from flask import abort, render_template

from texts import shorten
from vision.emotions import DETAILS, EMOTIONS
from vision.samples import Samples


def render_samples(samples: Samples, emotion: str) -> str:
    """Return the page with the sample faces of an emotion; answers 404 if there is no such emotion."""
    if emotion not in DETAILS:
        abort(404, f"There is no emotion “{shorten(emotion)}” here; there are {', '.join(EMOTIONS)}.")
    return render_template(
        "samples.html", emotion=DETAILS[emotion], emotions=DETAILS, samples=samples.of(emotion)
    )
