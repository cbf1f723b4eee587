"""What a face may look like besides what the photograph shows: mirrored, moved, tilted, nearer, smaller."""

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_SHIFT = 0.1  # of the side
MAX_TILT = 0.17  # radians, 10 degrees
MAX_ZOOM = 0.1


def augment(images: Tensor, side: int) -> Tensor:
    """Return images (n, 1, 48, 48) float warped at random and resized to (n, 1, side, side).

    Draws from torch's default generator. Pixels from outside repeat the border.
    """
    n = len(images)
    angle = (torch.rand(n) * 2 - 1) * MAX_TILT
    zoom = 1 + (torch.rand(n) * 2 - 1) * MAX_ZOOM
    mirror = torch.randint(0, 2, (n,)) * 2.0 - 1
    shift = (torch.rand(n, 2) * 2 - 1) * MAX_SHIFT * 2  # the grid spans -1 to 1: two units a side
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    theta = torch.stack(
        (
            torch.stack((cos * mirror, -sin, shift[:, 0]), dim=1),
            torch.stack((sin * mirror, cos, shift[:, 1]), dim=1),
        ),
        dim=1,
    ).to(images.device)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    warped = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return resize(warped, side)


def resize(images: Tensor, side: int) -> Tensor:
    """Return images (n, 1, h, w) float as (n, 1, side, side), smoothed where they shrink."""
    if images.shape[-2:] == (side, side):
        return images
    return F.interpolate(images, (side, side), mode="bilinear", antialias=True)
