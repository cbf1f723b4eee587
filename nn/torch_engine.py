"""The network in PyTorch."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nn.checkpoint import fill, read_weights
from nn.emotion_net import EmotionNet
from nn.model_card import ModelCard, WeightsError, check_network

Floats = NDArray[np.float32]


class TorchEngine:
    """An engine that computes a network in PyTorch; only EmotionNet has maps."""

    def __init__(self, net: nn.Module) -> None:
        """Take over a network in eval mode, and lay its weights out for speed."""
        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stubs

    @classmethod
    def load(cls, weights: Path) -> "tuple[TorchEngine, ModelCard]":
        """Return an engine with the EmotionNet in a weights file, and its card; raises WeightsError."""
        tensors, card = read_weights(weights)
        check_network(weights, card)
        torch.set_num_threads(1)  # the pipeline's steps run beside each other; more threads slow both down
        try:
            net = EmotionNet(**card.network_options)
        except (TypeError, ValueError):
            raise WeightsError(
                f"{weights} holds the network {card.network!r} in a form that this version does not have"
            ) from None
        return cls(fill(net, tensors, weights)), card

    def logits(self, crops: NDArray[np.uint8]) -> Floats:
        """Return the logits (n, 15) float32 of crops (n, 48, 48) uint8; other networks may have 7."""
        with torch.inference_mode():
            logits: Floats = self.net(_as_images(crops)).numpy()
        return logits

    def logits_and_maps(self, crops: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Return logits (n, 15) and maps (n, 15, 6, 6) float32; TypeError for a network without maps."""
        if not isinstance(self.net, EmotionNet):
            name = type(self.net).__name__
            raise TypeError(f"{name} has no maps in closed form; nn.cam.grad_cam computes them")
        with torch.inference_mode():
            logits, maps = self.net.read_with_maps(_as_images(crops))
        return logits.numpy(), maps.numpy()


def _as_images(crops: NDArray[np.uint8]) -> Tensor:
    """Return crops (n, 48, 48) uint8 as images (n, 1, 48, 48) float, 0 to 255."""
    return torch.from_numpy(crops).unsqueeze(1).float()
