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
SMALL = WEIGHTS.with_name("emotion-small.safetensors")


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


def test_the_smaller_network_has_a_card_with_its_figures() -> None:
    card = EmotionClassifier.load(SMALL).card
    assert card.network_options == {"fused": True}
    assert card.metrics["clean PublicTest accuracy, fer2013"] > 0.685
    assert card.metrics["clean PublicTest balanced accuracy against the FER+ majority, shipped"] > 0.82


@pytest.mark.parametrize("weights", [WEIGHTS, SMALL])
def test_the_shipped_weights_are_small(weights: Path) -> None:
    assert weights.stat().st_size < 5e6


@pytest.mark.parametrize("weights", [WEIGHTS, SMALL])
def test_the_shipped_exports_answer_as_their_weights_do(weights: Path) -> None:
    faces = np.stack([cv2.resize(read_face(path), (48, 48)) for path in sorted(SAMPLES.glob("*/01.jpg"))])
    answers = [
        EmotionClassifier.load(weights, engine=engine).explain_crops(faces.astype(np.uint8))
        for engine in ("onnx", "torch")
    ]
    for by_onnx, by_torch in zip(*answers, strict=True):
        assert np.allclose(by_onnx, by_torch, atol=1e-4)


@pytest.mark.parametrize("weights", [WEIGHTS, SMALL])
@pytest.mark.parametrize("page", ["docs/benchmarks.md", "weights/README.md"])
@pytest.mark.parametrize("figure", ["PublicTest accuracy, fer2013", "clean PublicTest accuracy, shipped"])
def test_the_docs_give_the_shipped_weights_figures(weights: Path, page: str, figure: str) -> None:
    metrics = EmotionClassifier.load(weights).card.metrics
    assert f"{metrics[figure] * 100:.1f}" in (ROOT / page).read_text(encoding="utf-8")


def test_the_readme_gives_the_shipped_accuracy() -> None:
    accuracy = EmotionClassifier.load(WEIGHTS).card.metrics["PublicTest accuracy, shipped"]
    assert f"names {accuracy * 100:.1f} % of" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.server
@pytest.mark.parametrize(("weights", "at_least"), [(WEIGHTS, 1.0), (SMALL, 0.8)])
def test_the_shipped_networks_read_the_portraits_as_they_are_meant(weights: Path, at_least: float) -> None:
    samples = Samples(SAMPLES, lambda: EmotionClassifier.load(weights).predict)
    read = [(emotion, sample.reading()[0][0]) for emotion in EMOTIONS for sample in samples.of(emotion)]
    assert len(read) >= 5 * len(EMOTIONS)
    assert np.mean([emotion == best for emotion, best in read]) >= at_least


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
