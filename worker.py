"""gunicorn's thread worker and its log, each with one thing put right; gunicorn.conf.py names them."""

import ssl
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.util import close_graceful
from gunicorn.workers.gthread import TConn, ThreadWorker

from logs import OneLine
from main import GUNICORN_HALTS_ON
from web.handover import take

LINGER_S = 0.5
NO_NEWS = (f"exited with code {GUNICORN_HALTS_ON}", "Shutting down: Master", "Reason: App failed to load")


class Worker(ThreadWorker):
    """A thread worker whose main loop never waits for a client.

    gunicorn's own lets a client that does not close its side hold the loop, and so everybody, for 2 s.
    """

    def handle(self, conn: TConn) -> Any:
        """Serve the connection; if it is to be closed, wait for the client here, in its own thread."""
        kept = super().handle(conn)
        if not kept and not isinstance(conn.sock, ssl.SSLSocket) and conn.sock.fileno() >= 0:
            close_graceful(take(conn.sock), LINGER_S)
        return kept


class Log(Logger):
    """gunicorn's log in the lines of ours, without what it adds to our last sentence when we cannot start."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(OneLine())
            handler.addFilter(lambda record: not any(said in record.getMessage() for said in NO_NEWS))
