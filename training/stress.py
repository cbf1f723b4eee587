"""Stress tests: the same faces as a bad webcam shows them, small, dark, tilted or noisy, in every run alike.

All functions but `stressed` take and return images (n, 1, h, w) float, 0 to 255.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from training.augment import pixelated

SMALL_SIDE = 24  # px
GAMMA = 2.5
TILT = 15.0  # degrees
DARK = 0.25  # of the light
NOISE = 10.0  # gray levels, standard deviation


def small(images: Tensor) -> Tensor:
    """Return faces of 24 px, enlarged to their size."""
    return pixelated(images, SMALL_SIDE)


def gamma(images: Tensor) -> Tensor:
    """Return faces with deep shadows, by gamma 2.5."""
    return (images / 255) ** GAMMA * 255


def tilt(images: Tensor) -> Tensor:
    """Return faces tilted by 15 degrees."""
    angle = torch.deg2rad(torch.tensor(TILT))
    cos, sin = float(angle.cos()), float(angle.sin())
    theta = torch.tensor([[cos, -sin, 0.0], [sin, cos, 0.0]]).expand(len(images), 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def dark(images: Tensor) -> Tensor:
    """Return faces with a quarter of the light and the sensor's noise."""
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0)) * NOISE
    return images * DARK + noise


STRESSES: dict[str, Callable[[Tensor], Tensor]] = {
    "24 px": small,
    "gamma 2.5": gamma,
    "15 degrees of tilt": tilt,
    "dark with noise": dark,
}


def stressed(images: NDArray[np.uint8], stress: str) -> NDArray[np.uint8]:
    """Return images (n, 48, 48) uint8 under one of STRESSES."""
    changed = STRESSES[stress](torch.from_numpy(images).unsqueeze(1).float())
    result: NDArray[np.uint8] = changed.round().clamp(0, 255).squeeze(1).byte().numpy()
    return result
