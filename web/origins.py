"""Pages of other sites: what they may ask for here, and what browsers are told about it.

Browsers say where a request comes from (Sec-Fetch-Site, and Origin in older ones), so no token is needed
against pages that act in a visitor's name (CSRF):
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from flask import current_app, request

from web.hints import hint
from web.responses import abort_with

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
EMBEDDABLE = "embeddable"  # the mark of a view that pages of the --embed origins may show or read
OPEN_TO_EMBEDDERS = "sendable"  # the mark of one to which they may send something
POLICY = (
    # pictures that are made for one answer only are part of it (data:), so that nothing is kept
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; object-src 'none'; "
    "frame-ancestors "
)
HEADERS = {
    "Content-Security-Policy": POLICY + "'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}

View = TypeVar("View", bound=Callable[..., object])


def embeddable(view: View) -> View:
    """Mark a view that pages of the --embed origins may show or read."""
    setattr(view, EMBEDDABLE, True)
    return view


def open_to_embedders(view: View) -> View:
    """Mark a view to which pages of the --embed origins may also send something."""
    setattr(view, OPEN_TO_EMBEDDERS, True)
    return embeddable(view)


def comes_from_elsewhere() -> bool:
    """Return whether a page of another origin sent the current request; programs other than browsers do not."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin", "")
    return bool(origin) and _origin_of(origin).partition("//")[2] != request.host


def refuse_other_origins(embedders: Sequence[str]) -> None:
    """End a request of another origin's page with 403, unless it is a visit, or one of embedders embeds.

    What changes something is refused, but for views that are open to embedders. A request without
    Sec-Fetch-Site, as players and old browsers send it, is no page's request as far as anybody can tell.
    """
    if not comes_from_elsewhere():
        return
    if request.method not in SAFE_METHODS and not (_takes_from_embedders() and embedder(embedders)):
        abort_with("Pages of other sites may not change anything here.", 403)
    if "Sec-Fetch-Site" in request.headers and not (_is_visit() or embedder(embedders)):
        abort_with(f"Pages of other sites may not show this{hint('--embed')}.", 403)


def headers_for(embedders: Sequence[str]) -> dict[str, str]:
    """Return the headers of the current request's answer, which keep other sites out but for its embedder."""
    origin = embedder(embedders)
    if not origin:
        return HEADERS
    others = {name: value for name, value in HEADERS.items() if name != "X-Frame-Options"}
    return others | {
        "Content-Security-Policy": POLICY + " ".join(embedders),
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }


def embedder(embedders: Sequence[str]) -> str:
    """Return the origin whose page embeds what is asked for, if it is one of embedders; else ""."""
    view = current_app.view_functions.get(request.endpoint or "")
    if not hasattr(view, EMBEDDABLE):
        return ""
    # an <img> sends no Origin, and a page cannot give another Referer than its own, or none
    origin = request.headers.get("Origin") or _origin_of(request.headers.get("Referer", ""))
    return origin if origin in embedders else ""


def _takes_from_embedders() -> bool:
    return hasattr(current_app.view_functions.get(request.endpoint or ""), OPEN_TO_EMBEDDERS)


def _is_visit() -> bool:
    """Return whether the visitor comes here, by a link or an address; not a part of a page, nor a prefetch."""
    return request.headers.get("Sec-Fetch-Dest") == "document" and "Sec-Purpose" not in request.headers


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
