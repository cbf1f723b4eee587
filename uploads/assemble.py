"""Builds the readers of files from the settings: for the site, its worker process and the command line."""

from collections.abc import Callable
from functools import partial

from model import EmotionClassifier
from nn.model_card import NetworkSpec
from settings import Settings, SettingsError
from uploads.recognizer import Recognizer
from vision.detectors import Detectors
from vision.live_classifier import LiveClassifier
from vision.live_detector import LiveDetector
from vision.overlay import View
from vision.pipeline import Pipeline
from vision.search import RegularSearch
from vision.tracker import Tracker

VIDEO_SEARCH_EVERY = 6  # frames: about as often as the live search


def load_classifier(settings: Settings) -> EmotionClassifier:
    """Return the classifier with the weights of these settings; raises WeightsError, SettingsError."""
    return EmotionClassifier.load(
        settings.weights, engine=settings.engine, device=settings.device, spec=network_spec(settings)
    )


def network_spec(settings: Settings) -> NetworkSpec | None:
    """Return the description of somebody else's checkpoint, None for weights of this project; SettingsError."""
    try:
        return NetworkSpec.parse(
            settings.network, settings.classes, settings.normalisation, settings.input_side_px
        )
    except ValueError as error:
        raise SettingsError(str(error)) from None


def make_tracker(settings: Settings) -> Tracker:
    """Return a tracker with the smoothing and the threshold of these settings."""
    return Tracker(settings.smoothing_s, settings.unsure_below)


def make_recognizer(
    settings: Settings, classifier: EmotionClassifier, detectors: Detectors, threads: int = 2
) -> Recognizer:
    """Return the recognizer of still pictures with so many threads; raises CascadeError. Close it."""
    return Recognizer(detectors.picture, classifier, settings.unsure_below, threads)


def make_video_pipeline(settings: Settings, classifier: EmotionClassifier, detectors: Detectors) -> Pipeline:
    """Return the pipeline of one video file; raises CascadeError. Close it.

    Nothing in it runs in the background, so the same video gives the same results each time.
    """
    detector = detectors.video()  # one for both, as they run in one thread
    return Pipeline(
        LiveDetector(detector, RegularSearch(detector, VIDEO_SEARCH_EVERY)),
        LiveClassifier(classifier.predict, in_background=False),
        make_tracker(settings),
        settings.jpeg_quality,
        View(blur=settings.blur),
        only_seen=True,
    )


def make_readers(settings: Settings) -> tuple[Recognizer, Callable[[], Pipeline]]:
    """Return the recognizer of pictures and the maker of video pipelines; raises WeightsError, CascadeError.

    Both share one classifier and the detectors' networks. Close the recognizer.
    """
    classifier, detectors = load_classifier(settings), Detectors.load(settings)
    make_pipeline = partial(make_video_pipeline, settings, classifier, detectors)
    return make_recognizer(settings, classifier, detectors), make_pipeline
