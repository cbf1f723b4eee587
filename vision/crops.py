"""Faces cut out of an image, turned upright where the head is tilted."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_TILT_DEG = 8.0  # a smaller tilt costs no accuracy, and a turned crop takes three times as long
OVERSAMPLING = 2  # of a turned face, which is averaged afterwards, because turning blurs

Tilts = NDArray[np.floating[Any]] | None  # (n,) degrees clockwise of the line of the eyes; None: all upright


def cut_face(
    gray: NDArray[np.uint8], box: NDArray[np.integer[Any]], side_px: int, tilt_deg: float = 0.0
) -> NDArray[np.uint8]:
    """Return the face in a box as a crop (side_px, side_px) uint8, upright.

    Pixels outside the image repeat its border.

    Args:
        gray: The image (H, W) uint8.
        box: The face (4,) int xyxy px.
        side_px: The side of the crop.
        tilt_deg: The angle in degrees of the line of the eyes, clockwise in the image; beyond MIN_TILT_DEG the
            face is turned about the centre of its box. NaN, for an unknown angle, turns nothing.

    Raises:
        ValueError: The box is empty or wholly outside.
    """
    height, width = gray.shape
    x1, y1, x2, y2 = box.tolist()
    if x2 <= x1 or y2 <= y1:
        raise ValueError(f"a box must have x1 < x2 and y1 < y2, got {[x1, y1, x2, y2]}")
    inside: NDArray[Any] = gray[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
    if inside.size == 0:
        raise ValueError(f"box {[x1, y1, x2, y2]} lies outside an image of {width}x{height}")
    if abs(tilt_deg) > MIN_TILT_DEG:
        return _cut_turned(gray, (x1, y1, x2, y2), side_px, tilt_deg)
    outside = (max(-y1, 0), max(y2 - height, 0), max(-x1, 0), max(x2 - width, 0))
    if any(outside):
        inside = cv2.copyMakeBorder(inside, *outside, borderType=cv2.BORDER_REPLICATE)
    method = cv2.INTER_AREA if inside.shape[0] > side_px else cv2.INTER_LINEAR
    return cv2.resize(inside, (side_px, side_px), interpolation=method).astype(np.uint8, copy=False)


def _cut_turned(
    gray: NDArray[np.uint8], box: tuple[int, int, int, int], side_px: int, tilt_deg: float
) -> NDArray[np.uint8]:
    """Return the face in a box as a crop (side_px, side_px), turned by -tilt_deg about the box's centre."""
    x1, y1, x2, y2 = box
    side = side_px * OVERSAMPLING
    x, y, reach = (x1 + x2) / 2, (y1 + y2) / 2, math.hypot(x2 - x1, y2 - y1) / 2 + 1
    left, top = max(math.floor(x - reach), 0), max(math.floor(y - reach), 0)
    part: NDArray[Any] = gray[top : math.ceil(y + reach), left : math.ceil(x + reach)]
    scale = min(side / (x2 - x1), 1.0)
    if scale < 1:  # shrink first, because warpAffine samples and does not average
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    step = rotation_matrix(tilt_deg) @ np.diag([x2 - x1, y2 - y1]) * (scale / side)
    centre = np.array([x - left, y - top]) * scale - 0.5  # pixel 0 has its centre at 0.5
    to_part = np.column_stack((step, centre - step.sum(axis=1) * (side - 1) / 2))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    turned = cv2.warpAffine(part, to_part, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(turned, (side_px, side_px), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def turn_back(maps: NDArray[np.float32], tilts_deg: Tilts) -> NDArray[np.float32]:
    """Return maps (n, c, h, h) float32 of the crops of `cut_face` as maps of the boxes, which are not turned.

    What lies outside the crop is 0.
    """
    if tilts_deg is None:
        return maps
    result, side = maps.copy(), maps.shape[-1]
    for row in np.flatnonzero(np.abs(tilts_deg) > MIN_TILT_DEG):
        step = rotation_matrix(-float(tilts_deg[row]))
        to_crop = np.column_stack((step, (1 - step.sum(axis=1)) * (side - 1) / 2))
        for channel in result[row]:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            channel[...] = cv2.warpAffine(channel, to_crop, (side, side), flags=flags)
    return result


def rotation_matrix(degrees: float) -> NDArray[np.float64]:
    """Return the matrix (2, 2) that turns (x, y) px clockwise in an image."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])
