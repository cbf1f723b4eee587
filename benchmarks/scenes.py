"""Scenes for measurements: faces laid softly onto a quiet gray background."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray


def background(height: int, width: int) -> NDArray[np.uint8]:
    """Return a quiet gray background (height, width) uint8 without patterns like a face."""
    rows = np.linspace(92, 58, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 2
    return np.asarray(rows - 22 * columns).astype(np.uint8)


def paste(
    scene: NDArray[np.uint8],
    face: NDArray[np.uint8],
    centre: tuple[float, float],
    side_px: float,
) -> None:
    """Blend a face into a gray scene.

    Args:
        scene: The gray image (H, W) uint8 to draw on.
        face: The face (s, s) uint8.
        centre: The face's centre (x, y) in the scene, in px.
        side_px: The face's side in the scene.
    """
    scale = side_px / face.shape[0]
    reach = math.ceil(side_px / 2) + 2
    left, top = int(centre[0]) - reach, int(centre[1]) - reach
    size = (2 * reach, 2 * reach)
    half = face.shape[0] / 2
    matrix = np.array([[scale, 0, centre[0] - left - half * scale], [0, scale, centre[1] - top - half * scale]])
    warped = cv2.warpAffine(face, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(_mask(face.shape[0]), matrix, size)
    region = scene[top : top + size[1], left : left + size[0]]
    blended = region + (warped.astype(np.float32) - region) * mask
    region[...] = blended.astype(np.uint8)


def _mask(side: int) -> NDArray[np.float32]:
    """Return a soft rounded square (side, side) float32, 1 inside and 0 at the border."""
    axis = np.abs(np.linspace(-1, 1, side, dtype=np.float32)) ** 3
    distance = np.cbrt(axis[None, :] + axis[:, None])
    return np.asarray(np.clip((1.0 - distance) / 0.12, 0, 1), dtype=np.float32)
