"""WebSockets (RFC 6455) by wsproto, on the web server's own connection and in the caller's thread.

The connection is read only in `receive`, so a visitor that sends too much fills its own buffers and not ours.
"""

import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Response
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import ProtocolError

from server.hijack import can_hijack, connection_of, detach_socket

SEND_S = 5.0  # for a message to be taken
LINGER_S = 0.5  # for the other side to take the last one
MAX_REASON_BYTES = 123  # of UTF-8


class HandshakeError(Exception):
    """The request asks for no WebSocket, or its handshake is wrong."""


class LeftError(Exception):
    """The connection has ended, from either side."""


class WebSocket:
    """One connection after its handshake; not for two threads at once."""

    def __init__(
        self, connection: socket.socket, protocol: WSConnection, *, linger_s: float = LINGER_S
    ) -> None:
        """Accept the handshake; linger_s is how long `close` waits for the other side. Raises LeftError."""
        self._connection, self._protocol, self._linger_s = connection, protocol, linger_s
        self._events: deque[Event] = deque()
        self._message = bytearray()
        self._send(AcceptConnection())

    def receive(self, timeout_s: float, max_bytes: int) -> bytes | str | None:
        """Return the next message, binary or text, None after the timeout; raises LeftError.

        A message of more than max_bytes ends the connection with a sentence.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            while self._events:
                message = self._take(self._events.popleft(), max_bytes)
                if message is not None:
                    return message
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                return None
            self._read(remaining_s)

    def send(self, text: str) -> None:
        """Send a text; raises LeftError."""
        self._send(TextMessage(text))

    def close(self, code: int, sentence: str) -> None:
        """Send the code and the sentence, and wait up to linger_s until the other side has read them."""
        with suppress(LeftError, OSError):
            reason = sentence.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
            self._send(CloseConnection(code, reason))
            if not isinstance(self._connection, ssl.SSLSocket):
                self._connection.shutdown(socket.SHUT_WR)
            # unread bytes would make the system reset the connection, and the sentence be lost
            deadline_s = time.monotonic() + self._linger_s
            while (remaining_s := deadline_s - time.monotonic()) > 0:
                self._connection.settimeout(remaining_s)
                if not self._connection.recv(65536):
                    break

    def _take(self, event: Event, max_bytes: int) -> bytes | str | None:
        if isinstance(event, CloseConnection):
            self.close(event.code, event.reason or "")
            raise LeftError
        if isinstance(event, Ping):
            self._send(event.response())
        elif isinstance(event, BytesMessage | TextMessage):
            text = isinstance(event, TextMessage)
            self._message += event.data.encode() if isinstance(event, TextMessage) else event.data
            if len(self._message) > max_bytes:
                self.close(CloseReason.MESSAGE_TOO_BIG, f"A message may have {max_bytes} bytes at most.")
                raise LeftError
            if event.message_finished:
                message, self._message = bytes(self._message), bytearray()
                return message.decode() if text else message
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


def shake_hands(environ: WSGIEnvironment) -> WSConnection:
    """Return the protocol for a request that asks for a WebSocket; raises HandshakeError."""
    names = [name for name in environ if name.startswith("HTTP_")]
    headers = [(n[5:].replace("_", "-").lower().encode(), environ[n].encode("latin-1")) for n in names]
    protocol = WSConnection(ConnectionType.SERVER)
    try:
        protocol.initiate_upgrade_connection(headers, environ["PATH_INFO"])
    except ProtocolError as error:
        raise HandshakeError(str(error)) from error
    deque(protocol.events(), maxlen=0)  # drop the request itself
    return protocol


class Upgraded(Response):
    """A response that upgrades its connection to a WebSocket for as long as `talk` runs."""

    def __init__(self, protocol: WSConnection, talk: Callable[[WebSocket], None]) -> None:
        """Keep the protocol of `shake_hands`, and talk, which may raise LeftError."""
        super().__init__()
        self._protocol, self._talk = protocol, talk

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Run the conversation, then end the request as WSGI wants it."""
        connection: Any = connection_of(environ)
        # without POSIX and under TLS, the server writes its own end of the response after ours, unread
        ours = detach_socket(connection) if can_hijack(environ) else connection
        try:
            with suppress(LeftError):
                self._talk(WebSocket(ours, self._protocol))
        finally:
            if ours is not connection:
                ours.close()
        start_response(self.status, self.get_wsgi_headers(environ).to_wsgi_list())
        return []
