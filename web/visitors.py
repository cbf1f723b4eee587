"""Visitors: a visitor is a browser with a cookie that cannot be guessed."""

import hashlib
import secrets

from flask import request
from werkzeug.wrappers import Response

COOKIE = "fer_visitor"
COOKIE_AGE_S = 24 * 3600  # as long as results are kept


def current_visitor() -> str:
    """Return the visitor that sends the current request; "" without a cookie."""
    return request.cookies.get(COOKIE, "")


def new_visitor() -> str:
    """Return a visitor that nobody can guess."""
    return secrets.token_urlsafe(16)


def remember(response: Response, visitor: str) -> None:
    """Give the visitor's cookie to the browser that gets this response to the current request."""
    response.set_cookie(COOKIE, visitor, COOKIE_AGE_S, secure=request.is_secure, httponly=True, samesite="Lax")


def owner_of(visitor: str) -> str:
    """Return the hash under which a visitor's results are kept; "" without a visitor."""
    return hashlib.sha256(visitor.encode()).hexdigest() if visitor else ""
