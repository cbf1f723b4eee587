"""Augmentation of faces: they are moved, lit, blurred and covered, as a webcam might show them.

All functions take and return images (n, 1, h, w) float, 0 to 255, and draw from torch's default generator of
the images' device.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from training.config import Config

GAMMA = (0.4, 2.5)
CONTRAST = (0.5, 1.5)
MAX_RAMP = 0.7  # of the light, lost at the dark side of the face
WEBCAM_SIDE = (16, 40)  # px, of a face as a webcam sees it
MAX_NOISE = 16.0  # gray levels, standard deviation
BLUR = (0.5, 1.6)  # px at 48, sigma
COVERED = (0.15, 0.45)  # of the side


def augment(
    images: Tensor,
    side: int,
    webcam: float,
    tilt_degrees: float = Config.tilt_degrees,
    *,
    flip: bool = Config.flip,
    zoom: float = Config.zoom,
    shift: float = Config.shift,
    jitter: float = Config.jitter,
    erase: float = Config.erase,
) -> Tensor:
    """Return the images moved, changed, degraded as by a webcam, and resized to side x side px.

    webcam, 0 to 1, is the probability of each degradation, lower for some; the others are as in
    training.config.Config.
    """
    n = len(images)
    images = move(images, tilt_degrees, flip, zoom, shift)
    if jitter:
        images = flicker(images, jitter)
    if erase:
        covered = (_between(images, 0, 1) < erase).view(n, 1, 1, 1)
        images = torch.where(covered, cover(images), images)
    for change, share in ((light, 1.0), (shade, 0.5), (coarsen, 0.5), (blur, 0.4), (grain, 0.6), (cover, 0.6)):
        chosen = torch.nonzero(torch.rand(n) < webcam * share).squeeze(1)
        if len(chosen):
            images[chosen] = change(images[chosen])
    return resize(images, side)


def move(images: Tensor, tilt_degrees: float, flip: bool, zoom: float, shift: float) -> Tensor:
    """Return the images mirrored, tilted, zoomed and shifted; pixels from outside repeat the border."""
    angle = _between(images, -math.radians(tilt_degrees), math.radians(tilt_degrees))
    scale = torch.exp(_between(images, -math.log(zoom), math.log(zoom)))
    mirror = torch.randint(0, 2, (len(images),), device=images.device) * 2.0 - 1
    if not flip:
        mirror = torch.ones_like(mirror)
    aside = _between(images, -shift, shift) * 2  # the grid spans -1 to 1: two units a side
    rise = _between(images, -shift, shift) * 2
    cos, sin = angle.cos() * scale, angle.sin() * scale
    across = torch.stack((cos * mirror, -sin, aside), dim=1)
    down = torch.stack((sin * mirror, cos, rise), dim=1)
    theta = torch.stack((across, down), dim=1)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def flicker(images: Tensor, most: float) -> Tensor:
    """Multiply brightness and contrast by 1 - most to 1 + most, and clip as a sensor does."""
    bright, contrast = (_between(images, 1 - most, 1 + most).view(-1, 1, 1, 1) for _ in range(2))
    images = images * bright
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return ((images - mean) * contrast + mean).clamp(0, 255)


def light(images: Tensor) -> Tensor:
    """Change gamma and contrast, and clip as a sensor does."""
    gamma = torch.exp(_between(images, math.log(GAMMA[0]), math.log(GAMMA[1])))
    contrast = _between(images, *CONTRAST)
    gamma, contrast = (t.view(-1, 1, 1, 1) for t in (gamma, contrast))
    bright = (images / 255).clamp(0, 1) ** gamma * 255
    mean = bright.mean(dim=(1, 2, 3), keepdim=True)
    return ((bright - mean) * contrast + mean).clamp(0, 255)


def shade(images: Tensor) -> Tensor:
    """Darken one side of the face by a linear ramp, in any direction."""
    n, _, h, w = images.shape
    angle, strength = _between(images, 0, 2 * math.pi), _between(images, 0, MAX_RAMP)
    across, down = (torch.linspace(-0.5, 0.5, side, device=images.device) for side in (w, h))
    slope = angle.cos().view(n, 1, 1) * across + angle.sin().view(n, 1, 1) * down.view(1, h, 1)
    ramp = 1 - strength.view(n, 1, 1) * (slope + 0.5).clamp(0, 1)
    return images * ramp.unsqueeze(1)


def coarsen(images: Tensor) -> Tensor:
    """Shrink all images to one small side and enlarge them again, as if far from the camera."""
    return pixelated(images, int(torch.randint(WEBCAM_SIDE[0], WEBCAM_SIDE[1] + 1, ())))


def pixelated(images: Tensor, side: int) -> Tensor:
    """Return the images shrunk to side x side px and enlarged again."""
    small = F.interpolate(images, (side, side), mode="bilinear", antialias=True)
    return F.interpolate(small, images.shape[-2:], mode="bilinear", align_corners=False)


def blur(images: Tensor) -> Tensor:
    """Blur all images with one Gaussian, as a lens out of focus."""
    sigma = BLUR[0] + (BLUR[1] - BLUR[0]) * float(torch.rand(()))
    taps = torch.exp(-0.5 * (torch.arange(-4, 5, device=images.device) / sigma) ** 2)
    taps = taps / taps.sum()
    padded = F.pad(images, (4, 4, 4, 4), mode="replicate")
    return F.conv2d(F.conv2d(padded, taps.view(1, 1, 1, 9)), taps.view(1, 1, 9, 1))


def grain(images: Tensor) -> Tensor:
    """Add a sensor's noise, as strong in a dark image as in a bright one."""
    strength = _between(images, 0, MAX_NOISE).view(-1, 1, 1, 1)
    return (images + torch.randn_like(images) * strength).clamp(0, 255)


def cover(images: Tensor) -> Tensor:
    """Cover a rectangle with one gray level (random erasing, Zhong et al. 2017, arXiv 1708.04896)."""
    n, _, h, w = images.shape
    height, width = _between(images, *COVERED) * h, _between(images, *COVERED) * w
    top, left = _between(images, 0, 1) * (h - height), _between(images, 0, 1) * (w - width)
    rows, columns = (torch.arange(side, device=images.device).view(1, side) for side in (h, w))
    in_rows = (rows >= top.view(n, 1)) & (rows < (top + height).view(n, 1))
    in_columns = (columns >= left.view(n, 1)) & (columns < (left + width).view(n, 1))
    hidden = (in_rows.view(n, h, 1) & in_columns.view(n, 1, w)).unsqueeze(1)
    gray = _between(images, 0, 255).view(n, 1, 1, 1)
    return torch.where(hidden, gray, images)


def resize(images: Tensor, side: int) -> Tensor:
    """Return the images at side x side px, smoothed where they shrink."""
    if images.shape[-2:] == (side, side):
        return images
    return F.interpolate(images, (side, side), mode="bilinear", antialias=True)


def _between(images: Tensor, low: float, high: float) -> Tensor:
    """Return a random value (n,) float for each image, uniform between low and high, on the images' device."""
    return torch.rand(len(images), device=images.device) * (high - low) + low
