"""From a trained network to the shipped one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from model import EmotionClassifier, to_probabilities
from nn.checkpoint import read_weights, save_weights
from nn.emotion_net import FERPLUS, EmotionNet
from nn.engines import load_onnx
from nn.model_card import Calibration, ModelCard
from tests.fakes.fer2013 import write_fer2013
from tests.fakes.nets import lively
from training.calibrate import (
    ENOUGH_ACCURACY,
    choose_calibration,
    cross_fitted_error,
    fit_temperature,
    majority_accuracy,
    majority_of,
    shift_of,
)
from training.data import Faces
from training.metrics import calibration_error
from training.ship import main, unweigh
from vision.emotions import EMOTIONS

pytestmark = pytest.mark.training

ANGRY, DISGUST, FEAR, HAPPY, SAD = range(5)
Logits = np.ndarray[tuple[int, int], np.dtype[np.float32]]


def test_the_shift_lifts_rare_labels_and_lowers_common_ones() -> None:
    shift = shift_of(np.array([10, 1, 10, 100, 10, 10, 10]), 0.4)
    assert sum(shift) == pytest.approx(0, abs=1e-3)
    assert shift[DISGUST] - shift[HAPPY] == pytest.approx(0.4 * np.log(100), abs=1e-3)


def faces_of(labels: NDArray[np.int64], votes: NDArray[np.int64] | None = None) -> Faces:
    """Black faces with these labels and votes (n, 10)."""
    images = np.zeros((len(labels), 48, 48), dtype=np.uint8)
    return Faces(images, labels, np.zeros((len(labels), 10), dtype=np.int64) if votes is None else votes)


def boasting(n: int = 4000) -> tuple[Logits, Faces]:
    """Logits three times as sure as they are right, and the faces."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(n, 15, generator=generator)
    labels = torch.multinomial(logits[:, :7].softmax(dim=1), 1, generator=generator).squeeze(1)
    return (logits * 3).numpy(), faces_of(labels.numpy())


def test_the_temperature_lowers_overconfidence() -> None:
    logits, faces = boasting()
    assert fit_temperature(logits, faces, Calibration()) == pytest.approx(3, rel=0.1)


def test_calibration_helps_on_faces_it_was_not_fitted_on() -> None:
    logits, faces = boasting()
    before = calibration_error(to_probabilities(logits, "shipped", Calibration()), faces.labels)
    assert cross_fitted_error(logits, faces, Calibration()) < before / 4


def test_the_votes_are_heard_where_they_are_better_than_the_labels_head() -> None:
    labels = np.arange(700, dtype=np.int64) % 7
    votes = np.eye(10, dtype=np.int64)[labels] * 10
    rng = np.random.default_rng(0)
    logits = np.zeros((700, 15), dtype=np.float32)
    logits[:, :7] = rng.normal(size=(700, 7)) + 0.5 * np.eye(7)[labels]  # a label head that hardly knows
    logits[:, 7:14] = 4 * np.eye(7)[labels]  # a FER+ head that knows
    faces = faces_of(labels, votes)
    chosen = choose_calibration(logits, faces, faces)
    assert chosen.ferplus_weight > 0
    probs = to_probabilities(logits, "shipped", chosen)
    alone = to_probabilities(logits, "fer2013", chosen)
    assert majority_accuracy(probs, faces) > majority_accuracy(alone, faces) + 0.1


def test_a_calibration_that_fails_on_the_labels_is_not_chosen() -> None:
    labels = np.arange(700, dtype=np.int64) % 7
    votes = np.eye(10, dtype=np.int64)[(labels + 1) % 7] * 10  # the voters saw something else everywhere
    logits = np.zeros((700, 15), dtype=np.float32)
    logits[:, :7] = 2 * np.eye(7)[labels]
    logits[:, 7:14] = 3 * np.eye(7)[(labels + 1) % 7]
    faces = faces_of(labels, votes)
    probs = to_probabilities(logits, "shipped", choose_calibration(logits, faces, faces))
    assert (probs.argmax(axis=1) == labels).mean() >= ENOUGH_ACCURACY


