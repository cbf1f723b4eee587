"""The canvas on which faces are laid over each other: 256x256 px, of which FER2013's frame is the middle."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nn.model_card import INPUT_SIDE

SIDE = 256  # px of the canvas
SCALE = 4.0  # px of the canvas for one of a face of 48x48
MARGIN = (SIDE - SCALE * INPUT_SIDE) / 2

Plane = NDArray[np.floating[Any]]  # (256, 256), or (48, 48) where a face is meant
Flow = NDArray[np.floating[Any]]  # (256, 256, 2): how far each place moves, x and y in px

YS, XS = (axis.astype(np.float32) for axis in np.mgrid[:SIDE, :SIDE])
# From px of the canvas to px of a face that is not warped; the centres of px are meant.
_SHIFT = (0.5 - MARGIN) / SCALE - 0.5
TO_FACE = np.array([[1 / SCALE, 0, _SHIFT], [0, 1 / SCALE, _SHIFT], [0, 0, 1]])


def blur(image: NDArray[np.floating[Any]], sigma: float) -> NDArray[np.float32]:
    """Return an image or flow under a Gaussian of sigma px."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.float32)


def local_contrast(image: Plane, sigma: float) -> Plane:
    """Return an image without light and shade: minus its mean around each place, over its spread there."""
    detail = image - blur(image, sigma)
    return np.asarray(detail / (np.sqrt(blur(detail * detail, sigma * 1.5)) + 4), dtype=np.float32)


def sharpen(image: Plane, amount: float, sigma: float) -> Plane:
    """Return an image with so much of its detail finer than sigma px added."""
    return image + np.float32(amount) * (image - blur(image, sigma))


def place(face: NDArray[np.uint8], warp: Plane) -> tuple[Plane, Plane]:
    """Return a face (48, 48) on the canvas, and where it reaches, 0 to 1; both (256, 256) float32.

    Its middle has the mean 0 and the spread 1. warp (2, 3) leads from px of the mean face to px of this face.
    """
    gray = face.astype(np.float32)
    middle = gray[10:40, 10:38]
    gray = (gray - middle.mean()) / max(float(middle.std()), 8.0)
    matrix = (np.vstack([warp, [0, 0, 1]]) @ TO_FACE)[:2]
    size, inverse = (SIDE, SIDE), cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(gray, matrix, size, flags=cv2.INTER_CUBIC | inverse, borderMode=cv2.BORDER_REPLICATE)
    reach = cv2.warpAffine(np.ones_like(gray), matrix, size, flags=cv2.INTER_LINEAR | inverse)
    reach = np.clip(blur(np.clip(reach * 2 - 1, 0, 1), 5) * 2 - 1, 0, 1)
    return laid.astype(np.float32), reach.astype(np.float32)


def mirrored(image: Plane) -> Plane:
    """Return an image flipped left to right."""
    return np.ascontiguousarray(image[:, ::-1])


def symmetric(image: Plane) -> Plane:
    """Return the mean of an image and its mirror image."""
    return (image + image[:, ::-1]) / np.float32(2)


def detail(canvas: Plane) -> NDArray[np.float32]:
    """Return a face's detail (1344,) float32 of length 1; products of two are their correlation."""
    small = cv2.resize(canvas[56:224, 64:192], (32, 42), interpolation=cv2.INTER_AREA)
    fine = small - cv2.GaussianBlur(small, (0, 0), 5)
    fine -= fine.mean()
    return np.asarray(fine / max(float(np.linalg.norm(fine)), 1e-6), dtype=np.float32).ravel()


def ellipse(x: float, y: float, half_width: float, half_height: float, softness: float) -> Plane:
    """Return an ellipse (256, 256) float32 around (x, y) px: 1 inside, 0 outside.

    softness is the share of its radius in which it fades.
    """
    distance = np.hypot((XS - x) / half_width, (YS - y) / half_height)
    return smoothstep((1 - distance) / softness + 0.5)


def smoothstep(ramp: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return 3t^2 - 2t^3 of a ramp t cut to 0 to 1."""
    t = np.clip(ramp, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)
