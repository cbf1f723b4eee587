"""gunicorn's settings: one worker, because one process owns the camera; a web host may have more."""

import contextlib
import logging
import os
import resource
import signal
import sys
import threading
from typing import Any

from server.address import check_address
from server.lifetime import close_site
from server.logs import LogWriter
from settings import StartError, read_settings

try:
    _settings = read_settings()
except StartError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)

bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
workers = _settings.workers
worker_class = "server.gunicorn_worker.Worker"
threads = 128  # 32 browser cameras, 24 uploads, and 28 pages where connections cannot be hijacked hold 112
keepalive = 1
graceful_timeout = 8  # s until a worker that does not end is killed; it writes its last recording meanwhile
REQUESTS_S = 1  # for the requests under way when the worker ends
timeout = 60
control_socket_disable = True
logger_class = "server.gunicorn_worker.Log"
loglevel = "warning"  # usual events are in the program's own log


def on_starting(server: Any) -> None:
    """Raise the limit of open files, and exit with one sentence if the site cannot be served."""
    # for viewers, and the files of uploads that wait; the usual limit is 1024
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):  # macOS says "unlimited", and means less
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    try:
        if server.cfg.workers > 1 and _settings.role != "web":
            raise StartError(f"{server.cfg.workers} workers would each open the camera; there can only be one")
        for host, port in (address for address in server.cfg.address if isinstance(address, tuple)):
            _settings.check_exposure(host)
            if "GUNICORN_FD" not in os.environ:  # or it is a new main process that inherits its sockets
                check_address(host, port)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def when_ready(server: Any) -> None:
    """End the program with SIGHUP in a terminal, where it says that the terminal was closed."""
    if sys.stdin.isatty():  # elsewhere SIGHUP starts a new worker
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))


def nworkers_changed(server: Any, new_value: int, old_value: int | None) -> None:
    """Undo SIGTTIN, which adds a worker, where each worker would open the camera."""
    if old_value is not None and new_value > 1 and _settings.role != "web":
        logging.getLogger("gunicorn.error").warning("there is still one worker: each would open the camera")
        server.num_workers = _settings.workers


def post_fork(server: Any, worker: Any) -> None:
    """Start the worker's log, and give its requests REQUESTS_S at the end."""
    worker.log_writer = LogWriter(_settings.log_level)
    worker.cfg.set("graceful_timeout", REQUESTS_S)  # in this process only, not in the one that would kill it


def post_worker_init(worker: Any) -> None:
    """Disconnect the viewers when a signal ends the worker: their streams would never end by themselves."""

    def end(signum: int, frame: Any) -> None:
        begin_to_close(worker.wsgi)
        worker.handle_exit(signum, frame)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)  # the terminal was closed
    if worker.age > 1:  # one of several, or one that replaces a dead one
        return
    addresses = " and ".join(str(listener) for listener in worker.sockets)
    with contextlib.suppress(OSError):  # the disk is full, or the terminal gone
        print(f"Live on {addresses} (press Ctrl-C to stop)", flush=True)


def worker_int(worker: Any) -> None:
    """Disconnect the viewers on Ctrl-C, too, which may come before the site is made."""
    if site := getattr(worker, "wsgi", None):
        begin_to_close(site)


def begin_to_close(site: Any) -> None:
    """Close the site in a thread: a signal may have interrupted the very code that holds a lock.

    `worker_exit` waits for its end, which every part of the site limits.
    """
    threading.Thread(target=close_site, args=(site,), name="closing", daemon=True).start()


def worker_exit(server: Any, worker: Any) -> None:
    """Close the site and the log, and leave the process without unloading its libraries."""
    site = getattr(worker, "wsgi", None)
    clean = site is None or close_site(site)
    worker.log_writer.close()
    if site and (not clean or not worker.alive):
        # A thread still inside OpenCV would abort the interpreter on its way out; and unloading PyTorch
        # takes half a second, when all is done already.
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(0)
