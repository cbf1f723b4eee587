"""What lies in the repository works together: weights, cascade, sample faces."""

import numpy as np

from emotions import EMOTIONS
from main import SAMPLES
from model import EmotionClassifier
from samples import Samples
from settings import Settings

WEIGHTS = Settings().weights


def test_the_shipped_weights_say_what_they_are_and_how_good() -> None:
    card = EmotionClassifier.load(WEIGHTS).card
    assert card.classes == EMOTIONS
    assert card.training["faces"] == 28_709
    assert len(card.data_sha256) == 64
    assert card.metrics["PublicTest accuracy"] > 0.6


def test_the_shipped_network_reads_most_sample_faces_as_they_are_labelled() -> None:
    samples = Samples(SAMPLES, EmotionClassifier.load(WEIGHTS))
    read = [(emotion, sample.reading()[0][0]) for emotion in EMOTIONS for sample in samples.of(emotion)]
    assert len(read) >= 8 * len(EMOTIONS)
    assert np.mean([emotion == best for emotion, best in read]) > 0.6


def test_the_network_makes_up_its_mind_about_a_flat_picture_without_a_warning() -> None:
    probs = EmotionClassifier.load(WEIGHTS).predict(
        np.full((60, 60), 127, dtype=np.uint8), np.array([[0, 0, 60, 60]])
    )
    assert np.isfinite(probs).all()
