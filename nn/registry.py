"""Every network by its name in a training configuration: the shipped one and those of the field."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from nn.base_net import BaseNet
from nn.checkpoint import fill, read_weights
from nn.emotion_cnn import EmotionCNN
from nn.emotion_net import EmotionNet
from nn.model_card import ModelCard, WeightsError
from nn.resemotenet import ResEmoteNet
from nn.resnet import FieldResNet, TransferResNet
from nn.se_vgg import SEVGG

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "emotion": EmotionNet,
    "base": BaseNet,
    "emotion-cnn": EmotionCNN,
    "resnet": FieldResNet,
    "resnet-transfer": TransferResNet,
    "resemotenet": ResEmoteNet,
    "se-vgg": SEVGG,
}


def build(name: str, options: dict[str, Any]) -> nn.Module:
    """Return a new network with random weights; ValueError for an unknown name or option."""
    if name not in NETWORKS:
        raise ValueError(f"no network {name!r}; there are: {', '.join(NETWORKS)}")
    try:
        return NETWORKS[name](**options)
    except TypeError:
        raise ValueError(f"the network {name} does not take the options {', '.join(options)}") from None


def load_net(path: Path) -> tuple[nn.Module, ModelCard]:
    """Return the network in a weights file, in eval mode, and its card; raises WeightsError."""
    tensors, card = read_weights(path)
    try:
        net = build(card.network, card.network_options)
    except ValueError as error:
        raise WeightsError(f"{path}: {error}") from None
    return fill(net, tensors, path), card


def load_pretrained(net: nn.Module, path: Path) -> None:
    """Load a torchvision checkpoint into a new network; ValueError if the network or the file does not fit."""
    if not isinstance(net, TransferResNet):
        raise ValueError("--pretrained is for the network resnet-transfer")
    net.load_pretrained(path)
