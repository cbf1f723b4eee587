"""The password and the token that open the site, and the cookie that a browser keeps in their place."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from flask import request
from werkzeug.wrappers import Response

from settings import StartError
from texts import shorten

COOKIE = "fer_token"
COOKIE_AGE_S = 30 * 24 * 3600
ROUNDS = 200_000  # of PBKDF2, so that a password is not found out by its cookie


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

    @cached_property
    def password_cookie(self) -> str:
        """The value that a browser keeps in place of the password."""
        return hashlib.pbkdf2_hmac("sha256", self.user_password.encode(), b"fer cookie", ROUNDS).hex()

    def were_given(self) -> bool:
        """Return whether the current request has a password, a token or a cookie, right or wrong."""
        return bool(request.authorization or "token" in request.args or COOKIE in request.cookies)

    def match(self) -> bool:
        """Return whether the current request has the right ones."""
        sent = request.authorization
        basic = f"{sent.username}:{sent.password}" if sent and sent.type == "basic" else ""
        bearer = (sent.token or "") if sent and sent.type == "bearer" else ""
        pairs = [
            (basic, self.user_password),
            (bearer, self.token),
            (request.args.get("token", ""), self.token),
        ]
        if kept := request.cookies.get(COOKIE, ""):
            pairs.append((kept, self.cookie if self.token else ""))
            pairs.append((kept, self.password_cookie if self.user_password else ""))
        return _is_one_right(pairs)

    def cookie_for(self, user: str, password: str, token: str) -> str:
        """Return the cookie that these earn, as a visitor typed them; "" if neither opens the site."""
        if _is_one_right([(token, self.token)]):
            return self.cookie
        return self.password_cookie if _is_one_right([(f"{user}:{password}", self.user_password)]) else ""


def keep_cookie(response: Response, value: str) -> None:
    """Give the browser that gets this response to the current request the cookie that opens the site."""
    # Lax: a link in a mail leads here too; nothing can be changed by following one
    response.set_cookie(COOKIE, value, COOKIE_AGE_S, secure=request.is_secure, httponly=True, samesite="Lax")


def forget_cookie(response: Response) -> None:
    """Take the cookie from the browser that gets this response to the current request."""
    response.delete_cookie(COOKIE, secure=request.is_secure, httponly=True, samesite="Lax")


def _is_one_right(pairs: Iterable[tuple[str, str]]) -> bool:
    """Return whether one of the texts, given and right, are equal; the time it takes tells nothing of them."""
    return any(right and hmac.compare_digest(given.encode(), right.encode()) for given, right in pairs)


def _read(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        secret = Path(text[1:]).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise CredentialsError(f"the file {shorten(text[1:])} with the secret cannot be read") from None
    if not secret:
        raise CredentialsError(f"the file {text[1:]} with the secret is empty")
    return secret
