"""The composition root: settings -> camera -> site, everything owned by one Lifetime.

    source -> Camera -> Latest[AnnotatedFrame] -> Variants -> Sender -> viewers
                |                |
             Pipeline         Recorder -> History, CameraOutputs -> OSC, MQTT, LSL

Whatever is built here is closed by `server.lifetime.close_site`, the part built last first.
"""

import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from flask import Flask

from camera import Camera
from model import EmotionClassifier
from nn.engines import load_torch
from outputs.assemble import make_outputs
from outputs.camera_outputs import CameraOutputs
from recording.history import History
from recording.markers import Marker
from recording.recorder import Recorder
from relay.cameras import Cameras, Recorders
from relay.control import ControlServer
from relay.protocol import connect
from relay.publisher import Publisher
from server.lifetime import EXTENSION, Lifetime
from settings import ROOT, VERSION, Settings, StartError, read_settings
from sources.base import SourceError
from sources.demo import DemoSource
from sources.opener import SourceOpener, check_source, source_name
from streaming.audience import Audience
from streaming.browser_cameras import BrowserCameras
from streaming.sender import Sender
from streaming.variants import Variants, encode_variant
from uploads.assemble import (
    load_classifier,
    make_recognizer,
    make_tracker,
    make_video_pipeline,
    network_spec,
)
from uploads.explainer import PictureExplainer
from uploads.jobs import Jobs
from uploads.results import Results
from uploads.worker_process import WorkerProcess, worker_environment
from vision.background import limit_threads
from vision.controls import Controls
from vision.detectors import Detectors
from vision.live_classifier import LiveClassifier
from vision.live_detector import LiveDetector
from vision.overlay import View
from vision.pipeline import Pipeline
from vision.samples import Samples, load_samples
from vision.search import BackgroundSearch, SearchOnDemand
from web.api import api_pages
from web.browser_cameras import browser_camera_pages
from web.credentials import Credentials
from web.explain import explain_pages
from web.history import history_pages
from web.limits import UploadLimiter
from web.logins import SharedFailedLogins
from web.metrics import BrowserCameraCollector, OutputCollector, RecorderCollector
from web.security import Access
from web.shown import ShownCamera
from web.site import believe_proxy, make_site, make_wall
from web.uploads import upload_pages

if TYPE_CHECKING:  # PyTorch costs the site 1.4 s, and is needed only once a picture is explained
    from torch import nn

SAMPLES = ROOT / "static" / "samples"
RESULTS = ROOT / "instance" / "jobs"
MAX_PICTURES_IN_MEMORY = 8  # at once, of up to 50 MB


def create_app(settings: Settings | None = None) -> Flask:
    """Return the site for these settings, by default those of the FER_* variables.

    The first viewer opens the camera behind it.

    Args:
        settings: What the site shows and to whom.

    Returns:
        The site; the server that runs it must call `close_site` at its end.

    Raises:
        StartError: A setting, a file or the source cannot be used; the message is one sentence.
    """
    settings = settings or read_settings()
    if settings.role == "camera":
        raise StartError("--role camera serves no site: start it with `python main.py camera`")
    limit_threads()
    lifetime = Lifetime()
    try:
        make = make_web_host if settings.role == "web" else make_camera_site
        site = make(settings, lifetime)
    except Exception:
        lifetime.close()
        raise
    site.extensions[EXTENSION] = lifetime
    if settings.proxied_as:
        believe_proxy(site)
    return site


