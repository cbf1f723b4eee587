"""The repository's own weights, cascade and sample faces work together."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from app import SAMPLES
from model import EmotionClassifier
from nn.model_card import ModelCard
from settings import ROOT, Settings
from vision.emotions import EMOTIONS
from vision.samples import Samples, read_face

WEIGHTS = Path(Settings().weights)


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return EmotionClassifier.load(WEIGHTS).card


def test_the_shipped_weights_have_a_card_with_their_figures(card: ModelCard) -> None:
    assert card.classes == EMOTIONS
    assert card.network_options == {"fused": True, "depths": [3, 3, 4, 3]}
    assert 28_000 < card.training["faces"] <= 28_709
    assert len(card.data_sha256) == 64
    assert card.metrics["clean PublicTest accuracy, fer2013"] > 0.69
    assert card.metrics["clean PublicTest balanced accuracy against the FER+ majority, shipped"] > 0.82
    assert card.metrics["calibration error, cross-fitted"] < 0.065
    assert card.calibration.temperature != 1


def test_the_shipped_weights_are_small() -> None:
    assert WEIGHTS.stat().st_size < 5e6


@pytest.mark.parametrize("page", ["README.md", "weights/README.md"])
@pytest.mark.parametrize("figure", ["PublicTest accuracy, fer2013", "clean PublicTest accuracy, shipped"])
def test_the_docs_give_the_shipped_weights_figures(card: ModelCard, page: str, figure: str) -> None:
    assert f"{card.metrics[figure] * 100:.1f}" in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.server
def test_the_shipped_network_reads_every_portrait_as_it_is_meant() -> None:
    samples = Samples(SAMPLES, lambda: EmotionClassifier.load(WEIGHTS).predict)
    read = [(emotion, sample.reading()[0][0]) for emotion in EMOTIONS for sample in samples.of(emotion)]
    assert len(read) >= 5 * len(EMOTIONS)
    assert [pair for pair in read if pair[0] != pair[1]] == []


def test_the_network_makes_up_its_mind_about_a_flat_picture_without_a_warning() -> None:
    probs = EmotionClassifier.load(WEIGHTS).predict(
        np.full((60, 60), 127, dtype=np.uint8), np.array([[0, 0, 60, 60]])
    )
    assert np.isfinite(probs).all()


@pytest.mark.server
def test_the_network_needs_the_places_that_the_heat_map_shows() -> None:
    classifier = EmotionClassifier.load(WEIGHTS)
    changes = []
    for path in sorted(SAMPLES.glob("*/0[1-3].jpg")):
        gray = cv2.resize(read_face(path), (48, 48)).astype(np.uint8)
        whole = np.array([[0, 0, 48, 48]])
        probs, maps = classifier.explain(gray, whole)
        best = int(probs[0].argmax())
        rows, columns = np.unravel_index(np.argsort(maps[0, best].ravel()), (6, 6))
        left = []
        for order in (slice(-6, None), slice(6)):  # the six hottest squares of 36, the six coldest
            hidden = gray.copy()
            for row, column in zip(rows[order], columns[order], strict=True):
                hidden[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] = gray.mean()
            left.append(classifier.predict(hidden, whole)[0, best])
        changes.append(left[0] - left[1])
    assert np.mean(np.array(changes) < 0) > 0.7
    assert np.mean(changes) < -0.05
