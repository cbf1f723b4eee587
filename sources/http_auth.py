"""Basic and Digest, the ways in which HTTP cameras ask for a user name and a password (RFC 7617, RFC 7616)."""

import hashlib
import re
import secrets
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.request import parse_http_list

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
SCHEME = re.compile(r"(?:^|,)\s*(basic|digest|[a-z][\w-]*)(?=\s+[a-z]+\s*=|\s*$|\s*,)", re.IGNORECASE)


@dataclass
class Login:
    """A user name and password, and the challenge that they answer, once the camera has sent one."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    _challenge: dict[str, str] | None = field(default=None, repr=False)  # of Digest; {} for Basic
    _count: int = field(default=0, repr=False)

    def accept(self, headers: Sequence[str]) -> bool:
        """Keep the best challenge of a response's WWW-Authenticate headers; False if none can be answered."""
        challenges = list(_challenges(headers))
        digests = [parts for scheme, parts in challenges if scheme == "digest" and _is_known(parts)]
        basic: list[dict[str, str]] = [{} for scheme, _ in challenges if scheme == "basic"]
        self._challenge = next(iter([*digests, *basic]), None)
        self._count = 0
        return self._challenge is not None

    def answer(self, method: str, target: str) -> str | None:
        """Return the Authorization header of a request for a target (path and query); None before `accept`."""
        if self._challenge is None:
            return None
        if not self._challenge:
            return "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode()
        return self._digest(self._challenge, method, target)

    def _digest(self, challenge: dict[str, str], method: str, target: str) -> str:
        algorithm = challenge.get("algorithm", "MD5")
        hash_of = HASHES[_hash_name(challenge)]
        realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
        own, self._count = secrets.token_hex(8), self._count + 1

        def hashed(text: str) -> str:
            return hash_of(text.encode(), usedforsecurity=False).hexdigest()

        user = hashed(f"{self.user}:{realm}:{self.password}")
        if algorithm.upper().endswith("-SESS"):
            user = hashed(f"{user}:{nonce}:{own}")
        request = hashed(f"{method}:{target}")
        fields = {"username": self.user, "realm": realm, "nonce": nonce, "uri": target}
        plain = {"algorithm": algorithm} if "algorithm" in challenge else {}
        if "qop" in challenge:
            count = f"{self._count:08x}"
            fields["response"] = hashed(f"{user}:{nonce}:{count}:{own}:auth:{request}")
            fields["cnonce"] = own
            plain |= {"qop": "auth", "nc": count}
        else:
            fields["response"] = hashed(f"{user}:{nonce}:{request}")
        if "opaque" in challenge:
            fields["opaque"] = challenge["opaque"]
        quoted = [f'{key}="{_escape(value)}"' for key, value in fields.items()]
        return "Digest " + ", ".join([*quoted, *(f"{key}={value}" for key, value in plain.items())])


def _challenges(headers: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each challenge's scheme, in lower case, with its parts; a header may have several."""
    for header in headers:
        found = list(SCHEME.finditer(header))
        for number, scheme in enumerate(found):
            end = found[number + 1].start() if number + 1 < len(found) else len(header)
            pairs = (part.partition("=") for part in parse_http_list(header[scheme.end() : end]))
            parts = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
            yield scheme[1].lower(), parts


def _is_known(parts: dict[str, str]) -> bool:
    """Return whether a Digest challenge can be answered."""
    qualities = [quality.strip().lower() for quality in parts.get("qop", "auth").split(",")]
    return _hash_name(parts) in HASHES and "auth" in qualities


def _hash_name(parts: dict[str, str]) -> str:
    """Return the name of the hash that a Digest challenge wants."""
    return parts.get("algorithm", "MD5").upper().removesuffix("-SESS")


def _escape(text: str) -> str:
    """Return text as it stands in a quoted part of a header."""
    return re.sub(r'(["\\])', r"\\\1", text)
