"""The network, its input and its weights file."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from emotions import EMOTIONS
from model import (
    INPUT_SIDE,
    Card,
    EmotionClassifier,
    EmotionNet,
    WeightsError,
    load_weights,
    preprocess,
    save_weights,
    standardise,
)

CARD = Card(
    training={"config": "tiny", "epoch": 3, "stages": [[24, 2]]},
    metrics={"PublicTest accuracy": 0.5},
    data_sha256="ab" * 32,
)


@pytest.fixture(scope="module")
def net() -> EmotionNet:
    """A network that tells pictures apart: its batch statistics are those of noise."""
    torch.manual_seed(0)
    made = EmotionNet()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = 1.0
            nn.init.normal_(module.weight)  # of both signs: pooling and ReLU must not mind
            nn.init.normal_(module.bias)
    with torch.no_grad():
        made(torch.rand(8, 1, 24, 24) * 255)
    return made.eval()


@pytest.fixture(scope="module")
def classifier(net: EmotionNet) -> EmotionClassifier:
    return EmotionClassifier(net, CARD)


@pytest.fixture(scope="module")
def weights(net: EmotionNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "new" / "base.safetensors"
    save_weights(path, net, CARD)
    return path


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


@st.composite
def spans(draw: st.DrawFn, length: int) -> tuple[int, int]:
    """A start and an end that overlap 0 to length."""
    start = draw(st.integers(-60, length - 1))
    return start, draw(st.integers(max(start, 0) + 1, length + 60))


@st.composite
def pictures_with_boxes(draw: st.DrawFn) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    height, width = draw(st.integers(1, 120)), draw(st.integers(1, 120))
    pairs = draw(st.lists(st.tuples(spans(width), spans(height)), max_size=3))
    boxes = [(x1, y1, x2, y2) for (x1, x2), (y1, y2) in pairs]
    return noise(height, width), np.array(boxes, dtype=np.int32).reshape(-1, 4)


@settings(deadline=None, max_examples=60)
@given(pictures_with_boxes())
def test_any_box_that_overlaps_the_picture_gives_a_crop(
    sample: tuple[NDArray[np.uint8], NDArray[np.int32]],
) -> None:
    gray, boxes = sample
    before = gray.copy()
    crops = preprocess(gray, boxes)
    assert crops.shape == (len(boxes), 48, 48)
    assert crops.dtype == np.uint8
    assert np.array_equal(gray, before)
    for crop, (x1, y1, x2, y2) in zip(crops, boxes, strict=True):
        inside = gray[max(y1, 0) : y2, max(x1, 0) : x2]
        assert inside.min() <= crop.min() <= crop.max() <= inside.max()


@settings(deadline=None, max_examples=40)
@given(st.integers(-47, 99), st.integers(-47, 69))
def test_a_box_over_the_border_repeats_the_border(x1: int, y1: int) -> None:
    gray = noise(70, 100)
    crop = preprocess(gray, np.array([[x1, y1, x1 + 48, y1 + 48]]))[0]
    rows = np.arange(y1, y1 + 48).clip(0, 69)
    columns = np.arange(x1, x1 + 48).clip(0, 99)
    assert np.array_equal(crop, gray[np.ix_(rows, columns)])


def test_a_large_face_is_averaged_not_sampled() -> None:
    checkers = np.indices((144, 144)).sum(axis=0).astype(np.uint8) % 2 * 200
    crop = preprocess(checkers, np.array([[0, 0, 144, 144]]))[0]
    assert 85 < crop.min() <= crop.max() < 115


@pytest.mark.parametrize(
    "box",
    [(5, 5, 5, 20), (5, 5, 20, 5), (20, 5, 5, 20), (5, 20, 20, 5)],
    ids=["no width", "no height", "right before left", "bottom before top"],
)
def test_an_empty_box_is_refused(box: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="x1 < x2 and y1 < y2"):
        preprocess(noise(40, 60), np.array([box]))


@pytest.mark.parametrize("box", [(-9, 5, 0, 20), (60, 5, 70, 20), (5, -9, 20, 0), (5, 40, 20, 50)])
def test_a_box_wholly_outside_the_picture_is_refused(box: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="outside a picture of 60x40"):
        preprocess(noise(40, 60), np.array([box]))


def test_standardise_gives_mean_zero_and_deviation_one_to_each_picture() -> None:
    images = torch.rand(3, 1, 48, 48) * torch.tensor([10.0, 100.0, 255.0]).reshape(3, 1, 1, 1)
    result = standardise(images)
    assert result.mean(dim=(1, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert result.std(dim=(1, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=1e-4)


@pytest.mark.parametrize(("contrast", "brightness"), [(0.2, 0), (1, 100), (1, -100), (3, 20)])
def test_standardise_forgets_brightness_and_contrast(contrast: float, brightness: float) -> None:
    images = torch.from_numpy(noise(48, 48)).reshape(1, 1, 48, 48).float()
    changed = standardise(images * contrast + brightness)
    np.testing.assert_allclose(changed.numpy(), standardise(images).numpy(), atol=1e-4)


def test_a_flat_picture_becomes_zeros() -> None:
    assert (standardise(torch.full((2, 1, 48, 48), 77.0)) == 0).all()


def test_noise_below_a_gray_level_is_not_blown_up() -> None:
    assert standardise(100 + torch.rand(1, 1, 48, 48) * 0.1).abs().max() < 0.1


@pytest.mark.parametrize("side", [24, 36, 48])
def test_the_network_gives_seven_logits_a_picture(net: EmotionNet, side: int) -> None:
    with torch.inference_mode():
        assert net(torch.rand(3, 1, side, side) * 255).shape == (3, 7)


def test_the_network_has_its_parameters(net: EmotionNet) -> None:
    assert sum(parameter.numel() for parameter in net.parameters()) == 4_472_775


def test_pooling_before_relu_changes_nothing(net: EmotionNet) -> None:
    images = standardise(torch.rand(2, 1, 48, 48) * 255)
    expected: Tensor = images
    with torch.inference_mode():
        for block in net.features:
            assert isinstance(block, nn.Sequential)
            expected = F.max_pool2d(F.relu(block[1](block[0](expected))), 2)
        result = net.features(images)
    assert result.shape == (2, 512, 3, 3)
    assert expected.std() > 0.1
    np.testing.assert_allclose(result.numpy(), expected.numpy(), atol=1e-5)


def test_predict_gives_a_row_of_probabilities_a_box(classifier: EmotionClassifier) -> None:
    probs = classifier.predict(noise(90, 120), np.array([[0, 0, 60, 60], [-9, 30, 50, 99]]))
    assert probs.shape == (2, 7)
    assert probs.dtype == np.float32
    assert (probs >= 0).all()
    assert probs.sum(axis=1) == pytest.approx([1, 1])


def test_predict_without_boxes_gives_no_rows(classifier: EmotionClassifier) -> None:
    probs = classifier.predict(noise(90, 120), np.empty((0, 4), dtype=np.int32))
    assert probs.shape == (0, 7)
    assert probs.dtype == np.float32


def test_faces_in_a_batch_do_not_influence_each_other(classifier: EmotionClassifier) -> None:
    gray, boxes = noise(120, 160), np.array([[0, 0, 48, 48], [40, 40, 140, 120], [-20, 90, 30, 140]])
    together = classifier.predict(gray, boxes)
    alone = np.concatenate([classifier.predict(gray, boxes[i : i + 1]) for i in range(3)])
    assert np.abs(together[0] - together[1]).max() > 0.01
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_predict_is_the_network_on_the_crops(net: EmotionNet, classifier: EmotionClassifier) -> None:
    gray, boxes = noise(90, 120), np.array([[10, 10, 80, 80]])
    with torch.inference_mode():
        logits = net(torch.from_numpy(preprocess(gray, boxes)).unsqueeze(1).float())
    np.testing.assert_allclose(classifier.predict(gray, boxes), logits.softmax(dim=1).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    "gray",
    [np.zeros((60, 60, 3), np.uint8), np.zeros(60, np.uint8), np.zeros((60, 60), np.float32)],
    ids=["colour", "a row", "float"],
)
def test_predict_refuses_what_is_no_gray_picture(classifier: EmotionClassifier, gray: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"gray must be \(H, W\) uint8"):
        classifier.predict(gray, np.array([[0, 0, 30, 30]]))


@pytest.mark.parametrize(
    "boxes",
    [np.array([0, 0, 30, 30]), np.array([[0, 0, 30]]), np.empty((0, 5), int), np.array([[0.0, 0, 30, 30]])],
    ids=["one flat box", "three columns", "five columns", "float"],
)
def test_predict_refuses_what_are_no_boxes(classifier: EmotionClassifier, boxes: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"boxes must be \(n, 4\)"):
        classifier.predict(noise(60, 60), boxes)


def test_a_weights_file_is_half_precision_and_small(weights: Path) -> None:
    with safe_open(weights, framework="pt") as file:
        kinds = {file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118 - not a dict
    assert kinds == {torch.float16, torch.int64}
    assert weights.stat().st_size < 10e6


def test_loading_gives_back_the_card(weights: Path) -> None:
    assert load_weights(weights)[1] == CARD
    assert EmotionClassifier.load(str(weights)).card == CARD


def test_loading_gives_back_the_weights_rounded_to_half_precision(net: EmotionNet, weights: Path) -> None:
    loaded, _ = load_weights(weights)
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
        load_weights(path)
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
    assert "does not describe itself" in refusal(tmp_path / "base.safetensors")


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


@pytest.mark.parametrize("change", [{"input_side": INPUT_SIDE + 1}, {"normalisation": "divided by 255"}])
def test_weights_for_another_input_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    card = json.dumps(asdict(replace(CARD, **change)))
    assert "expects input" in refusal(write_card(tmp_path / "base.safetensors", card))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = write_card(tmp_path / "base.safetensors", json.dumps(asdict(CARD)))
    assert "another network" in refusal(path)


def test_weights_of_another_size_are_refused(net: EmotionNet, tmp_path: Path) -> None:
    path = tmp_path / "base.safetensors"
    state = {name: value.contiguous() for name, value in net.state_dict().items()}
    state["features.0.0.weight"] = torch.zeros(32, 1, 3, 3)
    save_file(state, path, metadata={"card": json.dumps(asdict(CARD))})
    assert "another network" in refusal(path)
