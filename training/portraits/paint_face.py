"""Paints a face: skin, lips, cheeks and eyes in colours, lit from the left."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.portraits.canvas import XS, YS, Flow, Plane, ellipse, sharpen, smoothstep
from training.portraits.flow import inverted, pull
from training.portraits.sitters import Sitter

Painting = NDArray[np.float32]  # (256, 256, 3) BGR, 0 to 255

# Where the mean resting face has its parts.
LIPS = ellipse(127.5, 197, 27, 13, 0.5)
CHEEKS = ellipse(88, 165, 20, 18, 1.0) + ellipse(167, 165, 20, 18, 1.0)
EYES = ellipse(94, 111, 13, 5.5, 0.6) + ellipse(161, 111, 13, 5.5, 0.6)
FOREHEAD = smoothstep((86 - YS) / 22)
CHEEK = np.s_[150:170, 80:96]
MOUTH_TINT, CHEEK_TINT = (0.84, 0.78, 1.08), (0.92, 0.91, 1.06)  # of BGR
CONTRAST = np.array([0.114, 0.587, 0.299], np.float32)  # of BGR in gray


@dataclass
class Parts:
    """Where a face has lips, cheeks and what is white, (256, 256) each, 0 to 1."""

    lips: Plane
    cheeks: Plane
    whites: Plane


def paint_face(face: Plane, flow: Flow, sitter: Sitter, teeth: bool) -> Painting:
    """Return a face (256, 256, 3) in colours.

    Args:
        face: The face (256, 256) in its own shape.
        flow: The flow to that shape from the mean resting face.
        sitter: The sitter.
        teeth: Whether what is bright between the lips is teeth.
    """
    tones, back = sharpen(face, 0.8, 3), inverted(flow)
    if sitter.bare_forehead:
        tones += pull(FOREHEAD, back) * (tones[CHEEK].mean() - tones)
    parts = _find_parts(tones, back, teeth)
    painted = _skin(tones, sitter)
    painted = _tinted(painted, parts.lips, MOUTH_TINT)
    painted = _tinted(painted, parts.cheeks, CHEEK_TINT)
    gray = (painted @ CONTRAST)[..., None] * np.array([1.02, 1, 1], np.float32)
    painted = painted + (gray - painted) * (0.65 * parts.whites)[..., None]
    return np.asarray(painted * (1.07 - 0.13 * (XS - 110) / 128)[..., None], dtype=np.float32)


def _find_parts(tones: Plane, back: Flow, has_teeth: bool) -> Parts:
    mouth, cheeks, eyes = (pull(part, back) for part in (LIPS, CHEEKS, EYES))
    teeth = has_teeth * mouth * np.clip((tones - 0.2) / 0.5, 0, 1)
    lips = mouth * np.clip((0.35 - tones) / 0.5, 0, 1)
    return Parts(lips, cheeks, np.clip(eyes + 0.9 * teeth, 0, 1))


def _skin(tones: Plane, sitter: Sitter) -> Painting:
    """Return tones, of mean 0 and spread 1, in the sitter's colours of skin."""
    level = np.clip((tones + 2) / 3.5, 0, 1)
    level = level + 0.35 * (level * level * (3 - 2 * level) - level)
    shades = np.array(sitter.skin, np.float32)
    channels = [np.interp(level, (0, 0.52, 1), shades[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def _tinted(painted: Painting, where: Plane, tint: tuple[float, float, float]) -> Painting:
    share = (0.5 * where)[..., None]
    return painted * (1 + share * (np.array(tint, np.float32) - 1))
