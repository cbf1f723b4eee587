"""Takes a viewer's connection from the web server, so that the viewer needs none of its threads."""

import os
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Response
from werkzeug.http import http_date


def connection_of(environ: WSGIEnvironment) -> socket.socket | None:
    """Return the request's connection, which is still the server's; None if the server does not show it."""
    return environ.get("gunicorn.socket") or environ.get("werkzeug.socket")


def can_hijack(environ: WSGIEnvironment) -> bool:
    """Return whether `detach_socket` works: for open HTTP/1 connections, on systems with file descriptors."""
    connection = connection_of(environ)
    plain = connection is not None and not isinstance(connection, ssl.SSLSocket)
    return plain and os.name == "posix" and environ["SERVER_PROTOCOL"].startswith("HTTP/1.")


def detach_socket(connection: socket.socket) -> socket.socket:
    """Return the connection under a file descriptor of its own; the server is left a dead one in its place.

    A server ends every request with shutdown(), which ends the connection under all its descriptors, so
    a mere duplicate would die with it. What the server still writes meets a closed pipe, which it takes
    for a client that has left.
    """
    dead, other_end = socket.socketpair()
    other_end.close()
    with dead:
        ours = connection.dup()
        os.dup2(dead.fileno(), connection.fileno(), inheritable=False)
    return ours


class HijackedResponse(Response):
    """A response whose connection is given to `receive`, with the head that has to be sent on it."""

    def __init__(self, receive: Callable[[socket.socket, bytes], None], **options: Any) -> None:
        """Keep `receive`, and pass the options of a Flask response on."""
        super().__init__(**options)
        self._receive = receive

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Give the connection away, then end the request as WSGI wants it."""
        # here and not in the view, so that headers added after the view are sent too
        headers = self.get_wsgi_headers(environ)
        headers.remove("Content-Length")
        headers["Connection"] = "close"  # which is how this response ends
        headers["Date"] = http_date()
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {value}" for name, value in headers), "", ""]
        connection = connection_of(environ)
        assert connection is not None
        self._receive(connection, "\r\n".join(lines).encode("latin-1"))
        start_response(self.status, headers.to_wsgi_list())
        return []
