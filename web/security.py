"""Access to the site: a password or a token where one is set, and small requests only."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from flask import Flask, abort, redirect, request
from werkzeug.wrappers import Response as WSGIResponse

from web.credentials import Credentials, keep_cookie
from web.hints import tell_flags
from web.limits import RECEIVES, UploadLimiter
from web.login import PRIVATE, TOO_MANY, is_open_to_strangers, login_form, wanted_path, wants_form
from web.logins import WINDOW_S, FailedLogins
from web.origins import headers_for, refuse_other_origins
from web.responses import sentence

MAX_REQUEST_BYTES = 64 * 1024
OPEN_ENDPOINT = "common.healthz"  # which machines ask, and which shows nothing
TOKEN_PAGES = ("live.index", "wall.index")  # pages whose ?token= becomes a cookie


@dataclass(frozen=True)
class Access:
    """Who may look at a site, by which names, and from which other pages.

    It answers to requests for host_names only, or for any if there are none: a foreign page whose name
    resolves to 127.0.0.1 must not see the camera (DNS rebinding). Without credentials everybody may look.
    embedders are the origins whose pages may show its streams. Of a public site's visitors only one at the
    computer that runs it is told the flags of the command line.
    """

    host_names: Sequence[str] = ()
    credentials: Credentials = field(default_factory=Credentials)
    embedders: Sequence[str] = ()
    failed_logins: FailedLogins = field(default_factory=FailedLogins)
    public: bool = False


def guard(site: Flask, access: Access) -> None:
    """Let only those requests in that access allows, and send the headers that keep other sites out."""
    site.config["TRUSTED_HOSTS"] = list(access.host_names) or None
    site.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    tell_flags(site, access.public)
    limiter = UploadLimiter()

    @site.before_request
    def refuse_other_sites() -> None:
        """Answer 403 to what pages of other sites may not ask for."""
        refuse_other_origins(access.embedders)

    @site.before_request
    def require_credentials() -> WSGIResponse | None:
        """Answer 401 without the right credentials, and 429 after too many wrong ones."""
        credentials = access.credentials
        if not credentials or request.endpoint == OPEN_ENDPOINT or is_open_to_strangers():
            return None
        if not credentials.match():
            too_many = credentials.were_given() and access.failed_logins.add(request.remote_addr or "")
            return _refuse(credentials, too_many)
        if request.endpoint in TOKEN_PAGES and "token" in request.args:
            return _remember(credentials)
        return None

    @site.before_request
    def receive() -> None:
        """Receive a small body before any view; answer 411 to one of unsaid length."""
        # some at once, so that those who send slowly do not take all of the server's threads
        length = request.content_length or 0
        view = site.view_functions.get(request.endpoint or "")
        if "Transfer-Encoding" in request.headers and not hasattr(view, RECEIVES):
            abort(411, "Give the length of the request's body in Content-Length.")
        if 0 < length <= MAX_REQUEST_BYTES:
            with limiter.receiving(max_mb=1):
                request.environ["wsgi.input"] = io.BytesIO(request.environ["wsgi.input"].read(length))
            request.max_content_length = None  # as it was

    @site.after_request
    def add_headers(response: WSGIResponse) -> WSGIResponse:
        """Tell browsers to keep other sites out."""
        response.headers.extend(headers_for(access.embedders))
        return response


def _refuse(credentials: Credentials, too_many: bool) -> WSGIResponse:
    """Return the login page to people, and a sentence to programs: 401, or 429 after too many wrong tries."""
    if wants_form():
        return login_form(credentials, wanted_path(), TOO_MANY if too_many else "", 429 if too_many else 401)
    if too_many:
        return sentence(TOO_MANY, 429, {"Retry-After": str(WINDOW_S)})
    # a part of a page: its browser would ask by a dialog of its own, where the page itself has the form
    is_part = request.headers.get("Sec-Fetch-Site") == "same-origin"
    how = 'Basic realm="camera", charset="UTF-8"' if credentials.user_password and not is_part else ""
    return sentence(PRIVATE, 401, {"WWW-Authenticate": how} if how else None)


def _remember(credentials: Credentials) -> WSGIResponse:
    """Return a redirect to the page, with the cookie: a token in its address would stay in the history."""
    response = redirect(quote(request.script_root + request.path))
    keep_cookie(response, credentials.cookie)
    return response
