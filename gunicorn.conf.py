"""How gunicorn serves the site: one worker, because one process owns the camera."""

import logging
import os
import signal
import sys
import threading
from typing import Any

from main import LOG_FORMAT, StartError, check_address
from settings import SettingsError, read_settings

try:
    _settings = read_settings()
except SettingsError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)

bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
workers = 1
worker_class = "gthread"
threads = 64  # a viewer takes one
keepalive = 1
graceful_timeout = 1
timeout = 60
control_socket_disable = True
loglevel = "critical"  # the program says what matters itself


def on_starting(server: Any) -> None:
    if "GUNICORN_FD" in os.environ:  # a new main process that inherits its sockets
        return
    try:
        for host, port in (address for address in server.cfg.address if isinstance(address, tuple)):
            check_address(host, port)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def post_fork(server: Any, worker: Any) -> None:
    worker.log.error_log.setLevel(logging.ERROR)
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)


def post_worker_init(worker: Any) -> None:
    """Let the viewers go when the worker is told to end: their streams would never end by themselves."""
    camera = worker.wsgi.extensions["camera"]

    def leave(signum: int, frame: Any) -> None:
        # in a thread: the handler may have interrupted the very code that holds the camera's lock
        threading.Thread(target=camera.close).start()
        worker.handle_exit(signum, frame)

    signal.signal(signal.SIGTERM, leave)
    addresses = " and ".join(str(listener) for listener in worker.sockets)
    print(f"Live on {addresses} (Ctrl-C ends it)", flush=True)


def worker_int(worker: Any) -> None:
    """Do the same on Ctrl-C, which may come before the site is made."""
    if site := getattr(worker, "wsgi", None):
        threading.Thread(target=site.extensions["camera"].close).start()


def worker_exit(server: Any, worker: Any) -> None:
    site = getattr(worker, "wsgi", None)
    if site is not None and not site.extensions["camera"].close():
        # a thread still inside OpenCV would abort the interpreter on its way out
        sys.stdout.flush()
        os._exit(0)
