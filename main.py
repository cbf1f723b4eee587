"""The command: `python main.py` serves the site; `gunicorn main:app` does so with gunicorn's own flags."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from server.address import check_address
from server.lifetime import HALT, Lifetime, close_site
from server.logs import LogWriter
from settings import ROOT, Settings, StartError, read_settings

# `app` is imported where it is needed: it brings OpenCV, which neither --help nor gunicorn's main process uses.


def __getattr__(name: str) -> Any:
    """Return a new site for the name `app`, which gunicorn imports; raises AttributeError for another name."""
    if name != "app":
        raise AttributeError(name)
    from app import create_app

    try:
        return create_app()
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(HALT)


def main(argv: Sequence[str] | None = None) -> int:
    """Read the settings, serve until a signal ends it, and return the exit code."""
    try:
        settings = read_settings(sys.argv[1:] if argv is None else argv)
        if settings.role == "camera":
            return publish(settings)
        os.environ.update(settings.to_environment())
        try:
            from gunicorn.app.wsgiapp import WSGIApplication
        except ImportError:  # Windows
            return serve_with_werkzeug(settings)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    sys.argv = ["gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "--pythonpath", str(ROOT), "main:app"]
    WSGIApplication("%(prog)s [OPTIONS]").run()
    return 0


def publish(settings: Settings) -> int:
    """Publish the camera of these settings until a signal ends it, and return the exit code."""
    from app import make_publisher

    lifetime, ended = Lifetime(), threading.Event()
    try:
        publisher = make_publisher(settings, lifetime)
        log = LogWriter(settings.log_level)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        print(f"Publishing {settings.name} (press Ctrl-C to stop)", flush=True)
        publisher.run(ended)
    finally:
        clean = lifetime.close()
    return finish(clean, log)


def serve_with_werkzeug(settings: Settings) -> int:
    """Serve with Werkzeug's threaded server until Ctrl-C, and return the exit code."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    from app import create_app

    class Handler(WSGIRequestHandler):
        def version_string(self) -> str:
            """Return the Server header: a name without a version."""
            return "werkzeug"

    check_address(settings.host, settings.port)
    site = create_app(settings)
    log = LogWriter(settings.log_level)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a page asks for the state every second
    server = make_server(settings.host, settings.port, site, threaded=True, request_handler=Handler)
    print(f"Live on http://{settings.host}:{settings.port} (press Ctrl-C to stop)", flush=True)
    server.serve_forever()  # until Ctrl-C
    return finish(close_site(site), log)


def finish(clean: bool, log: LogWriter) -> int:
    """Write the log's last lines and return the exit code; clean is what `Lifetime.close` returned."""
    log.close()
    if not clean:
        os._exit(0)  # a thread still inside OpenCV would abort the interpreter on its way out
    return 0


if __name__ == "__main__":
    sys.exit(main())
