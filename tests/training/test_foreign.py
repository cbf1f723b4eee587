"""Other people's checkpoints, and files of this project's version 0.1."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model import EmotionClassifier
from nn.checkpoint import save_weights
from nn.engines import load_engine
from nn.model_card import ModelCard, NetworkSpec, WeightsError
from nn.prepare import Prepare
from nn.registry import FORMER, build, load_net
from tests.fakes.nets import lively, noise
from training.export import main as export
from vision.emotion_names import find_emotion, parse_classes
from vision.emotions import EMOTIONS

pytestmark = pytest.mark.training

ALPHABETICAL = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")  # as folders come
GRAY, BOX = noise(90, 120), np.array([[0, 0, 80, 80]])


def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors in the same order, under another's names of layers."""
    return {
        f"module.layer{number}.{name.rpartition('.')[2]}": t for number, (name, t) in enumerate(state.items())
    }


def prepare_of(net: nn.Module) -> Prepare:
    assert isinstance(net.prepare, Prepare)
    return net.prepare


def their_base(options: dict[str, Any]) -> nn.Module:
    torch.manual_seed(0)
    return lively(build("base", options), 48)


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state_dict"])
def test_a_state_dict_with_other_names_is_loaded_by_its_order(tmp_path: Path, wrapper: str | None) -> None:
    net = their_base({})
    state = renamed(net.state_dict())
    torch.save({wrapper: state, "epoch": 3} if wrapper else state, tmp_path / "x.pth")
    loaded, card = load_net(tmp_path / "x.pth", NetworkSpec("base"))
    images = torch.rand(3, 1, 48, 48) * 255
    with torch.inference_mode():
        assert torch.equal(loaded(images), net(images))
    assert (card.network, card.input_side, card.classes) == ("base", 48, EMOTIONS)


def test_classes_of_another_order_are_put_into_ours(tmp_path: Path) -> None:
    net = their_base({})
    torch.save(net.state_dict(), tmp_path / "x.pth")
    ours = EmotionClassifier.load(tmp_path / "x.pth", spec=NetworkSpec("base"))
    theirs = EmotionClassifier.load(tmp_path / "x.pth", spec=NetworkSpec("base", ALPHABETICAL))
    order = [ALPHABETICAL.index(emotion) for emotion in EMOTIONS]
    np.testing.assert_allclose(theirs.predict(GRAY, BOX), ours.predict(GRAY, BOX)[:, order], atol=1e-6)
    np.testing.assert_allclose(theirs.explain(GRAY, BOX)[1], ours.explain(GRAY, BOX)[1][:, order], atol=1e-6)


@pytest.mark.parametrize(
    ("normalisation", "low", "high"), [("unit", 0, 1), ("centred", -1, 1), ("imagenet", -1.987, 2.438)]
)
def test_gray_levels_are_those_that_the_checkpoint_takes(normalisation: str, low: float, high: float) -> None:
    prepare = prepare_of(build("base", {"normalisation": normalisation}))
    prepared = prepare(torch.tensor([0.0, 255.0]).view(2, 1, 1, 1))
    assert prepared.flatten().tolist() == pytest.approx([low, high], abs=2e-3)


def test_three_colours_are_three_times_the_gray_picture(tmp_path: Path) -> None:
    net = build("resemotenet", {"colours": 3, "normalisation": "imagenet"})
    prepared = prepare_of(net)(torch.full((1, 1, 64, 64), 255.0))
    assert prepared[0, :, 0, 0].tolist() == pytest.approx([2.249, 2.429, 2.640], abs=1e-3)
    small = build("resnet-transfer", {"colours": 3})
    torch.save(renamed(small.state_dict()), tmp_path / "x.pth")  # as torchvision's, with three colours
    loaded, card = load_net(tmp_path / "x.pth", NetworkSpec("resnet-transfer", input_side=64))
    assert card.network_options == {"colours": 3, "side": 64}
    assert (card.input_side, prepare_of(loaded).side) == (64, 64)


