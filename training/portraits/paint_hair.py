"""Paints hair: strands that follow the head, in front of the face and behind the neck."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from training.portraits.brushes import MIDDLE, XS, YS, Mask, Painting, glow, inside, noise, rounded, shaded
from training.portraits.sitters import Sitter

STRANDS_SHAPE = (512, 1024)  # px of the noise that strands are drawn from: along, across


@dataclass
class Hair:
    """Hair in colours (400, 320, 3), where it is behind the neck and where before the face, (400, 320) each."""

    colour: Painting
    behind: Mask
    before: Mask


def paint_hair(sitter: Sitter, seed: int) -> Hair:
    """Return a sitter's hair."""
    return STYLES[sitter.style](sitter, seed)


def _long(sitter: Sitter, seed: int, parting: float = 138.0, top: float = 66.0, bottom: float = 350.0) -> Hair:
    """Return long, wavy hair that falls before the shoulders from a parting."""
    wave = 5 * np.clip((YS - 120) / 120, 0, 1) * np.sin(YS / 23 + seed + np.sign(XS - MIDDLE))
    beside, strands, body = _falling(wave, bottom, seed)
    locks = inside(abs(beside) - 66 + 1.2 * strands, 2.5) * inside(YS - 236, 10)
    before = body * np.maximum(_curtain(parting, top, 0.8 * strands), locks)
    return Hair(_coloured(sitter, strands, YS), body, before)


def _falling(wave: NDArray[np.floating], bottom: float, seed: int) -> tuple[Mask, Mask, Mask]:
    """Return how far right of the middle hair that hangs down is, its strands, and where it is."""
    outline = _outline(100.0, 108.0)
    beside = XS + wave.astype(np.float32) - np.float32(MIDDLE)
    strands = _strands(beside / np.maximum(outline, 6) * 110 + 512, YS, seed)
    tips = 7 * noise(seed + 9, 5, 400) + 3 * noise(seed + 8, 2, 400)
    ends = bottom - 34 * np.clip((abs(beside) - 74) / 34, 0, 1) ** 2 + tips
    body = inside(outline + 0.8 * strands - abs(beside), 1.3) * inside(ends - YS, 4) * inside(YS - 30, 1.2)
    return beside, strands, body


def _short(sitter: Sitter, seed: int, hairline: float = 82.0, temples: float = 70.0) -> Hair:
    """Return short hair, combed to one side, with short sides."""
    radius, angle = _polar(MIDDLE + 46, 196.0)
    strands = _strands(radius * 0.9, angle * 110 + 240, seed)
    tufts = noise(seed + 4, 5, 5)
    head = inside(rounded(MIDDLE, 146, 91, 115, 2.25) + 1.6 * tufts, 1.3)
    forehead = rounded(MIDDLE + 3, hairline + 100, temples + 10, 100, 2.8) + 1.5 * strands + 2.0 * tufts
    sides = inside(190 - YS + 4 * tufts, 9)
    hair = head * inside(-forehead, 2.6) * sides
    return Hair(_coloured(sitter, strands, 250 - radius), head * sides, hair)


def _curls(sitter: Sitter, seed: int) -> Hair:
    """Return dense curls, which stand off the head."""
    curls = 0.7 * noise(seed, 2.6, 2.6) + 0.5 * noise(seed + 1, 6, 6)
    bumps = noise(seed + 2, 5, 5)
    head = inside(rounded(MIDDLE, 140, 104, 122, 2.2) + 3.5 * bumps, 1.6) * inside(214 - YS + 8 * bumps, 10)
    forehead = rounded(MIDDLE, 180, 82, 104, 2.5) + 3.0 * bumps
    return Hair(_coloured(sitter, curls, YS), head, head * inside(-forehead, 2.5))


STYLES: dict[str, Callable[[Sitter, int], Hair]] = {
    "long": _long,
    "curtain": partial(_long, parting=160.0, top=71.0, bottom=342.0),
    "short": _short,
    "receding": partial(_short, hairline=68.0, temples=74.0),
    "curls": _curls,
    "bob": partial(_long, parting=186.0, top=70.0, bottom=318.0),
}


def _outline(at_crown: float, at_bottom: float) -> NDArray[np.float32]:
    """Return the half width in px of long hair at each height."""
    crown = at_crown * np.sqrt(np.clip(1 - ((150 - YS) / 122).clip(0, 1) ** 2.2, 0, 1))
    return np.asarray(crown + (at_bottom - at_crown) * np.clip((YS - 150) / 180, 0, 1), dtype=np.float32)


def _curtain(parting: float, top: float, ragged: NDArray[np.float32]) -> Mask:
    """Return where hair hangs on both sides of the face, from the parting down."""
    down = np.clip((YS - top) / 84, 0, 1)
    left = parting + (MIDDLE - 84 - parting) * down**0.62
    right = parting + (MIDDLE + 84 - parting) * down**0.62
    beside = np.maximum(left - XS, XS - right)
    return inside(np.where(top > YS, 8, beside) + ragged, 2.0)


def _polar(x: float, y: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the distance in px and the angle in radians, 0 upward, from (x, y)."""
    return np.hypot(XS - x, YS - y), np.arctan2(XS - x, y - YS)


def _strands(across: NDArray[np.floating], along: NDArray[np.floating], seed: int) -> NDArray[np.float32]:
    """Return strands (400, 320) of mean 0 and spread about 1, drawn along lines of the same `across`."""
    fine = noise(seed, 1.6, 60, STRANDS_SHAPE) + 0.8 * noise(seed + 50, 5, 80, STRANDS_SHAPE)
    x, y = across.astype(np.float32), (along + 40).astype(np.float32)
    return np.asarray(cv2.remap(fine, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), dtype=np.float32)


def _coloured(sitter: Sitter, strands: NDArray[np.float32], along: NDArray[np.floating]) -> Painting:
    """Return hair in its colour: strands, light from the left, and a band of shine across them."""
    light = 0.80 + 0.45 * glow(112, 80, 60, 80)
    shine = np.exp(-(((along - 84 + 3 * strands) / 24) ** 2)) * (0.55 + 0.25 * strands) * glow(128, 80, 80, 70)
    return np.clip(shaded(sitter.hair, light + 0.11 * strands + 0.6 * shine), 2, 255)
