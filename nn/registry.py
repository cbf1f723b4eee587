"""Every network by its name in a training configuration: the shipped one and those of the field."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nn.base_net import BaseNet
from nn.checkpoint import fill, fill_in_order, read_state, read_weights
from nn.efficientnet import EfficientNetB0
from nn.emotion_cnn import EmotionCNN
from nn.emotion_net import EmotionNet
from nn.model_card import INPUT_SIDE, NORMALISATIONS, ModelCard, NetworkSpec, WeightsError
from nn.prepare import Prepare
from nn.resemotenet import ResEmoteNet
from nn.resnet import FieldResNet, TransferResNet
from nn.se_vgg import SEVGG
from nn.vgg import VGG16
from texts import shorten
from vision.emotions import EMOTIONS

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "emotion": EmotionNet,
    "base": BaseNet,
    "emotion-cnn": EmotionCNN,
    "resnet": FieldResNet,
    "resnet-transfer": TransferResNet,
    "resemotenet": ResEmoteNet,
    "se-vgg": SEVGG,
    "vgg16": VGG16,
    "efficientnet-b0": EfficientNetB0,
}
# Options with which the networks are as version 0.1 of this project had them.
FORMER: dict[str, dict[str, Any]] = {"emotion-cnn": {"batch_norm": False}, "resemotenet": {"excite_bias": True}}
PREPARED = ("side", "normalisation", "colours")  # options of Prepare, which all but "emotion" take


def build(name: str, options: dict[str, Any]) -> nn.Module:
    """Return a new network with random weights; ValueError for an unknown name or option.

    The options are those of its constructor, and those in PREPARED.
    """
    if name not in NETWORKS:
        raise ValueError(f"no network {shorten(name)!r}; there are: {', '.join(NETWORKS)}")
    prepared = {option: options[option] for option in PREPARED if option in options}
    refusal = ValueError(f"the network {name} does not take the options {', '.join(options)}")
    try:
        net = NETWORKS[name](**{option: value for option, value in options.items() if option not in prepared})
    except TypeError:
        raise refusal from None
    if prepared:
        if not isinstance(first := getattr(net, "prepare", None), Prepare):
            raise refusal
        net.prepare = Prepare(**{"side": first.side} | prepared)
    if prepared.get("colours", 1) != 1:
        _widen_stem(net, prepared["colours"])
    return net


def _widen_stem(net: nn.Module, colours: int) -> None:
    """Give the first convolution so many input channels, with the weights shared out among them."""
    stem = next(part for part in net.modules() if isinstance(part, nn.Conv2d))
    weight = stem.weight.repeat(1, colours, 1, 1) / colours
    stem.in_channels, stem.weight = colours, nn.Parameter(weight.detach())


def load_net(path: Path, spec: NetworkSpec | None = None) -> tuple[nn.Module, ModelCard]:
    """Return the network in a weights file, in eval mode, and its card.

    spec describes somebody else's PyTorch checkpoint; a file of this project describes itself. Raises
    WeightsError if the file is missing or damaged, or holds another network.
    """
    if spec is not None:
        return _load_checkpoint(path, spec)
    tensors, card = read_weights(path)
    former = card.network_options | FORMER.get(card.network, {})
    try:
        net = build(card.network, card.network_options)
        if former != card.network_options and net.state_dict().keys() != tensors.keys():
            net, card = build(card.network, former), replace(card, network_options=former)
    except ValueError as error:
        raise WeightsError(
            f"{path} holds the network {card.network!r} in a form that this version does not support ({error})"
        ) from None
    return fill(net, tensors, path), card


def _load_checkpoint(path: Path, spec: NetworkSpec) -> tuple[nn.Module, ModelCard]:
    """Return the network in somebody else's checkpoint, its classes in the order of EMOTIONS, and its card."""
    state = read_state(path)
    options: dict[str, Any] = {}
    stem = next((tensor for tensor in state.values() if tensor.dim() == 4), None)
    if stem is not None and stem.shape[1] == 3:
        options["colours"] = 3
    if spec.normalisation != "standard":
        options["normalisation"] = spec.normalisation
    side = spec.input_side or INPUT_SIDE
    if spec.input_side and spec.network != "emotion":
        options["side"] = side
    try:
        net = build(spec.network, options)
    except ValueError as error:
        raise WeightsError(f"{path}: {error}") from None
    net = fill_in_order(net, state, path)
    _try_side(net, side, path)
    if spec.classes != EMOTIONS:
        _reorder(net, [spec.classes.index(emotion) for emotion in EMOTIONS])
    normalisation = NORMALISATIONS[spec.normalisation]
    return net, ModelCard(spec.network, options, input_side=side, normalisation=normalisation)


@torch.no_grad()
def _try_side(net: nn.Module, side: int, path: Path) -> None:
    """Raise WeightsError unless the network computes a face of side x side px."""
    try:
        net(torch.zeros(1, 1, side, side))
    except RuntimeError:  # a dense layer has the size of its images in its weights
        raise WeightsError(f"{path} does not take faces of {side} px: give another --input-side-px") from None


@torch.no_grad()
def _reorder(net: nn.Module, order: list[int]) -> None:
    """Put the first classes of the last linear layer into another order."""
    last = [part for part in net.modules() if isinstance(part, nn.Linear)][-1]
    for parameter in (last.weight, last.bias):
        parameter[: len(order)] = parameter[order]


def load_pretrained(net: nn.Module, path: Path) -> list[str]:
    """Load the trunk of a torchvision checkpoint into a new network, and return the parts that stay random.

    Raises ValueError if the network takes none, or the file is missing, damaged, or another network's.
    """
    if not isinstance(net, FieldResNet | TransferResNet | VGG16 | EfficientNetB0):
        raise ValueError("--pretrained is for the networks resnet, resnet-transfer, vgg16 and efficientnet-b0")
    try:
        state = read_state(path)
    except WeightsError as error:
        raise ValueError(str(error)) from None
    before: dict[str, Tensor] = {name: value.clone() for name, value in net.named_parameters()}
    try:
        net.load_pretrained(state)
    except (RuntimeError, KeyError):
        raise ValueError(f"{path} is not a torchvision checkpoint of this network") from None
    return [name for name, value in net.named_parameters() if torch.equal(value, before[name])]