def test_a_checkpoint_that_does_not_fit_names_the_tensor(tmp_path: Path) -> None:
    torch.save(build("resnet", {}).state_dict(), tmp_path / "x.pth")
    with pytest.raises(
        WeightsError, match=r"x\.pth does not fit the network: its trunk\.conv1\.weight is 64x1x3x3, "
    ):
        load_net(tmp_path / "x.pth", NetworkSpec("resnet-transfer"))
    torch.save(dict(list(build("base", {}).state_dict().items())[:-2]), tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="it has 30 tensors, not 32"):
        load_net(tmp_path / "x.pth", NetworkSpec("base"))


def test_a_side_that_the_network_does_not_take_is_named(tmp_path: Path) -> None:
    torch.save(build("emotion-cnn", {}).state_dict(), tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="does not take faces of 100 px: give another --input-side-px"):
        load_net(tmp_path / "x.pth", NetworkSpec("emotion-cnn", input_side=100))


def test_a_sound_checkpoint_is_not_called_damaged(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="does not name its network: give --network NAME"):
        load_engine(tmp_path / "x.pth")


def test_a_pickled_model_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    torch.save(nn.Linear(2, 2), path)
    with pytest.raises(WeightsError, match=r"save the network's state_dict\(\) instead"):
        load_net(path, NetworkSpec("base"))
    torch.save({"weight": 3}, path)
    with pytest.raises(WeightsError, match="contains no state dict"):
        load_net(path, NetworkSpec("base"))


def test_an_unknown_network_lists_the_known(tmp_path: Path) -> None:
    torch.save(build("base", {}).state_dict(), tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"no network 'bass'; there are: emotion, base"):
        load_net(tmp_path / "x.pth", NetworkSpec("bass"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # torch's exporter's own
def test_an_export_of_a_checkpoint_is_used_with_the_settings_that_it_was_made_with(tmp_path: Path) -> None:
    path, words = tmp_path / "x.pth", "angry,disgusted,fearful,happiness,neutral,sadness,surprised"
    torch.save(renamed(their_base({"normalisation": "unit"}).state_dict()), path)
    assert export([str(path), "--network", "base", "--normalisation", "unit", "--classes", words]) == 0
    spec = NetworkSpec("base", ALPHABETICAL, "unit")
    onnx = EmotionClassifier.load(path, engine="onnx", spec=spec)
    pytorch = EmotionClassifier.load(path, engine="torch", spec=spec)
    np.testing.assert_allclose(onnx.predict(GRAY, BOX), pytorch.predict(GRAY, BOX), atol=1e-4)
    with pytest.raises(WeightsError, match="made with other input settings"):
        EmotionClassifier.load(path, engine="onnx", spec=NetworkSpec("base"))


@pytest.mark.parametrize("name", FORMER)
def test_a_file_of_version_0_1_is_loaded_as_it_was(name: str, tmp_path: Path) -> None:
    former = build(name, FORMER[name])
    save_weights(tmp_path / "x.safetensors", former, ModelCard(name))
    net, card = load_net(tmp_path / "x.safetensors")
    assert card.network_options == FORMER[name]
    with torch.device("meta"):  # names need no memory
        present = build(name, {})
    assert net.state_dict().keys() == former.state_dict().keys() != present.state_dict().keys()


def test_emotions_are_known_by_the_words_of_others() -> None:
    assert [find_emotion(word) for word in ("Happiness", "ANGER", " fearful", "contempt")] == [
        *("happy", "angry", "fear"),
        None,
    ]
    assert parse_classes("happy,surprise,sad,anger,disgust,fear,neutral")[:2] == ("happy", "surprise")
    for wrong in (
        "",
        "happy",
        "angry,angry,disgust,fear,happy,sad,surprise",
        ",".join((*EMOTIONS, "contempt")),
    ):
        with pytest.raises(ValueError, match="must be the emotions angry"):
            parse_classes(wrong)
