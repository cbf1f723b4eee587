"""A portrait's picture, 320x400 px, and what every brush on it needs."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.samples import PORTRAIT_HEIGHT, PORTRAIT_WIDTH

MIDDLE = PORTRAIT_WIDTH / 2
CANVAS_LEFT, CANVAS_TOP = 32, 44  # px: where the canvas of the face lies in the portrait
Painting = NDArray[np.float32]  # (400, 320, 3) BGR, 0 to 255
Mask = NDArray[np.float32]  # (400, 320), 0 to 1

YS, XS = (axis.astype(np.float32) for axis in np.mgrid[:PORTRAIT_HEIGHT, :PORTRAIT_WIDTH])


def inside(distance_px: NDArray[np.floating], softness_px: float) -> Mask:
    """Return 1 where a distance inside an outline is positive, 0 outside, with so soft an edge."""
    return np.asarray(1 / (1 + np.exp(-np.clip(distance_px / softness_px, -30, 30))), dtype=np.float32)


def rounded(x: float, y: float, half_width: float, half_height: float, power: float = 2.0) -> Mask:
    """Return how far each place is inside a superellipse around (x, y) px, in px of its mean radius."""
    distance = ((abs(XS - x) / half_width) ** power + (abs(YS - y) / half_height) ** power) ** (1 / power)
    return np.asarray((1 - distance) * (half_width + half_height) / 2, dtype=np.float32)


def glow(x: float, y: float, width: float, height: float) -> Mask:
    """Return a soft spot of light around (x, y) px."""
    return np.asarray(np.exp(-(((XS - x) / width) ** 2) - ((YS - y) / height) ** 2), dtype=np.float32)


def noise(seed: int, sigma_x: float, sigma_y: float, shape: tuple[int, int] = XS.shape) -> NDArray[np.float32]:
    """Return noise of mean 0 and spread 1, smooth over so many px; the same for a seed in every run."""
    rough = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    smooth = cv2.GaussianBlur(rough, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REFLECT)
    return np.asarray(smooth / smooth.std(), dtype=np.float32)


def lay(picture: Painting, colour: NDArray[np.floating], mask: Mask) -> Painting:
    """Return a picture with a colour, (3,) or (400, 320, 3), laid over it where the mask is 1."""
    share = mask[..., None]
    return np.asarray(picture * (1 - share) + colour * share, dtype=np.float32)


def shaded(colour: tuple[int, int, int], light: NDArray[np.floating]) -> Painting:
    """Return a colour under light (400, 320)."""
    return np.asarray(np.array(colour, np.float32) * light[..., None], dtype=np.float32)
