"""Networks that were never trained and still tell pictures apart, and pictures for them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


def lively(net: nn.Module, side: int = 24) -> nn.Module:
    """Return the network with batch statistics of noise and random scales, ready to predict."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = 1.0
            nn.init.normal_(module.weight)  # of both signs: pooling and ReLU must not mind
            nn.init.normal_(module.bias)
    with torch.no_grad():
        net.train()(torch.rand(8, 1, side, side) * 255)
    return net.eval()


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
