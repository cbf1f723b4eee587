"""Paints a whole portrait: backdrop, hair, neck, clothes, and the face in their midst."""

import cv2
import numpy as np

from training.portraits.brushes import (
    CANVAS_LEFT,
    CANVAS_TOP,
    MIDDLE,
    XS,
    YS,
    Mask,
    Painting,
    glow,
    inside,
    lay,
    noise,
    rounded,
    shaded,
)
from training.portraits.canvas import SIDE, Flow, blur, smoothstep
from training.portraits.canvas import XS as CANVAS_XS
from training.portraits.canvas import YS as CANVAS_YS
from training.portraits.flow import inverted, pull
from training.portraits.paint_hair import Hair
from training.portraits.sitters import Sitter

NECKLINES = {
    "round": (288, 58, 36),
    "high": (277, 58, 23),
    "shirt": (290, 44, 40),
}  # centre, half width, height


def paint_portrait(
    face: Painting, flow: Flow, skin: Painting, hair: Hair, sitter: Sitter, seed: int
) -> Painting:
    """Return a portrait (400, 320, 3) in colours.

    Args:
        face: The painted face (256, 256, 3).
        flow: The flow from the mean resting face to the face's shape.
        skin: The mean colour (3,) of the cheeks, by which the neck is painted.
        hair: The sitter's hair.
        sitter: The sitter.
        seed: The seed of brush strokes.
    """
    picture = _backdrop(sitter, seed)
    picture = lay(picture, hair.colour * np.float32(0.72), hair.behind)
    picture = lay(picture, *_neck(skin))
    picture = _dressed(picture, sitter, seed)
    picture = _faced(picture, face, flow, skin, sitter)
    return np.clip(lay(picture, hair.colour, hair.before), 0, 255)


def _backdrop(sitter: Sitter, seed: int) -> Painting:
    light = 0.62 + 0.62 * glow(118, 120, 150, 170) + 0.015 * noise(seed, 9, 5)
    return shaded(sitter.backdrop, light)


def _neck(skin: Painting) -> tuple[Painting, Mask]:
    """Return the neck in colours, in the chin's shadow, and where it is."""
    half_width = 47 + np.clip((YS - 296) / 14, 0, 5) ** 2 * 3
    shade = 0.46 + 0.32 * np.clip((YS - 284) / 46, 0, 1) - 0.10 * (XS - MIDDLE) / 60
    return skin * shade[..., None], inside(half_width - abs(XS - MIDDLE), 1.4) * inside(YS - 225, 8)


def _dressed(picture: Painting, sitter: Sitter, seed: int) -> Painting:
    """Return a picture with clothes over shoulders and neck."""
    y, half_width, half_height = NECKLINES[sitter.collar]
    neckline = rounded(MIDDLE, y, half_width, half_height)
    body = inside(rounded(MIDDLE, 447, 176, 146, 2.5), 1.1)
    folds = 0.82 + 0.22 * glow(95, 340, 60, 200) + 0.04 * noise(seed + 3, 4, 18)
    rim = 0.12 * np.exp(-(((neckline + 3) / 3.0) ** 2))
    picture = lay(picture, shaded(sitter.cloth, folds - rim), body * inside(-neckline, 1.0))
    return _collared(picture, sitter) if sitter.collar == "shirt" else picture


def _collared(picture: Painting, sitter: Sitter) -> Painting:
    """Return a picture with the two flaps of a shirt's collar, and their shadow."""
    flaps = np.zeros(XS.shape, np.float32)
    for side in (-1, 1):
        corners = [(MIDDLE + side * x, y) for x, y in ((50, 288), (58, 310), (38, 350), (0, 322), (34, 316))]
        cv2.fillPoly(flaps, [np.array(corners, np.int32)], 1.0, cv2.LINE_AA)
    shadow = np.roll(blur(flaps, 3), 4, axis=0).astype(np.float32)
    picture = lay(picture, picture * np.float32(0.62), shadow)
    light = 1.12 + 0.18 * glow(110, 320, 60, 60)
    return lay(picture, shaded(sitter.cloth, light), blur(flaps, 0.8))


def _faced(picture: Painting, face: Painting, flow: Flow, skin: Painting, sitter: Sitter) -> Painting:
    """Return a picture with the face laid in, its outline moved as the expression moves it.

    Towards its outline the face turns away from the light, and what was behind the faces does not show.
    """
    half_width, half_height, y, taper = sitter.head
    half_widths = half_width * (1 - taper * smoothstep((CANVAS_YS - 130) / 110))
    across, along = abs(CANVAS_XS - (SIDE - 1) / 2) / half_widths, abs(CANVAS_YS - y) / half_height
    back = inverted(flow)
    distance = pull((across**2.3 + along**2.3) ** (1 / 2.3), back)
    shade = 0.74 - 0.12 * (CANVAS_XS - 128) / 80
    rim = smoothstep((distance - 0.82) / 0.20)
    face = lay(face, np.minimum(face, skin * shade[..., None]), rim)
    mask = smoothstep((1.03 - distance) / 0.09) * np.clip((SIDE - 3 - CANVAS_YS) / 10, 0, 1)
    place = np.s_[CANVAS_TOP : CANVAS_TOP + SIDE, CANVAS_LEFT : CANVAS_LEFT + SIDE]
    picture[place] = lay(picture[place], face, mask)
    return picture
