"""The networks of the registry, and the checkpoints that they begin with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nn.base_net import BaseNet
from nn.emotion_net import EmotionNet
from nn.prepare import standardise
from nn.registry import NETWORKS, build, load_pretrained
from nn.resnet import TransferResNet
from tests.fakes.nets import lively

pytestmark = pytest.mark.training

# name, options, parameters, logits
SHAPES = [
    ("emotion", {}, 1_932_607, 15),
    ("emotion", {"fused": True}, 1_740_351, 15),
    ("base", {}, 4_472_775, 7),
    ("emotion-cnn", {}, 12_939_463, 7),
    ("resnet", {"depth": 18}, 11_301_319, 7),
    ("resnet", {"depth": 34, "outputs": 15}, 21_411_535, 15),
    ("resnet-transfer", {}, 11_173_831, 7),
    ("resemotenet", {}, 80_237_447, 7),
    ("se-vgg", {"outputs": 15}, 7_732_615, 15),
    ("vgg16", {}, 134_288_071, 7),
    ("efficientnet-b0", {}, 4_015_939, 7),
]


@pytest.mark.parametrize(("name", "options", "parameters", "logits"), SHAPES)
def test_each_network_has_its_parameters_and_answers_a_face(
    name: str, options: dict[str, int], parameters: int, logits: int
) -> None:
    with torch.device("meta"):  # shapes and counts need no memory
        net = build(name, options).eval()
        assert net(torch.empty(2, 1, 48, 48)).shape == (2, logits)
    assert sum(parameter.numel() for parameter in net.parameters()) == parameters


def test_no_network_goes_untested() -> None:
    assert {name for name, *_ in SHAPES} == set(NETWORKS)


def test_an_unknown_network_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"no network 'vgg'; there are: emotion, base"):
        build("vgg", {})


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match="emotion does not take the options width"):
        build("emotion", {"width": 2})


def test_a_resnet_of_another_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="18 or 34, not 50"):
        build("resnet", {"depth": 50})


def test_pooling_before_relu_changes_nothing_in_the_base_network() -> None:
    net = lively(BaseNet())
    assert isinstance(net, BaseNet)
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


@pytest.fixture(scope="module")
def transfer() -> TransferResNet:
    """A network to load checkpoints into; what it held before does not matter."""
    return TransferResNet()


@pytest.fixture(scope="module")
def torchvision_state(transfer: TransferResNet) -> dict[str, Tensor]:
    """What a torchvision checkpoint of a ResNet-18 holds."""
    state = {name: torch.rand(value.shape) for name, value in transfer.trunk.state_dict().items()}
    return state | {
        "conv1.weight": torch.rand(64, 3, 7, 7),
        "fc.weight": torch.rand(1000, 512),
        "fc.bias": torch.rand(1000),
    }


def test_transfer_sums_the_colours_of_the_first_layer(
    tmp_path: Path, transfer: TransferResNet, torchvision_state: dict[str, Tensor]
) -> None:
    torch.save(torchvision_state, tmp_path / "resnet18.pth")
    load_pretrained(transfer, tmp_path / "resnet18.pth")
    loaded, last = transfer.trunk.state_dict(), "layer4.1.conv2.weight"
    assert torch.allclose(loaded["conv1.weight"], torchvision_state["conv1.weight"].sum(dim=1, keepdim=True))
    assert torch.equal(loaded[last], torchvision_state[last])


def test_a_resnet_for_48_px_takes_all_of_a_checkpoint_but_its_first_and_last_layer(
    tmp_path: Path, torchvision_state: dict[str, Tensor]
) -> None:
    torch.save(torchvision_state, tmp_path / "resnet18.pth")
    net = build("resnet", {"depth": 18})
    random = load_pretrained(net, tmp_path / "resnet18.pth")
    assert {name for name in random if name.startswith("trunk.")} == {"trunk.conv1.weight"}
    assert any(name.startswith("head.") for name in random)
    for name in ("trunk.bn1.weight", "trunk.bn1.running_var", "trunk.layer4.1.conv2.weight"):
        assert torch.equal(net.state_dict()[name], torchvision_state[name.removeprefix("trunk.")])


@pytest.mark.parametrize(
    ("name", "stem", "head"),
    [
        ("vgg16", "features.0.weight", "classifier.6."),
        ("efficientnet-b0", "features.0.0.weight", "classifier.1."),
    ],
)
def test_imagenets_other_networks_take_their_checkpoints(
    tmp_path: Path, name: str, stem: str, head: str
) -> None:
    options = {"dense": 16} if name == "vgg16" else {}
    net = build(name, options)
    names = {
        f"classifier.1.{key[5:]}" if key.startswith("head.") else key.replace("trunk.", "features."): value
        for key, value in net.state_dict().items()
    }
    state = {key: torch.rand(value.shape) for key, value in names.items()}
    state |= {stem: torch.rand(state[stem].shape).repeat(1, 3, 1, 1)}
    state |= {key: torch.rand(1000, *value.shape[1:]) for key, value in state.items() if key.startswith(head)}
    torch.save(state, tmp_path / "x.pth")
    random = load_pretrained(net, tmp_path / "x.pth")
    loaded = {
        ("classifier.1." if key.startswith("head.") else "") + key: value
        for key, value in net.state_dict().items()
    }
    first = next(value for value in loaded.values() if value.dim() == 4)
    assert torch.allclose(first, state[stem].sum(dim=1, keepdim=True))
    assert len(random) == 2  # the last layer's weight and bias


def test_a_missing_checkpoint_is_named(tmp_path: Path, transfer: TransferResNet) -> None:
    with pytest.raises(ValueError, match="no checkpoint at"):
        load_pretrained(transfer, tmp_path / "none.pth")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04"])
def test_a_file_that_is_no_checkpoint_is_refused(
    tmp_path: Path, transfer: TransferResNet, content: bytes
) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"(no|not a) PyTorch checkpoint"):
        load_pretrained(transfer, tmp_path / "x.pth")


def test_a_checkpoint_of_another_resnet_is_refused(
    tmp_path: Path, transfer: TransferResNet, torchvision_state: dict[str, Tensor]
) -> None:
    state = {name: value for name, value in torchvision_state.items() if name != "layer4.1.conv2.weight"}
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(ValueError, match="not a torchvision checkpoint"):
        load_pretrained(transfer, tmp_path / "x.pth")


def test_only_networks_of_imagenet_take_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="resnet-transfer"):
        load_pretrained(EmotionNet(), tmp_path / "x.pth")
