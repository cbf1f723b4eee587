"""Who may look: a password or a token where one is set, and what browsers are told not to do.

A page of another site must not change anything here in the name of a visitor (CSRF). Browsers say where a
request comes from (Sec-Fetch-Site, and Origin in older ones), so that is checked and no token is needed:
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import hashlib
import hmac
import io
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, abort, redirect, request
from werkzeug.wrappers import Response as WSGIResponse

from settings import StartError
from web.limits import RECEIVES, UploadLimiter

HARMLESS = ("GET", "HEAD", "OPTIONS")
COOKIE = "fer_token"
MAX_FAILURES, FAILURE_S = 20, 60.0  # wrong secrets from one address, and how long each counts
MAX_ADDRESSES = 10_000
COOKIE_AGE_S = 30 * 24 * 3600
MAX_REQUEST_BYTES = 64 * 1024
HEADERS = {
    # pictures that are made for one answer only are part of it (data:), so that nothing is kept
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}


class CredentialsError(StartError):
    """A password or token cannot be used; the message says why and does not repeat it."""


@dataclass(frozen=True)
class Credentials:
    """What a visitor must know, either of the two; what is empty opens nothing."""

    user_password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @classmethod
    def read(cls, user_password: str, token: str) -> "Credentials":
        """Return the secret that the settings give; @FILE stands for what is in the file."""
        secret = cls(_read(user_password), _read(token))
        if secret.user_password and not all(secret.user_password.partition(":")):
            raise CredentialsError("--auth must be user:password")
        return secret

    def __bool__(self) -> bool:
        return bool(self.user_password or self.token)

    @property
    def cookie(self) -> str:
        """Return what a browser keeps in place of the token."""
        return hashlib.sha256(f"cookie {self.token}".encode()).hexdigest()

    def were_given(self) -> bool:
        """Return whether the current request says anything that could be it."""
        return bool(request.authorization or "token" in request.args or COOKIE in request.cookies)

    def match(self) -> bool:
        """Return whether the current request knows it."""
        given = request.authorization
        basic = f"{given.username}:{given.password}" if given and given.type == "basic" else ""
        bearer = (given.token or "") if given and given.type == "bearer" else ""
        tries = (
            (basic, self.user_password),
            (bearer, self.token),
            (request.args.get("token", ""), self.token),
            (request.cookies.get(COOKIE, ""), self.cookie if self.token else ""),
        )
        return any(right and hmac.compare_digest(said.encode(), right.encode()) for said, right in tries)


class FailedLogins:
    """Counts wrong secrets by address, so that nobody can go through a dictionary."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong: dict[str, list[float]] = {}

    def is_blocked(self, address: str) -> bool:
        """Return whether this address has to wait."""
        with self._lock:
            return len(self._lately(address)) >= MAX_FAILURES

    def add(self, address: str) -> None:
        """Count a wrong one."""
        with self._lock:
            if len(self._wrong) >= MAX_ADDRESSES:
                self._wrong = {known: self._lately(known) for known in self._wrong if self._lately(known)}
            if len(self._wrong) < MAX_ADDRESSES:
                self._wrong[address] = [*self._lately(address), time.monotonic()]

    def _lately(self, address: str) -> list[float]:
        return [at for at in self._wrong.get(address, ()) if time.monotonic() - at < FAILURE_S]


def guard(site: Flask, secret: Credentials) -> None:
    """Ask every visitor for the secret, and send the headers that keep other sites out."""
    site.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    tries, gate = FailedLogins(), UploadLimiter()

    @site.before_request
    def refuse_other_sites() -> None:
        if request.method not in HARMLESS and comes_from_elsewhere():
            abort(403, "Another site may not change anything here.")

    @site.before_request
    def ask() -> WSGIResponse | None:
        if not secret or request.path == "/healthz":
            return None
        address = request.remote_addr or ""
        if comes_from_elsewhere() and request.headers.get("Sec-Fetch-Dest") != "document":
            address += " by another site"  # whose pages must not use up the tries of who looks at them
        if tries.is_blocked(address):
            wait = {"Retry-After": f"{FAILURE_S:.0f}"}
            abort(Response("Too many wrong tries; wait a minute.\n", 429, wait, content_type="text/plain"))
        if not secret.match():
            if secret.were_given():
                tries.add(address)
            how = {"WWW-Authenticate": 'Basic realm="camera", charset="UTF-8"'} if secret.user_password else {}
            abort(Response("This camera is private.\n", 401, how, content_type="text/plain"))
        if request.path == "/" and "token" in request.args:
            return _remember(secret)
        return None

    @site.before_request
    def receive() -> None:
        # some at once, so that those who send slowly do not take all of the server's threads
        length = request.content_length or 0
        view = site.view_functions.get(request.endpoint or "")
        if "Transfer-Encoding" in request.headers and not hasattr(view, RECEIVES):
            abort(411, "Say in Content-Length how long the request's body is.")
        if 0 < length <= MAX_REQUEST_BYTES:
            with gate.receiving(max_mb=1):
                request.environ["wsgi.input"] = io.BytesIO(request.environ["wsgi.input"].read(length))
            request.max_content_length = None  # as it was

    @site.after_request
    def add_headers(response: WSGIResponse) -> WSGIResponse:
        response.headers.extend(HEADERS)
        return response


def comes_from_elsewhere() -> bool:
    """Return whether a page of another site sent the current request; programs that are no browsers do not."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return bool(origin) and urlsplit(origin).netloc != request.host


def _remember(secret: Credentials) -> WSGIResponse:
    """Return the way to the page without the token in its address, which would stay in the history."""
    response = redirect(request.script_root + "/")
    # Lax: a link in a mail leads here too; nothing can be changed by following one
    response.set_cookie(
        COOKIE, secret.cookie, COOKIE_AGE_S, secure=request.is_secure, httponly=True, samesite="Lax"
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
