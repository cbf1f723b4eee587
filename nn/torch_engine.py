"""The network in PyTorch."""

import copy
import threading
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nn.cam import grad_cam_maps
from nn.model_card import ModelCard, NetworkSpec, WeightsError
from nn.pooled import PooledNet
from nn.registry import load_net

Floats = NDArray[np.float32]


class TorchEngine:
    """An engine that computes a network in PyTorch."""

    def __init__(self, net: nn.Module, device: str = "cpu") -> None:
        """Take over a network in eval mode, move it to the device, and lay its weights out for speed."""
        net = net.to(device)
        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stubs
        self.device = device
        self.has_live_maps = isinstance(net, PooledNet)
        self._hooked: nn.Module | None = None
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls, weights: Path, device: str = "auto", spec: NetworkSpec | None = None
    ) -> "tuple[TorchEngine, ModelCard]":
        """Return an engine with the network in a weights file, and its card; raises WeightsError."""
        net, card = load_net(weights, spec)
        torch.set_num_threads(1)  # the pipeline's steps run beside each other; more threads slow both down
        return cls(net, choose_device(device)), card

    def logits(self, crops: NDArray[np.uint8]) -> Floats:
        """Return the logits (n, 15) float32, or (n, 7), of crops (n, side, side) uint8."""
        with torch.inference_mode():
            logits: Floats = self.net(self._as_images(crops)).cpu().numpy()
        return logits

    def logits_and_maps(self, crops: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Return the logits (n, k) and the maps (n, k, h, w) float32 of crops (n, side, side) uint8.

        The maps are in closed form where has_live_maps, and Grad-CAM's elsewhere, which takes some ten times as
        long as the logits. Raises ValueError for a network in which nn.cam finds no layer.
        """
        images = self._as_images(crops)
        if isinstance(self.net, PooledNet):
            with torch.inference_mode():
                logits, maps = self.net.read_with_maps(images)
        else:
            with self._lock:
                logits, maps = grad_cam_maps(self._copy(), images)
        return logits.cpu().numpy(), maps.cpu().numpy()

    def _as_images(self, crops: NDArray[np.uint8]) -> Tensor:
        """Return crops (n, side, side) uint8 as images (n, 1, side, side) float, 0 to 255."""
        return torch.from_numpy(crops).to(self.device).unsqueeze(1).float()

    def _copy(self) -> nn.Module:
        """Return a network with the same weights whose layers other threads do not use, for hooks."""
        if self._hooked is None:
            shared = chain(self.net.parameters(), self.net.buffers())
            self._hooked = copy.deepcopy(self.net, {id(tensor): tensor for tensor in shared})
        return self._hooked


def choose_device(name: str) -> str:
    """Return the device of --device auto, cpu, cuda or mps; raises WeightsError if this machine lacks it."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, found in there.items() if found)
    if not there[name]:
        raise WeightsError(f"--device {name}: PyTorch finds no such device on this machine")
    return name
