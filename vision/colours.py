"""Colours as OpenCV takes them, (blue, green, red) of 0 to 255, and the ink that is readable on them."""

from functools import cache

from PIL import ImageColor

Bgr = tuple[int, int, int]

BLACK: Bgr = (0, 0, 0)
WHITE: Bgr = (255, 255, 255)


def bgr(colour: str) -> Bgr:
    """Return a colour "#rrggbb" as (blue, green, red)."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return blue, green, red


def contrast(colour: Bgr, other: Bgr) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(colour), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@cache
def ink_on(colour: Bgr) -> Bgr:
    """Return BLACK or WHITE, whichever has the larger contrast with the colour."""
    return max((BLACK, WHITE), key=lambda ink: contrast(colour, ink))


def _luminance(colour: Bgr) -> float:
    """Return the relative luminance of a colour, 0 to 1 (WCAG 2.2)."""
    shares = (value / 255 for value in colour)
    blue, green, red = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.0722 * blue + 0.7152 * green + 0.2126 * red
