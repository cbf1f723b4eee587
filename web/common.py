"""What every site has, whichever cameras it shows."""

from flask import Blueprint, Response, abort

from texts import shorten
from vision.colours import BLACK, bgr, ink_on
from vision.emoji import emoji_png
from vision.emotions import DETAILS, UNSURE, UNSURE_COLOUR
from web.responses import NO_STORE

CACHED_FOR_A_DAY = {"Cache-Control": "private, max-age=86400"}


def common_pages() -> Blueprint:
    """Return the blueprint with /healthz, /emotions.css and /emoji/<name>.png."""
    pages = Blueprint("common", __name__)

    @pages.get("/healthz")
    def healthz() -> Response:
        """Say that the process can serve."""
        return Response("ok\n", content_type="text/plain", headers=NO_STORE)

    @pages.get("/emotions.css")
    def emotion_styles() -> Response:
        """Return a class for each emotion's colour and its ink, for “unsure”, and for each percentage."""
        # classes, because styles in the pages themselves are forbidden to browsers (web/security.py)
        colours = {details.name: details.colour for details in DETAILS.values()} | {UNSURE: UNSURE_COLOUR}
        tones = [_tone(name, colour) for name, colour in colours.items()]
        shares = [f".share-{percent} {{ --share: {percent}%; }}" for percent in range(101)]
        return Response("\n".join(tones + shares), content_type="text/css")

    @pages.get("/emoji/<name>.png")
    def emoji(name: str) -> Response:
        """Return the smiley of an emotion, or of “unsure”."""
        if name not in (*DETAILS, UNSURE):
            abort(404, f"There is no smiley “{shorten(name)}”; there are {', '.join(DETAILS)} and {UNSURE}.")
        return Response(emoji_png(name), content_type="image/png", headers=CACHED_FOR_A_DAY)

    return pages


def _tone(name: str, colour: str) -> str:
    """Return the class of a colour "#rrggbb", with the ink that is readable on it."""
    ink = "#000" if ink_on(bgr(colour)) == BLACK else "#fff"
    return f".tone-{name} {{ --tone: {colour}; --tone-ink: {ink}; }}"