def make_camera_site(settings: Settings, lifetime: Lifetime) -> Flask:
    """Return the site of one camera, which this process owns; raises StartError."""
    credentials = Credentials.read(settings.auth, settings.token)
    history = lifetime.own(History.open(settings.database_url))
    classifier, detectors = load_classifier(settings), Detectors.load(settings)
    pipeline = lifetime.own(make_live_pipeline(settings, classifier, detectors))
    camera = lifetime.own(make_camera(settings, pipeline))
    outputs = lifetime.own(make_outputs(settings, camera))
    setup = partial(describe_setup, settings, classifier, pipeline)
    recorder = lifetime.own(make_recorder(settings, camera, history, setup, outputs))
    encode = partial(encode_variant, default_quality=settings.jpeg_quality)
    variants = lifetime.own(Variants(camera.annotated, encode))
    jobs = lifetime.own(make_jobs(settings, classifier, detectors))
    browser_cameras = lifetime.own(make_browser_cameras(settings, classifier, detectors))
    sender = lifetime.own(Sender())  # last, so it is closed first: the viewers go before what they watch
    audience = Audience(camera, variants, sender, settings.max_viewers)
    in_memory = UploadLimiter(MAX_PICTURES_IN_MEMORY)
    explainer = lifetime.own(make_explainer(settings, classifier, detectors))
    pages = [
        history_pages(history, recorder),
        explain_pages(explainer, in_memory, camera.find_face, results=jobs.results),
        upload_pages(jobs, UploadLimiter(), settings.max_upload_mb, load_samples(SAMPLES), explainer.warm_up),
        api_pages(jobs, in_memory),
    ]
    if settings.max_browser_cameras:
        pages.append(browser_camera_pages(browser_cameras))
    controls = make_controls(settings, pipeline, recorder)
    site = make_site(
        ShownCamera(camera, audience, controls, recorder, settings.name, outputs.status),
        Samples(SAMPLES, lambda: classifier.predict),
        Access(settings.answers_to, credentials, settings.embedders, public=settings.public),
        pages,
        [BrowserCameraCollector(browser_cameras), RecorderCollector(recorder), OutputCollector(outputs)],
        card=find_card(settings),
    )
    if settings.record:
        recorder.start()
    outputs.start()
    return site


def make_web_host(settings: Settings, lifetime: Lifetime) -> Flask:
    """Return the site of a web host, which shows what camera processes publish; raises StartError."""
    credentials = Credentials.read(settings.auth, settings.token)
    history = lifetime.own(History.open(settings.database_url))
    redis = connect(settings.redis_url)
    cameras = lifetime.own(
        Cameras(redis, Sender(), settings.max_viewers, settings.jpeg_quality, settings.open_controls)
    )
    samples = Samples(SAMPLES, lambda: load_classifier(settings).predict)
    failed_logins = SharedFailedLogins(redis)
    access = Access(settings.answers_to, credentials, settings.embedders, failed_logins, settings.public)
    pages = [history_pages(history, Recorders(cameras))]
    return make_wall(cameras, samples, access, pages, card=find_card(settings))


def find_card(settings: Settings) -> Path | None:
    """Return the model card of the weights that ship; None for other weights."""
    shipped = Path(Settings().weights)
    return shipped.with_name("README.md") if Path(settings.weights) == shipped else None


def make_publisher(settings: Settings, lifetime: Lifetime) -> Publisher:
    """Return what publishes the camera of these settings through Redis; raises StartError."""
    limit_threads()
    redis = connect(settings.redis_url)
    history = lifetime.own(History.open(settings.database_url))
    classifier, detectors = load_classifier(settings), Detectors.load(settings)
    pipeline = lifetime.own(make_live_pipeline(settings, classifier, detectors))
    camera = lifetime.own(make_camera(settings, pipeline))
    outputs = lifetime.own(make_outputs(settings, camera))
    setup = partial(describe_setup, settings, classifier, pipeline)
    recorder = lifetime.own(make_recorder(settings, camera, history, setup, outputs, f"{settings.name}: "))
    controls = make_controls(settings, pipeline, recorder)
    control = ControlServer(controls, recorder, outputs, settings.record)
    return Publisher(camera, control, redis, settings.name)


def make_camera(settings: Settings, pipeline: Pipeline) -> Camera:
    """Return the camera of these settings, not yet opened; raises StartError."""
    try:
        check_source(settings.source)
    except SourceError as error:
        raise StartError(str(error)) from error
    size_px = (settings.camera_width_px, settings.camera_height_px)
    opener = SourceOpener(settings.source, size_px, partial(DemoSource, SAMPLES))
    return Camera(
        source_name(settings.source), opener, pipeline.process, idle_s=settings.idle_s, stall_s=settings.stall_s
    )


