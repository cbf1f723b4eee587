"""HTTP as cameras speak it: one GET at a time, with time-outs, redirects, Basic and Digest.

Errors are a SourceError of one sentence, in which an address has no more than scheme and host.
"""

import http.client
import logging
import socket
import ssl
from contextlib import suppress
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from settings import ESCAPES, VERSION, mask_address
from sources.base import SourceError
from sources.http_auth import Login
from texts import shorten

log = logging.getLogger(__name__)

ANSWER_S = 5.0  # for a connection, and for an answer's head
SILENCE_S = 15.0  # within an answer
MAX_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
HEADERS = {"User-Agent": VERSION.replace(" ", "/"), "Accept": "*/*", "Accept-Encoding": "identity"}
SAFE_SIGNS = "!#$%&'()*+,/:;=?@[]~"  # in an address, where they may be meant or be escaped already
MAX_REST_BYTES = 65_536  # of a body that nobody reads, for which a connection is kept
STATUS_REASONS = {
    403: "denies access to this user (403)",
    404: "has nothing at this path (404)",
}


class NoHttpError(SourceError):
    """The answer is none that Python's HTTP reads; another reader may be more lenient."""


class HttpClient:
    """Asks one camera for one address, as often as needed; its connection is kept where the camera keeps it."""

    def __init__(self, url: str, name: str) -> None:
        """The name stands for the url, which may hold a password, in every error. Raises SourceError."""
        self._name = name
        self._parts = self._split(url)
        self._login: Login | None = None
        if self._parts.username is not None:
            self._login = Login(unquote(self._parts.username), unquote(self._parts.password or ""))
        self._connection: http.client.HTTPConnection | None = None
        self._verifies = True

    def get(self) -> http.client.HTTPResponse:
        """Return the answer, of which the body is still to be read or closed; raises SourceError."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._ask()
            if answer.status == 401 and self._login:
                if not self._login.accept(answer.headers.get_all("WWW-Authenticate", [])):
                    raise SourceError(f"{self._name} asks for a password in a way that is not supported (401)")
                answer = self._ask()
            if answer.status not in REDIRECTS:
                return self._check(answer)
            self._follow(answer)
        raise SourceError(f"{self._name} redirects too many times")

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _check(self, answer: http.client.HTTPResponse) -> http.client.HTTPResponse:
        """Return an answer with a body to read; raises SourceError for another."""
        if answer.status in (200, 203, 206):
            return answer
        answer.close()
        self.close()
        meaning = http.client.responses.get(answer.status, "")
        why = STATUS_REASONS.get(answer.status, f"answers {answer.status} {meaning}".rstrip())
        if answer.status == 401 and self._login:
            why = f"refuses this user name or password (401); {ESCAPES}"
        elif answer.status == 401:
            why = "requires a user name and a password (401): give http://USER:PASSWORD@HOST/…"
        raise SourceError(f"{self._name} {why}")

    def _follow(self, answer: http.client.HTTPResponse) -> None:
        """Take the address that a redirect names; the password is for the first host alone."""
        old = self._parts
        self.close()
        self._parts = self._split(urljoin(old.geturl(), answer.headers.get("Location", "")))
        if self._parts.hostname != old.hostname:
            self._login = None

    def _split(self, url: str) -> SplitResult:
        """Return the parts of an http:// or https:// address with a host and a port that can be."""
        with suppress(ValueError):
            parts = urlsplit(url)
            if parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port):
                return parts
        shown = shorten(mask_address(url))
        raise SourceError(f"{self._name} leads to {shown!r}, which is not the address of a camera")

    def _ask(self) -> http.client.HTTPResponse:
        """Send the request and return the answer; once more if a kept connection was closed by the camera."""
        is_kept = self._connection is not None
        for is_last in (False, True) if is_kept else (True,):
            try:
                return self._send()
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.close()
                if is_last or not isinstance(error, ConnectionError):
                    raise self._as_sentence(error) from None
        raise AssertionError("the last try returns or raises")

    def _send(self) -> http.client.HTTPResponse:
        target = quote(self._parts.path or "/", safe=SAFE_SIGNS)
        if self._parts.query:
            target += "?" + quote(self._parts.query, safe=SAFE_SIGNS)
        login = self._login.answer("GET", target) if self._login else None
        self._connection = self._connection or self._connect()
        connection, sock = self._connection, self._connection.sock
        sock.settimeout(ANSWER_S)
        connection.request("GET", target, headers=HEADERS | ({"Authorization": login} if login else {}))
        answer = connection.getresponse()
        sock.settimeout(SILENCE_S)
        if answer.will_close:
            self._connection = None  # the answer has the socket, and closes it
        if answer.status in (401, *REDIRECTS):
            answer.read(MAX_REST_BYTES)
            if not answer.isclosed():
                answer.close()
                self.close()
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        """Return a connection; the log has a line where its certificate cannot be verified, as is usual."""
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "http":
            connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S)
            connection.connect()
            return connection
        context = ssl.create_default_context()
        if not self._verifies:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=ANSWER_S, context=context)
        try:
            connection.connect()
        except ssl.SSLCertVerificationError:
            connection.close()
            self._verifies = False
            log.warning("the certificate of %s cannot be verified; the camera is used anyway", self._name)
            return self._connect()
        return connection

    def _as_sentence(self, error: Exception) -> SourceError:
        """Return an error of the network as one sentence."""
        if isinstance(error, socket.gaierror | UnicodeError):
            return SourceError(f"{self._name} cannot be found: its host name is unknown")
        if isinstance(error, TimeoutError):
            return SourceError(f"{self._name} does not answer")
        if isinstance(error, ConnectionRefusedError):
            return SourceError(f"{self._name} refuses the connection")
        if isinstance(error, ConnectionError):
            return SourceError(f"{self._name} closes the connection without an answer")
        if isinstance(error, ssl.SSLError):
            return SourceError(f"{self._name} uses a version of TLS that is no longer accepted")
        if isinstance(error, OSError):
            return SourceError(f"{self._name} cannot be reached: {error.strerror or 'the network fails'}")
        return NoHttpError(f"{self._name} does not answer in HTTP")
