"""Weights files: their tensors, their model cards, and the files that are refused."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from model import EmotionClassifier
from nn.checkpoint import fill, read_weights, save_weights
from nn.emotion_net import EmotionNet
from nn.model_card import Calibration, ModelCard, WeightsError, parse_model_card
from nn.torch_engine import TorchEngine
from tests.fakes.nets import noise
from vision.emotions import EMOTIONS

CARD = ModelCard(
    "emotion",
    calibration=Calibration((0.1, 0.5, 0.0, -0.4, 0.0, 0.0, -0.2), 1.2),
    training={"config": "tiny", "epoch": 3, "stages": [[24, 2]]},
    metrics={"PublicTest accuracy": 0.5},
    data_sha256="ab" * 32,
)


@pytest.fixture(scope="module")
def classifier(net: EmotionNet) -> EmotionClassifier:
    return EmotionClassifier(TorchEngine(net), CARD)


@pytest.fixture(scope="module")
def weights(net: EmotionNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "new" / "base.safetensors"
    save_weights(path, net, CARD)
    return path


def test_a_weights_file_is_half_precision_and_small(weights: Path) -> None:
    with safe_open(weights, framework="pt") as file:
        kinds = {file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118 - not a dict
    assert kinds == {torch.float16, torch.int64}
    assert weights.stat().st_size < 4e6


def test_loading_gives_back_the_card(weights: Path) -> None:
    assert read_weights(weights)[1] == CARD
    assert EmotionClassifier.load(str(weights)).card == CARD


def test_loading_gives_back_the_weights_rounded_to_half_precision(net: EmotionNet, weights: Path) -> None:
    tensors, _ = read_weights(weights)
    loaded = fill(EmotionNet(), tensors, weights)
    assert not loaded.training
    state = loaded.state_dict()
    for name, value in net.state_dict().items():
        assert torch.equal(state[name], value.half().float() if value.is_floating_point() else value), name


def test_a_loaded_classifier_predicts_as_before(classifier: EmotionClassifier, weights: Path) -> None:
    gray, boxes = noise(90, 120), np.array([[10, 10, 80, 80]])
    np.testing.assert_allclose(
        EmotionClassifier.load(weights).predict(gray, boxes), classifier.predict(gray, boxes), atol=0.02
    )


def refusal(path: Path) -> str:
    """Return why the weights at path are refused: one sentence that names the file."""
    with pytest.raises(WeightsError) as caught:
        EmotionClassifier.load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def write_card(path: Path, card: str) -> Path:
    save_file({"weight": torch.zeros(1)}, path, metadata={"card": card})
    return path


def test_missing_weights_are_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.safetensors").startswith("no weights at")


def test_a_folder_is_no_weights_file(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith("no weights at")


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"<html>404</html>" * 99], ids=["empty", "one byte", "a web page"]
)
def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "base.safetensors"
    path.write_bytes(content)
    assert "damaged or not a weights file" in refusal(path)


@pytest.mark.parametrize("share", [0.00001, 0.5, 0.999])
def test_a_truncated_file_is_refused(weights: Path, tmp_path: Path, share: float) -> None:
    content = weights.read_bytes()
    path = tmp_path / "base.safetensors"
    path.write_bytes(content[: int(len(content) * share)])
    assert "damaged or not a weights file" in refusal(path)


def test_a_file_without_a_card_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(1)}, tmp_path / "base.safetensors")
    assert "has no model card" in refusal(tmp_path / "base.safetensors")


@pytest.mark.parametrize(
    "card", ["", "{", "[]", "3", "null", '"base"', '{"epoch": 3}', '{"classes": 3}', '{"classes": [1, 2]}']
)
def test_a_card_that_is_no_card_is_refused(tmp_path: Path, card: str) -> None:
    refusal(write_card(tmp_path / "base.safetensors", card))


def test_weights_for_other_classes_are_refused(tmp_path: Path) -> None:
    card = json.dumps(asdict(replace(CARD, classes=(*EMOTIONS[:-1], "contempt"))))
    message = refusal(write_card(tmp_path / "base.safetensors", card))
    assert "surprise, contempt, not angry" in message


def test_the_same_classes_in_another_order_are_refused(tmp_path: Path) -> None:
    card = json.dumps(asdict(replace(CARD, classes=EMOTIONS[::-1])))
    assert "is for the classes neutral" in refusal(write_card(tmp_path / "base.safetensors", card))


@pytest.mark.parametrize(
    "change", [{"input_side": 10}, {"input_side": 4000}, {"normalisation": "divided by 255"}]
)
def test_weights_for_another_input_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    card = json.dumps(asdict(replace(CARD, **change)))
    assert "expects input" in refusal(write_card(tmp_path / "base.safetensors", card))


@pytest.mark.parametrize(
    "change",
    [
        *({"shift": [0.0]}, {"temperature": 0}, {"temperature": "hot"}, {"shift": 3}, {"temperature": None}),
        *({"ferplus_weight": "much"}, {"ferplus_shift": [0.0]}),
    ],
)
def test_an_impossible_calibration_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    card = asdict(CARD)
    card["calibration"] |= change
    refusal(write_card(tmp_path / "base.safetensors", json.dumps(card)))


def test_the_card_of_an_earlier_version_ships_the_label_head_alone(tmp_path: Path) -> None:
    card = asdict(CARD)
    del card["calibration"]["ferplus_weight"], card["calibration"]["ferplus_shift"]
    path = write_card(tmp_path / "old.safetensors", json.dumps(card))
    with safe_open(path, "np") as file:
        assert parse_model_card(path, file.metadata()) == CARD


def test_an_unknown_network_is_refused_with_the_known(tmp_path: Path) -> None:
    path = write_card(tmp_path / "base.safetensors", json.dumps(asdict(replace(CARD, network="bass"))))
    assert "no network 'bass'; there are: emotion, base" in refusal(path)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = write_card(tmp_path / "base.safetensors", json.dumps(asdict(CARD)))
    assert "another network" in refusal(path)


def test_weights_of_another_size_are_refused(net: EmotionNet, tmp_path: Path) -> None:
    path = tmp_path / "base.safetensors"
    state = {name: value.contiguous() for name, value in net.state_dict().items()}
    state["trunk.0.wide"] = torch.zeros(16, 1, 3, 3)
    save_file(state, path, metadata={"card": json.dumps(asdict(CARD))})
    assert "another network" in refusal(path)
