"""Start here: `python main.py` serves the site; `gunicorn main:app` does the same with gunicorn's own flags.

Settings -> camera -> site -> server, closed in the opposite order.
"""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logs import LogWriter
from settings import ROOT, Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from flask import Flask

    from camera import Camera
    from classifier import Classifier
    from explain import PictureExplainer
    from mirrors import Mirrors
    from model import EmotionClassifier
    from pipeline import Explainer, Pipeline
    from uploads.jobs import Jobs
    from uploads.recognizer import Recognizer

SAMPLES = ROOT / "static" / "samples"
RESULTS = ROOT / "instance" / "jobs"
PICTURES_IN_MEMORY = 8  # at once, of up to 50 MB
VIDEO_SEARCH_EVERY = 6  # frames: about what the live search has time for
GUNICORN_HALTS_ON = 4  # a worker that leaves with this code is not started again


class StartError(Exception):
    """The program cannot start; the message says why, in one sentence."""


@contextmanager
def starting() -> Iterator[None]:
    """Turn what can be wrong with a file that the program needs into a StartError."""
    from card import WeightsError
    from detector import CascadeError

    try:
        yield
    except (CascadeError, WeightsError) as error:
        raise StartError(str(error)) from error
    except OSError as error:
        raise StartError(f"cannot read {error.filename}: {error.strerror}") from error


def make_classifier(settings: Settings) -> "EmotionClassifier":
    """Return the classifier with the weights of these settings; raises StartError."""
    # imported here, so that gunicorn's main process and --help stay small and quick
    from model import EmotionClassifier

    with starting():
        return EmotionClassifier.load(settings.weights, engine=settings.engine)


def make_pipeline(
    settings: Settings, classifier: "Classifier", explainer: "Explainer | None" = None, live: bool = True
) -> "Pipeline":
    """Return the pipeline of a camera, its heat maps made by the explainer; raises StartError.

    One that is not live, for a video file, does nothing in the background, so it sees the same each time.
    """
    import cv2

    from classifier import LiveClassifier
    from detector import LiveFaceDetector
    from overlay import View
    from pipeline import Pipeline
    from tracker import Tracker

    cv2.setNumThreads(1)
    # By default a thread in the background may keep a frame waiting for 5 ms. With much less than 2, a hundred
    # threads that wake together do nothing but hand over to each other.
    sys.setswitchinterval(0.002)
    with starting():
        every = 0 if live else VIDEO_SEARCH_EVERY
        detector = LiveFaceDetector(settings.cascade, settings.min_face_px, every)
    tracker = Tracker(settings.smoothing_s, settings.unsure_below)
    view = View(blur=settings.blur)
    reader = LiveClassifier(classifier, in_background=live)
    return Pipeline(detector, reader, tracker, settings.jpeg_quality, view, explainer)


def make_explainer(settings: Settings, classifier: "EmotionClassifier") -> "PictureExplainer":
    """Return what explains single pictures, with a detector of its own; raises StartError."""
    from detector import FaceDetector
    from engines import load_torch
    from explain import PictureExplainer

    with starting():
        detector = FaceDetector(settings.cascade, settings.min_face_px)
    return PictureExplainer(detector, classifier, lambda: load_torch(Path(settings.weights))[0].net, SAMPLES)


def make_recognizer(settings: Settings, classifier: "EmotionClassifier", threads: int = 2) -> "Recognizer":
    """Return what reads still pictures for these settings, in so many threads; raises StartError. Close it."""
    import cv2

    from detector import FaceDetector
    from uploads.recognizer import Recognizer

    cv2.setNumThreads(1)
    make_detector = partial(FaceDetector, settings.cascade, settings.min_face_px)
    with starting():
        return Recognizer(make_detector, classifier, settings.unsure_below, threads)


def make_jobs(settings: Settings, classifier: "EmotionClassifier") -> "Jobs":
    """Return what reads uploads, its thread started; raises StartError. Close it."""
    from uploads.apart import ReaderProcess
    from uploads.jobs import Jobs
    from uploads.results import Results

    recognizer = make_recognizer(settings, classifier, threads=1)  # the camera needs the others
    make = partial(make_pipeline, settings, classifier, live=False)
    # Windows hands no open files on
    apart = ReaderProcess(settings.to_environment()) if os.name == "posix" else None
    return Jobs(Results(RESULTS), recognizer, make, settings.jpeg_quality, settings.blur, apart)


