"""The emotions' colours are told apart by everybody, and the text on them is readable."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.colours import bgr, contrast, ink_on
from vision.emotions import DETAILS, UNSURE_COLOUR

COLOURS = {name: emotion.colour for name, emotion in DETAILS.items()} | {"unsure": UNSURE_COLOUR}

# Linear RGB as seen without one kind of cone: Machado, Oliveira and Fernandes 2009, severity 1.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE_XYZ = np.array([0.95047, 1.0, 1.08883])


def lab(colour: str, sight: str) -> NDArray[np.float64]:
    """Return a colour as CIELAB (3,), D65, as that sight sees it."""
    srgb = np.array(bgr(colour)[::-1]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    ratio = XYZ @ (np.asarray(SIGHTS[sight]) @ linear).clip(0, 1) / WHITE_XYZ
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize(("one", "other"), [*combinations(COLOURS, 2)])
def test_two_colours_lie_at_least_20_apart_for_every_kind_of_sight(one: str, other: str, sight: str) -> None:
    distance = np.linalg.norm(lab(COLOURS[one], sight) - lab(COLOURS[other], sight))  # CIE76
    assert distance >= 20


def test_no_two_colours_are_alike_in_gray() -> None:
    lightness = sorted(lab(colour, "normal")[0] for colour in COLOURS.values())
    assert np.diff(lightness).min() >= 4


@pytest.mark.parametrize("name", COLOURS)
def test_text_on_a_colour_has_the_larger_contrast_of_black_and_white(name: str) -> None:
    colour = bgr(COLOURS[name])
    ink = ink_on(colour)
    assert contrast(colour, ink) >= max(contrast(colour, (0, 0, 0)), contrast(colour, (255, 255, 255)))
    assert contrast(colour, ink) >= 4.5


def test_contrast_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast(bgr("#777777"), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)
