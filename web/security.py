"""Access to the site: a password or a token where one is set, and small requests only."""

import hashlib
import hmac
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from flask import Flask, abort, redirect, request
from werkzeug.wrappers import Response as WSGIResponse

from settings import StartError
from web.limits import RECEIVES, UploadLimiter
from web.logins import WINDOW_S, FailedLogins
from web.origins import headers_for, refuse_other_origins
from web.responses import abort_with

COOKIE = "fer_token"
COOKIE_AGE_S = 30 * 24 * 3600
MAX_REQUEST_BYTES = 64 * 1024
OPEN_TO_ALL = "common.healthz"  # which machines ask, and which shows nothing
REMEMBERS = ("live.index", "wall.index")  # pages whose ?token= becomes a cookie


class CredentialsError(StartError):
    """A password or token cannot be used; the message says why and does not repeat it."""


@dataclass(frozen=True)
class Credentials:
    """The password and the token that open the site, either of the two; what is empty opens nothing."""

    user_password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @classmethod
    def read(cls, user_password: str, token: str) -> "Credentials":
        """Return the credentials that the settings give; @FILE stands for what is in the file."""
        credentials = cls(_read(user_password), _read(token))
        if credentials.user_password and not all(credentials.user_password.partition(":")):
            raise CredentialsError("--auth must be user:password")
        return credentials

    def __bool__(self) -> bool:
        return bool(self.user_password or self.token)

    @property
    def cookie(self) -> str:
        """The value that a browser keeps in place of the token."""
        return hashlib.sha256(f"cookie {self.token}".encode()).hexdigest()

    def were_given(self) -> bool:
        """Return whether the current request has a password, a token or a cookie, right or wrong."""
        return bool(request.authorization or "token" in request.args or COOKIE in request.cookies)

    def match(self) -> bool:
        """Return whether the current request has the right ones."""
        sent = request.authorization
        basic = f"{sent.username}:{sent.password}" if sent and sent.type == "basic" else ""
        bearer = (sent.token or "") if sent and sent.type == "bearer" else ""
        pairs = (
            (basic, self.user_password),
            (bearer, self.token),
            (request.args.get("token", ""), self.token),
            (request.cookies.get(COOKIE, ""), self.cookie if self.token else ""),
        )
        return any(right and hmac.compare_digest(given.encode(), right.encode()) for given, right in pairs)


@dataclass(frozen=True)
class Access:
    """Who may look at a site, by which names, and from which other pages.

    It answers to requests for host_names only, or for any if there are none: a foreign page whose name
    resolves to 127.0.0.1 must not see the camera (DNS rebinding). Without credentials everybody may look.
    embedders are the origins whose pages may show its streams.
    """

    host_names: Sequence[str] = ()
    credentials: Credentials = field(default_factory=Credentials)
    embedders: Sequence[str] = ()
    failed_logins: FailedLogins = field(default_factory=FailedLogins)


def guard(site: Flask, access: Access) -> None:
    """Let only those requests in that access allows, and send the headers that keep other sites out."""
    site.config["TRUSTED_HOSTS"] = list(access.host_names) or None
    site.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    limiter = UploadLimiter()

    @site.before_request
    def refuse_other_sites() -> None:
        """Answer 403 to what pages of other sites may not ask for."""
        refuse_other_origins(access.embedders)

    @site.before_request
    def require_credentials() -> WSGIResponse | None:
        """Answer 401 without the right credentials, and 429 after too many wrong ones."""
        credentials = access.credentials
        if not credentials or request.endpoint == OPEN_TO_ALL:
            return None
        if not credentials.match():
            if credentials.were_given() and access.failed_logins.add(request.remote_addr or ""):
                abort_with("Too many wrong tries; wait a minute.", 429, {"Retry-After": str(WINDOW_S)})
            how = 'Basic realm="camera", charset="UTF-8"' if credentials.user_password else ""
            abort_with("This camera is private.", 401, {"WWW-Authenticate": how} if how else None)
        if request.endpoint in REMEMBERS and "token" in request.args:
            return _remember(credentials)
        return None

    @site.before_request
    def receive() -> None:
        """Receive a small body before any view; answer 411 to one of unsaid length."""
        # some at once, so that those who send slowly do not take all of the server's threads
        length = request.content_length or 0
        view = site.view_functions.get(request.endpoint or "")
        if "Transfer-Encoding" in request.headers and not hasattr(view, RECEIVES):
            abort(411, "Say in Content-Length how long the request's body is.")
        if 0 < length <= MAX_REQUEST_BYTES:
            with limiter.receiving(max_mb=1):
                request.environ["wsgi.input"] = io.BytesIO(request.environ["wsgi.input"].read(length))
            request.max_content_length = None  # as it was

    @site.after_request
    def add_headers(response: WSGIResponse) -> WSGIResponse:
        """Tell browsers to keep other sites out."""
        response.headers.extend(headers_for(access.embedders))
        return response


def _remember(credentials: Credentials) -> WSGIResponse:
    """Return a redirect to the page, with the cookie: a token in its address would stay in the history."""
    response = redirect(quote(request.script_root + request.path))
    # Lax: a link in a mail leads here too; nothing can be changed by following one
    response.set_cookie(
        COOKIE, credentials.cookie, COOKIE_AGE_S, secure=request.is_secure, httponly=True, samesite="Lax"
    )
    return response


def _read(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        secret = Path(text[1:]).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise CredentialsError(f"the file {text[1:]} with the secret cannot be read") from None
    if not secret:
        raise CredentialsError(f"the file {text[1:]} with the secret is empty")
    return secret
