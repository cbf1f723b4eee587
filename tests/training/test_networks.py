"""The networks of the registry, and the checkpoints that they begin with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nn.base_net import BaseNet
from nn.emotion_net import EmotionNet, standardise
from nn.registry import NETWORKS, build, load_pretrained
from nn.resnet import TransferResNet
from tests.fakes.nets import lively

pytestmark = pytest.mark.training

# name, options, parameters, logits
SHAPES = [
    ("emotion", {}, 1_932_607, 15),
    ("emotion", {"fused": True}, 1_740_351, 15),
    ("base", {}, 4_472_775, 7),
    ("emotion-cnn", {}, 12_938_759, 7),
    ("resnet", {"depth": 18}, 11_301_319, 7),
    ("resnet", {"depth": 34, "outputs": 15}, 21_411_535, 15),
    ("resnet-transfer", {}, 11_173_831, 7),
    ("resemotenet", {}, 80_237_719, 7),
    ("se-vgg", {"outputs": 15}, 7_732_615, 15),
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


def test_a_missing_checkpoint_is_named(tmp_path: Path, transfer: TransferResNet) -> None:
    with pytest.raises(ValueError, match="no checkpoint at"):
        load_pretrained(transfer, tmp_path / "none.pth")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04"])
def test_a_file_that_is_no_checkpoint_is_refused(
    tmp_path: Path, transfer: TransferResNet, content: bytes
) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(ValueError, match="not a torchvision checkpoint"):
        load_pretrained(transfer, tmp_path / "x.pth")


def test_a_checkpoint_of_another_resnet_is_refused(
    tmp_path: Path, transfer: TransferResNet, torchvision_state: dict[str, Tensor]
) -> None:
    state = {name: value for name, value in torchvision_state.items() if name != "layer4.1.conv2.weight"}
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(ValueError, match="not a torchvision checkpoint"):
        load_pretrained(transfer, tmp_path / "x.pth")


def test_only_the_transfer_network_takes_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="resnet-transfer"):
        load_pretrained(EmotionNet(), tmp_path / "x.pth")