def make_mirrors(settings: Settings, classifier: "EmotionClassifier") -> "Mirrors":
    """Return the mirrors for visitors' own cameras; raises StartError."""
    from detector import FaceDetector, LiveFaceDetector, SearchOnDemand
    from mirrors import Mirrors
    from tracker import Tracker

    with starting():
        whole = FaceDetector(settings.cascade, settings.min_face_px)  # one for all: they share a thread

    def make_detector() -> tuple[LiveFaceDetector, SearchOnDemand]:
        search = SearchOnDemand(whole)
        return LiveFaceDetector(settings.cascade, settings.min_face_px, search=search), search

    make_tracker = partial(Tracker, settings.smoothing_s, settings.unsure_below)
    return Mirrors(classifier, make_detector, make_tracker, settings.max_mirrors)


def make_camera(settings: Settings, pipeline: "Pipeline") -> "Camera":
    """Return the camera for these settings, not yet opened; raises StartError."""
    from camera import Camera
    from demo import DemoSource
    from sources import SourceError, SourceOpener, check_source, source_name

    try:
        check_source(settings.source)
    except SourceError as error:
        raise StartError(str(error)) from error
    size_px = (settings.camera_width_px, settings.camera_height_px)
    opener = SourceOpener(settings.source, size_px, partial(DemoSource, SAMPLES))
    return Camera(
        source_name(settings.source), opener, pipeline.process, idle_s=settings.idle_s, stall_s=settings.stall_s
    )


def create_app(settings: Settings | None = None) -> "Flask":
    """Return the site for these settings, by default those in the FER_* variables; raises StartError.

    The camera behind it is opened by its first viewer; whoever serves the site has to close it (close_site).
    """
    try:
        settings = settings or read_settings()
    except SettingsError as error:
        raise StartError(str(error)) from error
    if settings.role == "camera":
        raise StartError("--role camera serves no site: start it with `python main.py camera`")
    site = make_wall_site(settings) if settings.role == "web" else make_camera_site(settings)
    if settings.proxied_as:
        from web import believe_proxy

        believe_proxy(site)
    return site


def make_wall_site(settings: Settings) -> "Flask":
    """Return the site of a web host, which shows what camera processes publish; raises StartError."""
    from recording.database import UrlError
    from recording.history import History
    from relay.cameras import Cameras, Published, Recorders
    from relay.wire import connect
    from samples import Samples
    from sender import Sender
    from web import make_site, make_wall
    from web.guard import Secret, SecretError
    from web.history import history_pages

    try:
        secret = Secret.read(settings.auth, settings.token)
        history = History(settings.database_url)
        redis = connect(settings.redis_url)
    except (SecretError, UrlError, ValueError) as error:
        raise StartError(str(error)) from error
    cameras = Cameras(redis, Sender(), settings.max_viewers, settings.jpeg_quality, settings.open_controls)
    samples = Samples(SAMPLES, partial(make_classifier, settings))
    pages = [history_pages(history, Recorders(cameras))]

    def make_site_of(found: Published) -> "Flask":
        who = found.camera, samples, found.audience
        return make_site(*who, settings.answers_to, secret, pages, found.controls, found.recorder)

    site = make_wall(cameras, settings.answers_to, make_site_of, secret, pages)

    def close() -> bool:
        cameras.close()
        history.close()
        return True

    site.extensions["close"] = close
    return site


