"""gunicorn's thread worker and its log, with a few things put right; gunicorn.conf.py names them."""

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

LINGER_S = 0.5
MAX_LINGER_S = 60.0
SILENCE_S = 2.0  # of a client that is lingered for
MAX_LINGERING = 16  # of the threads, for longer than LINGER_S
MAX_UNREAD_BYTES = 2_000_000_000  # bytes
PART = 256 * 1024
MAX_HEAD_BYTES = 32 * 1024  # bytes; gunicorn refuses it then
NO_NEWS = (f"exited with code {HALT}", "Shutting down: Master", "Reason: App failed to load")


class Worker(ThreadWorker):
    """A thread worker that never waits for a client: neither its main loop nor its threads.

    gunicorn's own lets a client that does not close its side hold the loop, and so everybody, for 2 s, and
    gives a thread to each half of a request, for as long as its sender likes.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
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

    def _close(self, connection: socket.socket) -> None:
        if self._lingering.acquire(blocking=False):
            try:
                close_read(connection, MAX_LINGER_S)
            finally:
                self._lingering.release()
        else:
            close_read(connection, LINGER_S)


def close_read(connection: socket.socket, longest_s: float) -> None:
    """Close the connection when the client has, or sends nothing more, or goes on for too long.

    Many look for the answer only when they have sent all, and what a server has not read when it closes takes
    the answer away from them: https://www.rfc-editor.org/rfc/rfc9112#section-9.6
    """
    ends_at, left = time.monotonic() + longest_s, MAX_UNREAD_BYTES
    with connection, suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(min(longest_s, SILENCE_S))
        while (part := connection.recv(PART)) and left > 0 and time.monotonic() < ends_at:
            left -= len(part)


def has_request(conn: TConn) -> bool:
    """Return whether a whole request head has come, or its end; if not, let more bytes wake the poller."""
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
        return True  # gunicorn deals with it
    return whole


class Log(Logger):
    """gunicorn's log in the lines of ours, without what it adds to our last sentence when we cannot start."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(OneLine())
            handler.addFilter(lambda record: not any(said in record.getMessage() for said in NO_NEWS))

    def exception(self, msg: object, *args: object, **options: Any) -> None:
        """Tell what went wrong; that a client took nothing for too long, and was left, is nothing of that."""
        if not isinstance(sys.exception(), TimeoutError):
            super().exception(msg, *args, **options)