def make_live_pipeline(settings: Settings, classifier: EmotionClassifier, detectors: Detectors) -> Pipeline:
    """Return the pipeline of a camera, which searches and reads in the background; raises StartError."""
    return Pipeline(
        # two detectors: one is not for two threads at once
        LiveDetector(detectors.live(), BackgroundSearch(detectors.live())),
        LiveClassifier(classifier.predict),
        make_tracker(settings),
        settings.jpeg_quality,
        View(count=True, blur=settings.blur),
        classifier.explain if classifier.has_live_maps else None,
    )


def make_recorder(
    settings: Settings,
    camera: Camera,
    history: History,
    describe_setup: Callable[[], str],
    outputs: CameraOutputs,
    prefix: str = "",
) -> Recorder:
    """Return the recorder of a camera, which sends markers to the outputs; prefix is as in Recorder."""
    return Recorder(
        camera,
        history,
        settings.keep_days,
        settings.open_controls,
        prefix,
        describe_setup=describe_setup,
        on_marker=partial(send_marker, outputs),
    )


def send_marker(outputs: CameraOutputs, marker: Marker) -> None:
    """Send a marker of the recording to the outputs, with its moment."""
    outputs.marker(marker.label, marker.at_unix_ms / 1000)


def describe_setup(settings: Settings, classifier: EmotionClassifier, pipeline: Pipeline) -> str:
    """Return what records now, as JSON for the description of a recording: program, network and settings."""
    card = classifier.card
    versions = {"python": platform.python_version(), "opencv": cv2.__version__, "numpy": np.__version__}
    return json.dumps(
        {
            "Program": VERSION,
            "Network": card.network,
            "Weights": Path(settings.weights).name,
            "Output": classifier.output,
            "InputSide": card.input_side,
            "Normalisation": card.normalisation,
            "Calibration": asdict(card.calibration),
            "TrainingData": card.data_sha256,
            "Metrics": card.metrics,
            "Detector": settings.detector,
            "MinFacePx": settings.min_face_px,
            "SmoothingS": pipeline.tracker.smoothing_s,
            "UnsureBelow": pipeline.tracker.unsure_below,
            "Versions": versions,
        }
    )


def make_controls(settings: Settings, pipeline: Pipeline, recorder: Recorder) -> Controls:
    """Return what the pages may change in the pipeline; a reset begins a new session of the recorder."""
    fixed = [name for name, stays in (("blur", settings.blur), ("heat", pipeline.explain is None)) if stays]
    return Controls(pipeline, fixed, settings.open_controls, on_reset=recorder.renew)


def make_browser_cameras(
    settings: Settings, classifier: EmotionClassifier, detectors: Detectors
) -> BrowserCameras:
    """Return the readers of visitors' own cameras; raises StartError."""
    shared = detectors.live()  # one for all: their frames are read in one thread

    def make_live_detector() -> tuple[LiveDetector, SearchOnDemand]:
        search = SearchOnDemand(shared)
        return LiveDetector(shared, search), search

    return BrowserCameras(
        classifier.predict_each,
        make_live_detector,
        partial(make_tracker, settings),
        settings.max_browser_cameras,
        explain=classifier.explain if classifier.has_live_maps else None,
    )


def make_jobs(settings: Settings, classifier: EmotionClassifier, detectors: Detectors) -> Jobs:
    """Return the reader of uploads, its thread started; raises StartError."""
    # Windows hands no open files to another process, so there the thread reads by itself
    worker = WorkerProcess(worker_environment(settings)) if os.name == "posix" else None
    return Jobs(
        Results(RESULTS),
        make_recognizer(settings, classifier, detectors, threads=1),  # the camera needs the other core
        partial(make_video_pipeline, settings, classifier, detectors),
        settings.jpeg_quality,
        settings.blur,
        worker,
    )


def make_explainer(settings: Settings, classifier: EmotionClassifier, detectors: Detectors) -> PictureExplainer:
    """Return the explainer of single pictures, with a detector of its own; raises StartError."""
    weights, spec = Path(settings.weights), network_spec(settings)

    def load_net() -> "nn.Module":
        net: nn.Module = load_torch(weights, spec=spec)[0].net
        return net

    return PictureExplainer(detectors.picture(), classifier, load_net, SAMPLES)
