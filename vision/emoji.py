"""A smiley for each emotion, and one for "unsure", drawn here because not every machine has a font of emoji."""

from collections.abc import Callable
from functools import lru_cache
from math import cos, radians, sin
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw

from vision.colours import WHITE, bgr, ink_on
from vision.emotions import DETAILS, UNSURE, UNSURE_COLOUR

COVER = 1.25  # of a box's side: the head is larger than the box
MAX_SIDE_PX = 2048  # of a face that fills a large picture; a larger one is covered in part
PNG_SIDE_PX = 256  # of the pictures for pages
STEP_PX = 4  # between two sides, so that few smileys are kept
MASTER_PX = 1024  # the side of the drawing that is reduced, four times that of a face of 200 px
SCALE = 0.48 * MASTER_PX  # of the drawings' units: the head is a disc of radius 1 around (0, 0)
SHINE = 0.4  # how much white the brightest place of a head has
DARK, LIGHT, TONGUE, TEAR = "#24140f", "#ffffff", "#f2707c", "#9bdcff"

Points = list[tuple[float, float]]


class Emoji(NamedTuple):
    """A smiley of side px: colours (side, side, 3) uint8 BGR, and how opaque they are (side, side), 0 to 1."""

    colours: NDArray[np.uint8]
    opacity: NDArray[np.float32]


def lay_emoji(scene: NDArray[np.uint8], name: str, box: tuple[int, int, int, int]) -> None:
    """Draw the smiley of an emotion, or of "unsure", over a face's box in scene (H, W, 3) uint8 BGR."""
    height, width = scene.shape[:2]
    x1, y1, x2, y2 = box
    steps = max(round(max(x2 - x1, y2 - y1) * COVER / STEP_PX), 1)
    side_px = min(steps * STEP_PX, MAX_SIDE_PX)
    x, y = (x1 + x2 - side_px) // 2, (y1 + y2 - side_px) // 2
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + side_px, width), min(y + side_px, height)
    if left >= right or top >= bottom:
        return
    smiley, part = make_emoji(name, side_px), np.s_[top - y : bottom - y, left - x : right - x]
    face, colours = (np.ascontiguousarray(it) for it in (scene[top:bottom, left:right], smiley.colours[part]))
    opacity = smiley.opacity[part]
    scene[top:bottom, left:right] = cv2.blendLinear(face, colours, 1 - opacity, opacity)


@lru_cache(maxsize=256)
def make_emoji(name: str, side_px: int) -> Emoji:
    """Return the smiley of an emotion, or of "unsure", of that side."""
    small = cv2.resize(_master(name), (side_px, side_px), interpolation=cv2.INTER_AREA)
    opacity = (small[..., 3] / 255).astype(np.float32)
    return Emoji(small[..., :3].astype(np.uint8), opacity)


