"""The wall of the demo's gallery, with the gilded frames of its portraits; it goes round in a circle."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sources.portrait import Hanging
from vision.frames import Image

COLOUR = np.array((169, 188, 205), np.float32)  # BGR: a warm light gray
GOLD, SHINE = np.array((84, 158, 212), np.float32), np.array((70, 100, 112), np.float32)
FRAME_PX = 19  # width of a frame at a picture's full size
SEED = 3

Plane = NDArray[np.float32]  # (height, width)


def paint_wall(width: int, height: int, hangings: Sequence[Hanging]) -> Image:
    """Return the wall (height, width, 3) uint8 BGR, whose right edge continues at its left one."""
    light = np.full((height, width), 0.72, np.float32)
    for hanging in hangings:
        x, y = _from_centre(width, height, hanging)
        reach_x, reach_y = 0.62 * hanging.width + 45, 0.62 * hanging.height + 45
        light += 0.42 * np.exp(-((x / reach_x) ** 2) - ((y + 0.12 * hanging.height) / reach_y) ** 2)
    plaster = 1.0 * _noise(width, height, 1.2, 0) + 1.6 * _noise(width, height, 18, 1)
    wall = COLOUR * np.minimum(light, 1.16)[..., None] + plaster[..., None]
    grain = 0.018 * _noise(width, height, 0.8, 2)
    for hanging in hangings:
        wall *= _shadow(width, height, hanging)[..., None]
        _frame(wall, grain, hanging)
    return np.clip(wall, 0, 255).astype(np.uint8)


def frame_px(hanging: Hanging) -> int:
    """Return the width in px of a portrait's frame."""
    return max(9, round(hanging.scale * FRAME_PX))


def _from_centre(width: int, height: int, hanging: Hanging) -> tuple[Plane, Plane]:
    """Return how far right and below a portrait's centre each place is, the shorter way round the wall."""
    x = (np.arange(width, dtype=np.float32) + 0.5 - hanging.centre[0] + width / 2) % width - width / 2
    y = np.arange(height, dtype=np.float32) + 0.5 - hanging.centre[1]
    return np.broadcast_to(x, (height, width)), np.broadcast_to(y[:, None], (height, width))


def _noise(width: int, height: int, sigma: float, number: int) -> Plane:
    """Return noise of mean 0 and spread 1 that goes round the wall."""
    rough = np.random.default_rng((SEED, number)).normal(size=(height, width)).astype(np.float32)
    reach = int(4 * sigma) + 1
    round_about = np.concatenate((rough[:, -reach:], rough, rough[:, :reach]), axis=1)
    smooth = cv2.GaussianBlur(round_about, (0, 0), sigma)[:, reach:-reach]
    return np.asarray(smooth / smooth.std(), dtype=np.float32)


def _shadow(width: int, height: int, hanging: Hanging) -> Plane:
    """Return the light that a frame leaves on the wall below and to its right."""
    x, y = _from_centre(width, height, hanging)
    scale, frame = hanging.scale, frame_px(hanging)
    beyond_x = np.maximum(abs(x - 5 * scale - 3) - hanging.width / 2 - frame, 0)
    beyond_y = np.maximum(abs(y - 12 * scale - 4) - hanging.height / 2 - frame, 0)
    away = np.hypot(beyond_x, beyond_y) / (20 * scale + 8)
    return np.asarray(1 - 0.55 * np.clip(1 - away, 0, 1) ** 1.7, dtype=np.float32)


def _frame(wall: NDArray[np.float32], grain: Plane, hanging: Hanging) -> None:
    """Draw a portrait's gilded frame on the wall: rounded, lit from above left, a dark line inside."""
    width = frame_px(hanging)
    left, top = hanging.centre[0] - hanging.width // 2 - width, hanging.centre[1] - hanging.height // 2 - width
    place = np.s_[top : top + hanging.height + 2 * width, left : left + hanging.width + 2 * width]
    y, x = np.mgrid[: hanging.height + 2 * width, : hanging.width + 2 * width].astype(np.float32)
    beyond_x = abs(x - (x.shape[1] - 1) / 2) - (hanging.width - 1) / 2
    beyond_y = abs(y - (y.shape[0] - 1) / 2) - (hanging.height - 1) / 2
    outward = np.maximum(beyond_x, beyond_y)
    share = np.clip(outward / width, 0, 1)  # 0 at the picture, 1 at the wall
    beside = beyond_x > beyond_y
    normal_x = np.where(beside, np.sign(x - x.shape[1] / 2), 0)
    normal_y = np.where(beside, 0, np.sign(y - y.shape[0] / 2))
    tilt = -np.cos(np.pi * share) * 0.95
    lit = -(normal_x * 0.5 + normal_y * 0.8) * tilt * 0.75 + np.sqrt(np.maximum(1 - tilt**2, 0)) * 0.62
    tone = np.clip(0.36 + 0.46 * lit + 0.06 * np.cos(share * np.pi * 5), 0.06, 1.25) + grain[place]
    gold = GOLD * tone[..., None] + SHINE * (np.clip(lit - 0.6, 0, 1) ** 1.2)[..., None]
    gold = gold * np.clip(outward / 1.6 * 0.6 + 0.4, 0, 1)[..., None]
    wall[place] = np.where((outward > 0)[..., None], gold, wall[place])
