"""gunicorn's thread worker and its log, with a few faults mended; gunicorn.conf.py names them."""

import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers import gthread
from gunicorn.workers.gthread import TConn, ThreadWorker

from server.hijack import detach_socket
from server.lifetime import HALT
from server.logs import OneLine

DRAIN_S = 0.1  # for the rest of a body that no view has read
LINGER_S = 0.5
MAX_LINGER_S = 60.0
SILENCE_S = 2.0  # after which a client that still sends is left
MAX_LINGERING = 16  # threads that wait for longer than LINGER_S
MAX_UNREAD_BYTES = 2_000_000_000
PART_BYTES = 256 * 1024
MAX_HEAD_BYTES = 32 * 1024  # gunicorn refuses a longer one
SUPPRESSED_LINES = (f"exited with code {HALT}", "Shutting down: Master", "Reason: App failed to load")


class Worker(ThreadWorker):
    """A thread worker that never waits for a client: neither its main loop nor its threads.

    In gunicorn's own, a client that does not close its side holds the loop, and so all clients, for 2 s,
    each half of a request holds a thread for as long as its sender likes, and each half of a body for 5 s.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """Create a worker as gunicorn does."""
        super().__init__(*args, **options)
        self._lingering = threading.BoundedSemaphore(MAX_LINGERING)

    def handle(self, conn: TConn) -> Any:
        """Serve the connection; if it is to be closed, wait for the client here, in its own thread."""
        if self.alive and not self.cfg.is_ssl and not has_request(conn):
            return gthread._DEFER  # type: ignore[attr-defined]  # "not there yet" has no public name
        kept = super().handle(conn)
        if not kept and not isinstance(conn.sock, ssl.SSLSocket) and conn.sock.fileno() >= 0:
            self._close(detach_socket(conn.sock))
        return kept

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Return whether the connection can serve another request: not if part of a body is still to come."""
        return keepalive and bool(conn.parser.finish_body(deadline=time.monotonic() + DRAIN_S))

    def _close(self, connection: socket.socket) -> None:
        if self._lingering.acquire(blocking=False):
            try:
                close_read(connection, MAX_LINGER_S)
            finally:
                self._lingering.release()
        else:
            close_read(connection, LINGER_S)


def close_read(
    connection: socket.socket,
    timeout_s: float,
    *,
    silence_s: float = SILENCE_S,
    max_unread_bytes: int = MAX_UNREAD_BYTES,
) -> None:
    """Close the connection when the client has, or is silent for silence_s, or goes on for too long.

    Many clients look for the answer only when they have sent all, and what a server has not read when it
    closes takes the answer away from them: https://www.rfc-editor.org/rfc/rfc9112#section-9.6
    """
    deadline_s, unread_bytes = time.monotonic() + timeout_s, max_unread_bytes
    with connection, suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(min(timeout_s, silence_s))
        while (part := connection.recv(PART_BYTES)) and unread_bytes > 0 and time.monotonic() < deadline_s:
            unread_bytes -= len(part)


def has_request(conn: TConn) -> bool:
    """Return whether a whole request head has come, or its end; if not, more bytes will wake the poller."""
    buffered = getattr(conn.parser, "unreader", None)  # HTTP/2 has none
    if buffered and buffered.buf.getvalue():  # the next request came with the last one
        return True
    try:
        head = conn.sock.recv(MAX_HEAD_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        awaited = conn.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)
        ended = len(head) < awaited  # woken though no more came
        whole = ended or b"\r\n\r\n" in head or len(head) == MAX_HEAD_BYTES
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1 if whole else len(head) + 1)
    except BlockingIOError:
        return False
    except OSError:
        return True  # gunicorn handles it
    return whole


class Log(Logger):
    """gunicorn's log in our format, without the lines that it adds to our last sentence at a failed start."""

    def setup(self, cfg: Config) -> None:
        """Set up gunicorn's log, and our format and filter on it."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(OneLine())
            handler.addFilter(lambda record: not any(text in record.getMessage() for text in SUPPRESSED_LINES))

    def exception(self, msg: object, *args: object, **options: Any) -> None:
        """Log the exception, unless it is the timeout of a client that took nothing for too long."""
        if not isinstance(sys.exception(), TimeoutError):
            super().exception(msg, *args, **options)