def make_camera_site(settings: Settings) -> "Flask":
    """Return the site of one camera, which this process owns; raises StartError."""
    from audience import Audience
    from controls import Controls
    from metrics import MirrorCollector, RecorderCollector
    from pipeline import encode_variant
    from recording.database import UrlError
    from recording.history import History
    from recording.recorder import Recorder
    from samples import Samples
    from sender import Sender
    from variants import Variants
    from web import make_site
    from web.api import api_pages
    from web.cameras import OnlyCamera, cameras_pages
    from web.explain import explain_pages
    from web.guard import Secret, SecretError
    from web.history import history_pages
    from web.media import media_pages
    from web.mirror import mirror_pages
    from web.uploads import Gate

    try:
        secret = Secret.read(settings.auth, settings.token)
        history = History(settings.database_url)
    except (SecretError, UrlError) as error:
        raise StartError(str(error)) from error
    classifier = make_classifier(settings)
    pipeline = make_pipeline(settings, classifier, explainer=classifier)
    camera = make_camera(settings, pipeline)
    encode = partial(encode_variant, default_quality=settings.jpeg_quality)
    variants, sender = Variants(camera.annotated, encode), Sender()
    audience = Audience(camera, variants, sender, settings.max_viewers)
    recorder = Recorder(camera, history, settings.keep_days, settings.open_controls)
    fixed = ("blur",) if settings.blur else ()
    controls = Controls(pipeline, fixed, settings.open_controls, on_reset=recorder.renew)
    explainer = make_explainer(settings, classifier)
    jobs, gate, in_memory = make_jobs(settings, classifier), Gate(), Gate(PICTURES_IN_MEMORY)
    pages = [
        history_pages(history, recorder),
        explain_pages(explainer, in_memory),
        media_pages(jobs, gate, settings.max_upload_mb),
        api_pages(jobs, in_memory),
        cameras_pages(OnlyCamera(settings.name, camera, audience)),
    ]
    mirrors = make_mirrors(settings, classifier)
    if settings.max_mirrors:
        pages.append(mirror_pages(mirrors))
    figures = [MirrorCollector(mirrors), RecorderCollector(recorder)]
    samples = Samples(SAMPLES, lambda: classifier)
    who = camera, samples, audience
    site = make_site(*who, settings.answers_to, secret, pages, controls, recorder, figures)

    def close() -> bool:
        for part in (sender, mirrors, jobs, variants):
            part.close()
        written = recorder.close()
        history.close()
        ended = camera.close()
        pipeline.close()
        return written and ended

    site.extensions["close"] = close
    if settings.record:
        recorder.start()
    return site


def close_site(site: "Flask") -> bool:
    """Let every viewer go and join every thread; False if a device still holds one (leave by os._exit)."""
    ended: bool = site.extensions["close"]()
    return ended


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
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if settings.role == "camera":
        return publish(settings)
    os.environ.update(settings.to_environment())
    try:
        from gunicorn.app.wsgiapp import WSGIApplication
    except ImportError:  # Windows
        return _serve_with_werkzeug(settings)
    sys.argv = ["gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "--pythonpath", str(ROOT), "main:app"]
    WSGIApplication("%(prog)s [OPTIONS]").run()
    return 0


def publish(settings: Settings) -> int:
    """Publish the camera of these settings until a signal ends it, and return the exit code."""
    from controls import Controls
    from recording.database import UrlError
    from recording.history import History
    from recording.recorder import Recorder
    from relay.desk import Desk
    from relay.publisher import Publisher
    from relay.wire import connect

    try:
        redis, history = connect(settings.redis_url), History(settings.database_url)
        classifier = make_classifier(settings)
        pipeline = make_pipeline(settings, classifier, explainer=classifier)
        camera = make_camera(settings, pipeline)
    except (StartError, UrlError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    recorder = Recorder(camera, history, settings.keep_days, place=settings.name)
    controls = Controls(pipeline, ("blur",) if settings.blur else (), on_reset=recorder.renew)
    publisher = Publisher(camera, Desk(controls, recorder, settings.record), redis, settings.name)
    writer = LogWriter(settings.log_level)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    print(f"Publishing {settings.name} (Ctrl-C ends it)", flush=True)
    publisher.run(ended)
    let_go = recorder.close()
    history.close()
    let_go = camera.close() and let_go
    pipeline.close()
    writer.close()
    if not let_go:
        os._exit(0)  # a thread still inside OpenCV would abort the interpreter on its way out
    return 0


def check_address(host: str, port: int) -> None:
    """Raise StartError if nothing can be served on that address."""
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
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        def version_string(self) -> str:
            return "werkzeug"  # its version is nobody's business

    try:
        check_address(settings.host, settings.port)
        site = create_app(settings)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    log = LogWriter(settings.log_level)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a page asks for the state every second
    server = make_server(settings.host, settings.port, site, threaded=True, request_handler=Handler)
    print(f"Live on http://{settings.host}:{settings.port} (Ctrl-C ends it)", flush=True)
    server.serve_forever()  # until Ctrl-C
    ended = close_site(site)
    log.close()
    if not ended:
        os._exit(0)  # a thread still inside OpenCV would abort the interpreter on its way out
    return 0


if __name__ == "__main__":
    sys.exit(main())
