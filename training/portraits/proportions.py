"""Gives a sitter's face proportions of its own, so that it is nearer to nobody in the photographs."""

from dataclasses import astuple, dataclass
from typing import Self

import numpy as np

from training.portraits.canvas import XS, YS, Flow, Plane
from training.portraits.expressions import Expression
from training.portraits.flow import inverted, pull

MIDDLE = 127.5  # px of the canvas


@dataclass(frozen=True)
class Proportions:
    """How far a face's parts are moved from where the average has them, in px of the canvas.

    Attributes:
        eyes_apart: Each eye outward.
        eyes_up: Both eyes and their brows upward.
        nose_down: The tip of the nose downward.
        mouth_down: The mouth downward.
        mouth_wide: Each corner of the mouth outward.
        jaw_wide: Each side of the jaw outward.
    """

    eyes_apart: float = 0.0
    eyes_up: float = 0.0
    nose_down: float = 0.0
    mouth_down: float = 0.0
    mouth_wide: float = 0.0
    jaw_wide: float = 0.0

    def stretched(self, factor: float) -> Self:
        """Return the same proportions, so many times as far from the average's."""
        return type(self)(*(factor * value for value in astuple(self)))


def reshape(expression: Expression, proportions: Proportions) -> Expression:
    """Return an expression with a sitter's proportions."""
    moved = flow_of(proportions)
    there = pull(moved, inverted(expression.flow))
    return Expression(pull(expression.face, inverted(there)), expression.flow + moved)


def flow_of(proportions: Proportions) -> Flow:
    """Return the flow from the mean resting face to the same face with these proportions."""
    right = np.tanh((XS - MIDDLE) / 16)  # -1 on the left, 1 on the right, without a crease between
    eyes = _bump(94, 108, 26, 24) + _bump(161, 108, 26, 24)
    nose, mouth = _bump(MIDDLE, 160, 24, 24), _bump(MIDDLE, 198, 38, 18)
    jaw = _bump(72, 196, 24, 40) + _bump(183, 196, 24, 40)
    across = eyes * right * proportions.eyes_apart + jaw * right * proportions.jaw_wide
    across += mouth * (XS - MIDDLE) / 26 * proportions.mouth_wide
    down = nose * proportions.nose_down + mouth * proportions.mouth_down - eyes * proportions.eyes_up
    return np.stack((across, down), axis=-1).astype(np.float32)


def _bump(x: float, y: float, half_width: float, half_height: float) -> Plane:
    return np.asarray(np.exp(-(((XS - x) / half_width) ** 2) - ((YS - y) / half_height) ** 2), np.float32)