@lru_cache(maxsize=len(DETAILS) + 1)
def emoji_png(name: str) -> bytes:
    """Return the smiley of an emotion, or of "unsure", as a PNG of PNG_SIDE_PX; raises KeyError for another."""
    small = cv2.resize(_master(name), (PNG_SIDE_PX, PNG_SIDE_PX), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", small, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


@lru_cache(maxsize=len(DETAILS) + 1)
def _master(name: str) -> NDArray[np.uint8]:
    """Return a smiley (MASTER_PX, MASTER_PX, 4) uint8, BGR and alpha."""
    pen = _Pen(DETAILS[name].colour if name in DETAILS else UNSURE_COLOUR)
    _FEATURES[name](pen)
    return np.ascontiguousarray(np.asarray(pen.picture)[..., (2, 1, 0, 3)])


class _Pen:
    """Draws on a round head, in units of its radius, y downwards."""

    def __init__(self, colour: str) -> None:
        """Draw a head of a colour "#rrggbb", with a white rim around it that shows it on dark pictures."""
        self.ink = LIGHT if ink_on(bgr(colour)) == WHITE else DARK
        # transparent white: what is mixed in where the rim ends must not darken it
        self.picture = Image.new("RGBA", (MASTER_PX, MASTER_PX), (255, 255, 255, 0))
        self._pen = ImageDraw.Draw(self.picture)
        self.oval(0, 0, 1.02, 1.02, LIGHT)
        self.oval(0, 0, 0.97, 0.97, DARK)
        mask = Image.new("L", self.picture.size)
        ImageDraw.Draw(mask).ellipse(self._corners(0, 0, 0.94, 0.94), 255)
        self.picture.paste(_shaded(colour), mask=mask)

    def oval(self, x: float, y: float, across: float, down: float, colour: str = "") -> None:
        """Fill an ellipse around (x, y)."""
        self._pen.ellipse(self._corners(x, y, across, down), colour or self.ink)

    def shape(self, points: Points, colour: str) -> None:
        """Fill a polygon."""
        self._pen.polygon(self._pixels(points), colour)

    def line(self, points: Points, width: float = 0.1, colour: str = "") -> None:
        """Draw a line with round ends through points."""
        self._pen.line(self._pixels(points), colour or self.ink, round(width * SCALE), joint="curve")
        for x, y in points:
            self.oval(x, y, width / 2, width / 2, colour)

    def both(self, draw: Callable[[int], None]) -> None:
        """Draw on the left side (-1) and on the right side (1)."""
        for side in (-1, 1):
            draw(side)

    def eye(self, x: float, y: float, size: float, pupil: float, look: tuple[float, float] = (0, 0)) -> None:
        """Draw a wide eye, white with a rim and a dark pupil, that looks aside by look."""
        self.oval(x, y, size + 0.05, (size + 0.05) * 1.15, DARK)
        self.oval(x, y, size, size * 1.15, LIGHT)
        self.oval(x + look[0], y + look[1], pupil, pupil * 1.15, DARK)
        self.oval(x + look[0] - pupil * 0.35, y + look[1] - pupil * 0.45, pupil * 0.3, pupil * 0.3, LIGHT)

    def drop(self, x: float, y: float, size: float) -> None:
        """Draw a drop of water around (x, y), its tip above."""
        for colour, grown in ((DARK, 0.045), (TEAR, 0.0)):
            radius = size + grown
            self.oval(x, y, radius, radius, colour)
            left, right = (x - radius * 0.93, y - radius * 0.38), (x + radius * 0.93, y - radius * 0.38)
            self.shape([left, (x, y - radius * 2.1), right], colour)

    def _corners(self, x: float, y: float, across: float, down: float) -> list[tuple[float, float]]:
        return self._pixels([(x - across, y - down), (x + across, y + down)])

    def _pixels(self, points: Points) -> list[tuple[float, float]]:
        return [(MASTER_PX / 2 + x * SCALE, MASTER_PX / 2 + y * SCALE) for x, y in points]


def _shaded(colour: str) -> Image.Image:
    """Return a ground of the colour "#rrggbb" that is brighter up left, as a ball is in the light."""
    y, x = np.mgrid[:MASTER_PX, :MASTER_PX] / MASTER_PX
    share = SHINE * (1 - np.hypot(x - 0.32, y - 0.25) / 0.75).clip(0, 1)[..., None]
    rgb = np.array(ImageColor.getrgb(colour)) * (1 - share) + 255 * share
    return Image.fromarray(rgb.round().astype(np.uint8))


def arc(x: float, y: float, across: float, down: float, first: float, last: float) -> Points:
    """Return points of an ellipse around (x, y) from angle first to last, in degrees, 90 downwards."""
    angles = [radians(first + (last - first) * step / 24) for step in range(25)]
    return [(x + across * cos(angle), y + down * sin(angle)) for angle in angles]


def _draw_angry(pen: _Pen) -> None:
    pen.both(lambda side: pen.eye(0.36 * side, -0.08, 0.17, 0.1, (-0.03 * side, 0.04)))
    pen.both(lambda side: pen.line([(0.14 * side, -0.2), (0.64 * side, -0.46)], 0.16))
    teeth = [(-0.42, 0.36), (0.42, 0.36), (0.42, 0.62), (-0.42, 0.62)]
    pen.line([*teeth, teeth[0]], 0.16, DARK)
    pen.line([*teeth, teeth[0]], 0.07, LIGHT)
    pen.shape(teeth, LIGHT)
    pen.line([(-0.42, 0.49), (0.42, 0.49)], 0.04, DARK)
    for x in (-0.28, 0.0, 0.28):
        pen.line([(x, 0.36), (x, 0.62)], 0.04, DARK)


def _draw_disgust(pen: _Pen) -> None:
    pen.both(lambda side: pen.line([(0.58 * side, -0.28), (0.24 * side, -0.1), (0.58 * side, 0.02)]))
    pen.both(lambda side: pen.line([(0.16 * side, -0.4), (0.56 * side, -0.54)]))
    for colour, rim in ((DARK, 0.05), (TONGUE, 0.0)):
        pen.oval(0.2, 0.66, 0.16 + rim, 0.18 + rim, colour)
    pen.line([(0.2, 0.56), (0.2, 0.7)], 0.04)
    pen.line(arc(-0.23, 0.44, 0.23, 0.12, 180, 360) + arc(0.23, 0.44, 0.23, 0.12, 180, 0), 0.12)


def _draw_fear(pen: _Pen) -> None:
    pen.both(lambda side: pen.eye(0.36 * side, -0.14, 0.24, 0.08))
    pen.both(lambda side: pen.line([(0.2 * side, -0.68), (0.42 * side, -0.62), (0.62 * side, -0.48)]))
    lip = [(0.28, 0.7), (0.14, 0.62), (0.0, 0.7), (-0.14, 0.62), (-0.28, 0.7)]  # it trembles
    mouth = arc(0, 0.62, 0.42, 0.2, 180, 360) + lip
    pen.line([*mouth, mouth[0]])
    pen.shape(mouth, DARK)
    pen.drop(0.74, -0.18, 0.13)


def _draw_happy(pen: _Pen) -> None:
    pen.both(lambda side: pen.line(arc(0.38 * side, -0.12, 0.19, 0.22, 195, 345), 0.12))
    pen.both(lambda side: pen.oval(0.72 * side, 0.14, 0.13, 0.09, "#f08a4b"))
    mouth = arc(0, 0.16, 0.56, 0.54, 0, 180)
    pen.shape(mouth, "#5a1717")
    pen.shape(arc(0, 0.74, 0.36, 0.24, 195, 345) + arc(0, 0.16, 0.56, 0.54, 60, 120), TONGUE)
    pen.shape([(-0.54, 0.16), (0.54, 0.16), (0.47, 0.32), (-0.47, 0.32)], LIGHT)
    pen.line([*mouth, mouth[0]], 0.09)


def _draw_sad(pen: _Pen) -> None:
    pen.both(lambda side: pen.oval(0.34 * side, -0.06, 0.12, 0.16))
    pen.both(lambda side: pen.line([(0.16 * side, -0.48), (0.36 * side, -0.42), (0.58 * side, -0.26)]))
    pen.line(arc(0, 0.76, 0.36, 0.3, 205, 335), 0.12)
    pen.drop(-0.56, 0.36, 0.15)


def _draw_surprise(pen: _Pen) -> None:
    pen.both(lambda side: pen.eye(0.36 * side, -0.12, 0.19, 0.13))
    pen.both(lambda side: pen.line(arc(0.38 * side, -0.46, 0.22, 0.16, 200, 340)))
    pen.oval(0, 0.5, 0.26, 0.32)
    pen.oval(0, 0.52, 0.19, 0.24, "#7d1f3c")


def _draw_neutral(pen: _Pen) -> None:
    pen.both(lambda side: pen.oval(0.36 * side, -0.14, 0.12, 0.16))
    pen.line([(-0.38, 0.42), (0.38, 0.42)], 0.12)


def _draw_unsure(pen: _Pen) -> None:
    pen.both(lambda side: pen.eye(0.34 * side, -0.1, 0.17, 0.1, (0.06, -0.07)))
    pen.line(arc(0.36, -0.44, 0.22, 0.14, 200, 340))
    pen.line([(-0.56, -0.38), (-0.16, -0.4)])
    pen.line([(-0.26, 0.5), (-0.1, 0.42), (0.08, 0.5), (0.3, 0.4)])


_FEATURES: dict[str, Callable[[_Pen], None]] = {
    "angry": _draw_angry,
    "disgust": _draw_disgust,
    "fear": _draw_fear,
    "happy": _draw_happy,
    "sad": _draw_sad,
    "surprise": _draw_surprise,
    "neutral": _draw_neutral,
    UNSURE: _draw_unsure,
}
