"""From a trained network to the shipped one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model import EmotionClassifier, to_probabilities
from nn.checkpoint import read_weights, save_weights
from nn.emotion_net import EmotionNet
from nn.engines import load_onnx
from nn.model_card import Calibration, ModelCard
from tests.fakes.fer2013 import write_fer2013
from tests.fakes.nets import lively
from training.calibrate import TAU, cross_fitted_error, fit_temperature, prior_shift
from training.metrics import calibration_error
from training.ship import main, unweigh
from vision.emotions import EMOTIONS

pytestmark = pytest.mark.training

NO_SHIFT = (0.0,) * 7


def test_the_shift_lifts_rare_labels_and_lowers_common_ones() -> None:
    shift = prior_shift(np.repeat(np.arange(7), [10, 1, 10, 100, 10, 10, 10]))
    assert sum(shift) == pytest.approx(0, abs=1e-3)
    assert shift[1] - shift[3] == pytest.approx(TAU * np.log(100), abs=1e-3)


def boasting(n: int = 4000) -> tuple[torch.Tensor, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Logits three times as sure as they are right, and the labels."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(n, 15, generator=generator)
    labels = torch.multinomial(logits[:, :7].softmax(dim=1), 1, generator=generator).squeeze(1)
    return logits * 3, labels.numpy()


def test_the_temperature_lowers_overconfidence() -> None:
    logits, labels = boasting()
    assert fit_temperature(logits, labels, NO_SHIFT) == pytest.approx(3, rel=0.1)


def test_calibration_helps_on_faces_it_was_not_fitted_on() -> None:
    logits, labels = boasting()
    before = calibration_error(to_probabilities(logits.numpy(), "shipped", Calibration()), labels)
    assert cross_fitted_error(logits, labels, NO_SHIFT) < before / 4


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
