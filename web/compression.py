"""Text that is sent compressed, to browsers that take it so."""

import gzip

from flask import Response, request

TEXTS = {"text/html", "text/css", "text/javascript", "image/svg+xml", "application/manifest+json"}
MIN_BYTES = 500  # less does not become smaller
LEVEL = 6


def compress_text(response: Response) -> Response:
    """Return the response, by gzip if it is a page, a style sheet or a script and the browser takes that."""
    if response.mimetype not in TEXTS or response.status_code != 200 or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    etag, _ = response.get_etag()
    if etag:
        response.set_etag(etag, weak=True)  # the same for both forms
    if not request.accept_encodings["gzip"] or (response.content_length or MIN_BYTES) < MIN_BYTES:
        return response
    response.direct_passthrough = False  # files are read here
    response.set_data(gzip.compress(response.get_data(), LEVEL, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    response.headers.pop("Accept-Ranges", None)
    return response
