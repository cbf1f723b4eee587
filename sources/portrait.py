"""A living portrait: one person's pictures, between whose expressions it moves as a face does.

Each picture shows the person with one emotion. A coarse grid of displacements says where each place of the mean
resting face lies in it, so that two pictures can be brought into one shape between both, and only then mixed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sources.eyes import EYES, gaze_px, lids_closed, move_eye
from vision.frames import Image
from vision.samples import GRID_PX, PORTRAIT_HEIGHT, PORTRAIT_WIDTH

Grid = NDArray[np.float32]  # (51, 41, 2): how far each node moves, x and y in px
Map = NDArray[np.float32]  # (h, w, 2): the place in a picture that each px of the opening shows

HOLD_S, FADE_S = 2.8, 0.9  # of an expression, and of its change into the next
OPENING_PX = (272, 350)  # what the frame leaves free of the picture
CENTRE = (160.0, 187.0)  # of the opening, in px of the picture
SHOULDERS_Y = 330.0  # the point about which the head sways

_X, _Y = (
    axis.astype(np.float32)
    for axis in np.meshgrid(
        np.arange(0, PORTRAIT_WIDTH + 1, GRID_PX), np.arange(0, PORTRAIT_HEIGHT + 1, GRID_PX)
    )
)


def smoothstep(t: NDArray[np.floating] | float) -> NDArray[np.float32]:
    """Return 3t^2 - 2t^3 of t cut to 0 to 1."""
    cut = np.clip(t, 0, 1)
    return np.asarray(cut * cut * (3 - 2 * cut), dtype=np.float32)


_SWAY = smoothstep((1.15 - np.hypot((_X - 160) / 165, (_Y - 165) / 195)) / 0.5)  # fixed at shoulders and edges
_DEPTH = np.exp(-(((_X - 160) / 55) ** 2) - ((_Y - 185) / 75) ** 2)  # the nose is nearer than the ears


@dataclass(frozen=True)
class Hanging:
    """How a portrait hangs: the centre (x, y) and the height of its opening in px of the wall.

    Attributes:
        centre: The opening's centre on the wall.
        height: The opening's height.
        turns: The indices of the emotions that it shows in turn.
        ahead_s: How far its time is ahead of the others'.
    """

    centre: tuple[int, int]
    height: int
    turns: Sequence[int]
    ahead_s: float

    @property
    def scale(self) -> float:
        """The px of the wall for one of the picture."""
        return self.height / OPENING_PX[1]

    @property
    def width(self) -> int:
        """The opening's width in px of the wall, which is even."""
        return int(self.height * OPENING_PX[0] / OPENING_PX[1]) // 2 * 2

    def expression(self, t_s: float) -> tuple[int, int, float]:
        """Return the emotion at a time, the next one, and how much of that is seen already, 0 to 1."""
        turn, within_s = divmod(t_s + self.ahead_s, HOLD_S + FADE_S)
        now, following = (self.turns[(int(turn) + step) % len(self.turns)] for step in (0, 1))
        return now, following, float(smoothstep((within_s - HOLD_S) / FADE_S)) if within_s > HOLD_S else 0.0