@pytest.mark.parametrize(("enough", "follows_votes"), [(0.95, False), (0.6, True)])
def test_what_is_enough_on_the_labels_decides_how_far_the_votes_are_followed(
    enough: float, follows_votes: bool
) -> None:
    labels = np.arange(700, dtype=np.int64) % 7
    seen = np.where(np.arange(700) < 200, (labels + 1) % 7, labels)  # the voters differ on two in seven faces
    logits = np.zeros((700, 15), dtype=np.float32)
    logits[:, :7] = 2 * np.eye(7)[labels]
    logits[:, 7:14] = 3 * np.eye(7)[seen]
    faces = faces_of(labels, np.eye(10, dtype=np.int64)[seen] * 10)
    probs = to_probabilities(logits, "shipped", choose_calibration(logits, faces, faces, enough))
    assert (majority_accuracy(probs, faces) > 0.99) == follows_votes


def test_without_votes_the_label_head_ships_alone() -> None:
    logits, faces = boasting(700)
    chosen = choose_calibration(logits, faces, faces)
    assert chosen.ferplus_weight == 0
    assert chosen.temperature == fit_temperature(logits, faces, chosen)


def test_contempt_is_no_majority_of_the_seven() -> None:
    votes = np.zeros((3, 10), dtype=np.int64)
    votes[0, FEAR], votes[1, FERPLUS.index("contempt")], votes[2, SAD] = 10, 10, 10
    clear, majority = majority_of(faces_of(np.zeros(3, dtype=np.int64), votes))
    assert clear.tolist() == [True, False, True]
    assert majority.tolist() == [FEAR, SAD]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Faces of noise in both splits; the first of PublicTest stands in Training too."""
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (42, 48 * 48))
    faces[28] = faces[0]
    splits = ["Training"] * 28 + ["PublicTest"] * 14
    rows = zip(np.arange(42) % 7, faces, splits, strict=True)
    return write_fer2013(tmp_path / "fer2013.csv", rows)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # torch's exporter's own
def test_shipping_fuses_calibrates_and_keeps_the_answers(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    form: dict[str, Any] = {"channels": [16, 32, 64, 128], "depths": [2, 1, 2, 1]}
    net = EmotionNet(dropout=0.1, **form)
    lively(net)
    trained, shipped = tmp_path / "trained.safetensors", tmp_path / "shipped.safetensors"
    save_weights(trained, net, ModelCard("emotion", {"dropout": 0.1} | form, metrics={"PublicTest loss": 0.5}))
    assert main([str(trained), "--data", str(data), "--out", str(shipped)]) == 0
    assert "calibration error, cross-fitted" in capsys.readouterr().out
    load_onnx(shipped)  # was written beside them
    tensors, card = read_weights(shipped)
    assert not any("wide" in name for name in tensors)
    assert card.network_options == {"fused": True} | form
    assert card.calibration.temperature != 1
    assert "PublicTest loss" not in card.metrics  # the run's figures are another network's
    assert 0 <= card.metrics["clean PublicTest accuracy, shipped"] <= 1
    gray, boxes = (
        np.random.default_rng(1).integers(0, 256, (60, 60), dtype=np.uint8),
        np.array([[0, 0, 60, 60]]),
    )
    before = EmotionClassifier.load(trained, "fer2013").predict(gray, boxes)
    after = EmotionClassifier.load(shipped, "fer2013").predict(gray, boxes)
    assert len(EMOTIONS) == before.shape[1]
    np.testing.assert_allclose(after, before, atol=0.02)


@torch.no_grad()
def test_label_weights_are_removed_from_the_bias() -> None:
    torch.manual_seed(0)
    net, faces = EmotionNet(fused=True).eval(), torch.rand(3, 1, 48, 48) * 255
    labels = np.array([0, 1, 2, 3, 4, 5] + [6] * 9)
    before = net(faces)
    shift = unweigh(net, labels, 0.5)(faces) - before
    assert shift[0, 6] - shift[0, 0] == pytest.approx(np.log(3), abs=1e-5)
    assert shift[0, 7:].abs().max() == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(unweigh(net, labels, 0.0)(faces), before + shift)


def test_shipped_weights_are_not_shipped_again(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shipped.safetensors"
    save_weights(path, EmotionNet(fused=True), ModelCard("emotion", {"fused": True}))
    assert main([str(path), "--data", str(data), "--out", str(tmp_path / "again.safetensors")]) == 2
    assert "with its branches" in capsys.readouterr().err
    assert not (tmp_path / "again.safetensors").exists()


@pytest.mark.parametrize("missing", ["weights", "data"])
def test_a_missing_file_is_named(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    path = tmp_path / "trained.safetensors"
    if missing == "data":
        save_weights(path, EmotionNet(), ModelCard("emotion"))
        data = tmp_path / "none.csv"
    assert main([str(path), "--data", str(data)]) == 2
    assert capsys.readouterr().err.startswith(f"error: no {missing} at")
