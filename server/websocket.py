"""WebSockets (RFC 6455) by wsproto, on the web server's own connection and in the thread that asks.

It reads only when it is asked to, so a visitor that sends too much fills its own buffers and not ours.
"""

import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flask import Response
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import ProtocolError

from server.hijack import can_hijack, connection_of, detach_socket

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SEND_S = 5.0  # for a message to be taken
LINGER_S = 0.5  # for the other side to take the last one
MAX_REASON_BYTES = 123  # bytes of UTF-8


class HandshakeError(Exception):
    """The request asks for no WebSocket, or for one that there cannot be."""


class LeftError(Exception):
    """The connection has ended, by whichever side."""


class WebSocket:
    """One connection after its handshake; not for two threads at once."""

    def __init__(self, connection: socket.socket, protocol: WSConnection) -> None:
        self._connection, self._protocol = connection, protocol
        self._events: deque[Event] = deque()
        self._message = bytearray()
        self._send(AcceptConnection())

    def receive(self, timeout_s: float, most_bytes: int) -> bytes | None:
        """Return the next message, None after the timeout; raises LeftError.

        A text, or a longer message, ends the connection with a sentence.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            while self._events:
                message = self._take(self._events.popleft(), most_bytes)
                if message is not None:
                    return message
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                return None
            self._read(remaining_s)

    def send(self, text: str) -> None:
        """Send a text; raises LeftError."""
        self._send(TextMessage(text))

    def close(self, code: int, sentence: str) -> None:
        """Say why this ends, and give the other side a moment to take it."""
        with suppress(LeftError, OSError):
            reason = sentence.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
            self._send(CloseConnection(code, reason))
            if not isinstance(self._connection, ssl.SSLSocket):
                self._connection.shutdown(socket.SHUT_WR)
            # what is left unread would make the system reset the connection, and the sentence be lost
            deadline = time.monotonic() + LINGER_S
            while (remaining_s := deadline - time.monotonic()) > 0:
                self._connection.settimeout(remaining_s)
                if not self._connection.recv(65536):
                    break

    def _take(self, event: Event, most_bytes: int) -> bytes | None:
        if isinstance(event, CloseConnection):
            self.close(event.code, event.reason or "")
            raise LeftError
        if isinstance(event, Ping):
            self._send(event.response())
        elif isinstance(event, TextMessage):
            self.close(CloseReason.UNSUPPORTED_DATA, "Only binary messages are understood here.")
            raise LeftError
        elif isinstance(event, BytesMessage):
            self._message += event.data
            if len(self._message) > most_bytes:
                self.close(CloseReason.MESSAGE_TOO_BIG, f"A message may have {most_bytes} bytes at most.")
                raise LeftError
            if event.message_finished:
                message, self._message = bytes(self._message), bytearray()
                return message
        return None

    def _read(self, timeout_s: float) -> None:
        try:
            self._connection.settimeout(timeout_s)
            data = self._connection.recv(65536)
        except TimeoutError:
            return
        except OSError as error:
            raise LeftError from error
        if not data:
            raise LeftError
        try:
            self._protocol.receive_data(data)
            self._events.extend(self._protocol.events())  # among them a close, if this is no message
        except ProtocolError as error:
            raise LeftError from error

    def _send(self, event: Event) -> None:
        try:
            self._connection.settimeout(SEND_S)
            self._connection.sendall(self._protocol.send(event))
        except (OSError, ProtocolError) as error:
            raise LeftError from error


def shake_hands(environ: "WSGIEnvironment") -> WSConnection:
    """Return the protocol for a request that asks for a WebSocket; raises HandshakeError."""
    names = [name for name in environ if name.startswith("HTTP_")]
    headers = [(n[5:].replace("_", "-").lower().encode(), environ[n].encode("latin-1")) for n in names]
    protocol = WSConnection(ConnectionType.SERVER)
    try:
        protocol.initiate_upgrade_connection(headers, environ["PATH_INFO"])
    except ProtocolError as error:
        raise HandshakeError(str(error)) from error
    deque(protocol.events(), maxlen=0)  # the request itself, which is known
    return protocol


class Upgraded(Response):
    """A response that is a conversation, over when `talk` returns; it may raise LeftError."""

    def __init__(self, protocol: WSConnection, talk: Callable[[WebSocket], None]) -> None:
        super().__init__()
        self._protocol, self._talk = protocol, talk

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        connection: Any = connection_of(environ)
        # elsewhere than on POSIX and under TLS, the server says its last word after ours, to nobody
        ours = detach_socket(connection) if can_hijack(environ) else connection
        try:
            with suppress(LeftError):
                self._talk(WebSocket(ours, self._protocol))
        finally:
            if ours is not connection:
                ours.close()
        start_response(self.status, self.get_wsgi_headers(environ).to_wsgi_list())
        return []