class Portrait:
    """One person's portrait in its frame's opening."""

    def __init__(self, pictures: Sequence[Image], grids: NDArray[np.float32], hanging: Hanging) -> None:
        """Take a picture (400, 320, 3) and a grid (51, 41, 2) for each emotion."""
        self.hanging = hanging
        self._pictures = pictures
        self._grids = grids
        self._eyes = [_eyes_of(grid) for grid in grids]
        scale, size = hanging.scale, (hanging.width, hanging.height)
        middle = ((size[0] - 1) / 2, (size[1] - 1) / 2)
        self._to_opening = np.array(
            [
                [scale * GRID_PX, 0, middle[0] - CENTRE[0] * scale],
                [0, scale * GRID_PX, middle[1] - CENTRE[1] * scale],
            ]
        )
        self._light = _shadow_of_the_frame(hanging.width, hanging.height, scale)

    def draw(self, t_s: float) -> Image:
        """Return the opening's image (height, width, 3) uint8 BGR at a time."""
        now, following, share = self.hanging.expression(t_s)
        grid = self._grids[now] * np.float32(1 - share) + self._grids[following] * np.float32(share)
        grid += _sway(t_s + 3 * self.hanging.ahead_s)
        back, eyes = _inverted(grid), self._eyes_in_opening(grid)
        image = self._picture(now, back, eyes, t_s)
        if share > 0:
            more = self._picture(following, back, eyes, t_s)
            image = np.asarray(cv2.addWeighted(image, 1 - share, more, share, 0), dtype=np.uint8)
        return np.asarray(cv2.multiply(image, self._light, dtype=cv2.CV_8U), dtype=np.uint8)

    def _eyes_in_opening(self, grid: Grid) -> list[tuple[float, float]]:
        """Return where in the opening the eyes of a face in the shape of a grid are, x and y in px."""
        return [
            (
                (x - CENTRE[0]) * self.hanging.scale + (self.hanging.width - 1) / 2,
                (y - CENTRE[1]) * self.hanging.scale + (self.hanging.height - 1) / 2,
            )
            for x, y in _eyes_of(grid)
        ]

    def _picture(
        self, emotion: int, back: Grid, eyes: list[tuple[float, float]], t_s: float
    ) -> NDArray[np.uint8]:
        """Return the opening with one emotion's picture, in the shape that `back` leads away from.

        The eyes, whose places in the opening are given, blink and glance as the time wants it.
        """
        x, y = _X + back[..., 0], _Y + back[..., 1]
        places = np.stack((x, y), axis=-1) + _at(self._grids[emotion], x, y)
        size = (self.hanging.width, self.hanging.height)
        warped = cv2.warpAffine(
            places, self._to_opening, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        shown = np.asarray(warped, dtype=np.float32)
        lids, gaze = lids_closed(t_s + 7 * self.hanging.ahead_s), gaze_px(t_s + 5 * self.hanging.ahead_s)
        for eye, at in zip(self._eyes[emotion], eyes, strict=True):
            move_eye(shown, eye, at, self.hanging.scale, lids, gaze)
        picture = self._pictures[emotion]
        drawn = cv2.remap(picture, shown, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]  # cv2's stubs want a second map
        return np.asarray(drawn, dtype=np.uint8)


def _at(grid: Grid, x: NDArray[np.float32], y: NDArray[np.float32]) -> Grid:
    """Return a grid's displacements at places in px of the picture."""
    step = np.float32(GRID_PX)
    return np.asarray(
        cv2.remap(grid, x / step, y / step, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32
    )


def _eyes_of(grid: Grid) -> list[tuple[float, float]]:
    """Return where the eyes of a face in the shape of a grid are, x and y in px of the picture."""
    return [(x + float(dx), y + float(dy)) for x, y in EYES for dx, dy in [_node(grid, x, y)]]


def _node(grid: Grid, x: float, y: float) -> NDArray[np.float32]:
    """Return the displacement (2,) of the node nearest to a place."""
    return np.asarray(grid[round(y / GRID_PX), round(x / GRID_PX)])


def _inverted(grid: Grid) -> Grid:
    """Return the displacements back, by four steps of a fixed-point iteration."""
    back = -grid
    for _ in range(4):
        back = -_at(grid, _X + back[..., 0], _Y + back[..., 1])
    return back


def _sway(t_s: float) -> Grid:
    """Return the displacements of a head that turns and moves a little, shoulders at rest."""
    angle = math.radians(2.0 * math.sin(t_s * 0.7))
    x, y = 2.6 * math.sin(t_s * 0.53 + 1), 1.5 * math.sin(t_s * 0.9)
    turned_px = 4.0 * math.sin(t_s * 0.45 + 2)
    sideways = ((SHOULDERS_Y - _Y) * angle + x) * _SWAY + turned_px * _DEPTH
    return np.stack((sideways, ((_X - CENTRE[0]) * angle + y) * _SWAY), axis=-1).astype(np.float32)


def _shadow_of_the_frame(width: int, height: int, scale: float) -> NDArray[np.float32]:
    """Return the light (height, width, 3) on a picture that lies deeper than its frame, lit from above left."""
    x, y = np.meshgrid(np.arange(width) / scale, np.arange(height) / scale)
    shadow = np.clip(1 - np.minimum(x, y) / 26, 0, 1) ** 2
    dim = np.clip(1 - np.minimum(width / scale - x, height / scale - y) / 12, 0, 1) ** 2
    light = (1 - 0.5 * shadow - 0.18 * dim).astype(np.float32)
    return np.repeat(light[..., None], 3, axis=2)
