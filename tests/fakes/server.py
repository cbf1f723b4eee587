"""The real program as a process, and clients for it."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from settings import ROOT
from tests.fakes.waiting import PATIENCE_S


@contextmanager
def serving(site: Flask, threaded: bool = True) -> Iterator[BaseWSGIServer]:
    """Serve a site in this process."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return passed_on(site(environ, start_response))

    server = make_server("127.0.0.1", 0, app, threaded=threaded)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(PATIENCE_S)
        server.server_close()
    assert not thread.is_alive()


def passed_on(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the parts, and close them: Werkzeug does not when the browser resets the connection."""
    try:
        yield from parts
    finally:
        parts.close()  # type: ignore[attr-defined]  # as PEP 3333 says, where there is one


# The faces in these tests are larger than this, and a search of a frame for them takes a quarter of the time.
LARGE_FACES = ("--min-face-px", "80")
KILLED_S = 8  # gunicorn.conf.py's graceful_timeout: a worker that takes so long has not ended by itself


class Server:
    """The real program, as a process of its own."""

    def __init__(self, *flags: str) -> None:
        self.port = int(flags[flags.index("--port") + 1]) if "--port" in flags else free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, str(ROOT / "main.py"), *flags, *LARGE_FACES, "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.output = ""
        self.took_to_start_s = -time.monotonic()

    def get(self, path: str, timeout_s: float = PATIENCE_S) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=timeout_s) as response:
            body: bytes = response.read()
            return body

    def wait_until_ready(self) -> "Server":
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.get("/healthz", 2)
                self.took_to_start_s += time.monotonic()
                return self
            except OSError:
                time.sleep(0.1)
        self.stop()
        pytest.fail(f"the server did not start: {self.output}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal; fails if the program does not end of its own accord."""
        self.process.send_signal(number)
        assert self.process.wait(KILLED_S) == 0

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.output += self.process.communicate(timeout=PATIENCE_S)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.output += self.process.communicate()[0]


@contextmanager
def running_demo(folder: Path) -> Iterator[Server]:
    """Run the program with the demo and an empty history in the folder."""
    server = Server("--source", "demo", "--database-url", str(folder / "history.sqlite")).wait_until_ready()
    yield server
    server.stop()


def free_port() -> int:
    """Return a port below those that the system gives to connections, so that nobody takes it meanwhile."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    pytest.fail("a hundred ports are taken")


class Viewer(threading.Thread):
    """Reads the stream for a while and counts the pictures."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.pictures = 0
        self.start()

    def run(self) -> None:
        self.socket.sendall(b"GET /video_feed HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            while chunk := self.socket.recv(65536):
                self.pictures += chunk.count(b"--frame")
        except OSError:
            pass
        finally:
            self.socket.close()


def run_main(*flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "main.py"), *flags]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, **variables},
        check=False,
    )


def assert_one_sentence(result: subprocess.CompletedProcess[str], words: str) -> None:
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    lines = [line for line in (result.stdout + result.stderr).splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    assert words in lines[0]


ASK = b"GET /video_feed HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0\r\n\r\n"


def ask(server: BaseWSGIServer, request: bytes = ASK) -> socket.socket:
    viewer = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)
    viewer.sendall(request)
    return viewer


def read_until(viewer: socket.socket, words: bytes) -> bytes:
    received = b""
    while words not in received:
        chunk = viewer.recv(65536)
        assert chunk, received
        received += chunk
    return received


def newest_event(received: bytes) -> dict[str, Any]:
    """Return the last whole message in what was received."""
    *_, message = received.rpartition(b"\n\n")[0].split(b"data: ")
    parsed: dict[str, Any] = json.loads(message)
    return parsed
