"""The server in a test's process leaves nothing open, whatever a browser does."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from flask import Flask, Response

from tests.fakes.server import serving
from tests.fakes.waiting import PATIENCE_S

pytestmark = pytest.mark.server

WANTED = b"all that the browser wants"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets the connection


def test_an_answer_is_closed_when_the_browser_resets_the_connection() -> None:
    site, reset, closed = Flask(__name__), threading.Event(), threading.Event()

    def parts() -> Iterator[bytes]:
        yield WANTED
        reset.wait(PATIENCE_S)

    @site.get("/")
    def answer() -> Response:
        response = Response(parts(), headers={"Content-Length": str(len(WANTED))})
        response.call_on_close(closed.set)
        return response

    with serving(site) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as browser:
            browser.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert browser.recv(100).startswith(b"HTTP/1.1 200")
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        reset.set()
        assert closed.wait(PATIENCE_S)
