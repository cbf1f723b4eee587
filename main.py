"""Start here: `python main.py` serves the site; `gunicorn main:app` does the same with gunicorn's own flags.

Settings -> camera -> site -> server, closed in the opposite order.
"""

import os
import socket
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from settings import ROOT, Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from flask import Flask

    from camera import Camera

GUNICORN_HALTS_ON = 4  # a worker that leaves with this code is not started again


class StartError(Exception):
    """The program cannot start; the message says why, in one sentence."""


def create_app(settings: Settings | None = None) -> "Flask":
    """Return the site for these settings, by default those in the FER_* variables.

    Nothing is opened yet: the camera begins with its first viewer. Raises StartError.
    """
    # here, so that gunicorn's main process and --help stay small and quick
    from detector import CascadeError
    from model import WeightsError
    from sources import SourceError

    try:
        return _build(settings or read_settings())
    except (SettingsError, SourceError, CascadeError, WeightsError) as error:
        raise StartError(str(error)) from error


def _build(settings: Settings) -> "Flask":
    import cv2
    import torch

    from camera import Camera
    from demo import DemoSource
    from detector import LiveFaceDetector
    from model import EmotionClassifier
    from pipeline import Pipeline
    from samples import Samples
    from sources import check_source, open_source
    from tracker import Tracker
    from web import make_site

    # One thread each: the steps run beside each other, and more threads make both slower.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    check_source(settings.source)
    classifier = EmotionClassifier.load(settings.weights)
    detector = LiveFaceDetector(settings.cascade, settings.min_face_px)
    pipeline = Pipeline(detector, classifier, Tracker(settings.smoothing_s), settings.jpeg_quality)
    samples_folder = ROOT / "static" / "samples"
    camera = Camera(
        settings.source,
        partial(
            open_source,
            settings.source,
            (settings.camera_width_px, settings.camera_height_px),
            partial(DemoSource, samples_folder),
        ),
        pipeline.process,
        idle_s=settings.idle_s,
        stall_s=settings.stall_s,
    )
    site = make_site(camera, Samples(samples_folder, classifier))
    site.extensions["camera"] = camera
    return site


def camera_of(site: "Flask") -> "Camera":
    """Return the camera behind a site, for the server that has to close it."""
    camera: Camera = site.extensions["camera"]
    return camera


def __getattr__(name: str) -> Any:
    """Make `app` when gunicorn asks for it: nothing runs at import."""
    if name != "app":
        raise AttributeError(name)
    try:
        return create_app()
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(GUNICORN_HALTS_ON)


def main(argv: Sequence[str] | None = None) -> int:
    """Read the settings, serve until a signal ends it, and return the exit code."""
    try:
        settings = read_settings(sys.argv[1:] if argv is None else argv)
        _check_address(settings.host, settings.port)
    except (SettingsError, StartError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    os.environ.update(settings.to_environment())
    try:
        from gunicorn.app.wsgiapp import WSGIApplication
    except ImportError:  # Windows
        return _serve_with_werkzeug(settings)
    sys.argv = ["gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "--pythonpath", str(ROOT), "main:app"]
    WSGIApplication("%(prog)s [OPTIONS]").run()
    return 0


def _check_address(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror:
            raise StartError(f"{host} is not an address of this machine") from None
        except OSError as error:
            raise StartError(f"cannot serve on {host} port {port}: {error.strerror}") from None


def _serve_with_werkzeug(settings: Settings) -> int:
    from werkzeug.serving import make_server

    try:
        site = create_app(settings)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    server = make_server(settings.host, settings.port, site, threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]  # a viewer must not keep the program alive
    print(f"Live on http://{settings.host}:{settings.port} (Ctrl-C ends it)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        camera_of(site).close()
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
