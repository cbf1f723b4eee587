"""Draw the site's icons as PNG from static/icon.svg: python -m training.icons.

Phones and desktops that install the site want pixels. The drawing lies on a ground of its own: rounded for
browsers, to the edges for systems that cut the shape themselves ("maskable", and Apple's).
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from PIL import Image, ImageDraw

from settings import ROOT

SOURCE = ROOT / "static" / "icon.svg"
FOLDER = ROOT / "static" / "icons"
GROUND = "#f8f4ed"
CANVAS_PX = 2048  # side of what is drawn, and then shrunk
STEPS = 48  # of a curve
VIEW_PX = 32  # side of the drawing's viewBox
_TOKEN = re.compile(r"[A-Za-z]|-?\d*\.?\d+")

Point = tuple[float, float]


class Icon(NamedTuple):
    """An icon's file name, its side in px, the share of it that the drawing fills, and the ground's radius."""

    file: str
    side_px: int
    share: float
    radius: float  # of the corners, as a share of the side


ICONS = (
    Icon("icon-192.png", 192, 0.76, 0.22),
    Icon("icon-512.png", 512, 0.76, 0.22),
    Icon("maskable-512.png", 512, 0.6, 0),  # within the circle of 80 % that no system cuts
    Icon("apple-touch-icon.png", 180, 0.72, 0),
)


def draw_icon(icon: Icon, source: Path = SOURCE) -> Image.Image:
    """Return an icon, RGBA, of side_px x side_px: the strokes of an SVG file's paths on a ground."""
    side = CANVAS_PX
    image = Image.new("RGBA", (side, side))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, side - 1, side - 1), icon.radius * side, GROUND)
    drawing = ElementTree.fromstring(source.read_text(encoding="utf-8"))
    scale, border = icon.share * side / VIEW_PX, (1 - icon.share) / 2 * side
    radius = float(drawing.attrib["stroke-width"]) * scale / 2
    for path in drawing:
        for line in lines_of(path.attrib["d"]):
            points = [(border + x * scale, border + y * scale) for x, y in line]
            pen.line(points, path.attrib["stroke"], round(2 * radius))
            for x, y in points:  # round ends and joins
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), path.attrib["stroke"])
    return image.resize((icon.side_px, icon.side_px), Image.Resampling.LANCZOS)


def lines_of(path: str) -> Iterator[list[Point]]:
    """Yield the lines of an SVG path as points; it may have M, h, H, v, V, c, and arcs a of a circle."""
    line: list[Point] = []
    command, numbers = "", iter(_TOKEN.findall(path))
    for token in numbers:
        if token.isalpha():
            command, token = token, next(numbers)
        x, y = line[-1] if line else (0.0, 0.0)
        first = float(token)
        if command == "M":
            if line:
                yield line
            line = [(first, float(next(numbers)))]
        elif command in "hH":
            line.append((first + (x if command == "h" else 0), y))
        elif command in "vV":
            line.append((x, first + (y if command == "v" else 0)))
        elif command == "c":
            a, b, c, d, e, f = first, *(float(next(numbers)) for _ in range(5))
            line += _curve((x, y), (x + a, y + b), (x + c, y + d), (x + e, y + f))
        elif command == "a":
            _, _, is_large, is_clockwise, right, down = (float(next(numbers)) for _ in range(6))
            line += _arc((x, y), (x + right, y + down), first, bool(is_large) == bool(is_clockwise))
        else:
            raise ValueError(f"the icon's path has the command {command!r}, which is not drawn")
    yield line


def _curve(*corners: Point) -> list[Point]:
    """Return points on a cubic Bézier curve with these four corners."""
    t = np.linspace(0, 1, STEPS)[:, None]
    weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
    points = sum(weight * np.array(corner) for weight, corner in zip(weights, corners, strict=True))
    return [(float(x), float(y)) for x, y in np.asarray(points)]


def _arc(start: Point, end: Point, radius: float, is_left: bool) -> list[Point]:
    """Return points on the shorter arc of a circle from start to end; is_left: its centre lies to the left."""
    (x1, y1), (x2, y2) = start, end
    half = math.dist(start, end) / 2
    height = math.sqrt(max(radius**2 - half**2, 0)) / (2 * half) * (1 if is_left else -1)
    x, y = (x1 + x2) / 2 + height * (y2 - y1), (y1 + y2) / 2 - height * (x2 - x1)
    begin, stop = math.atan2(y1 - y, x1 - x), math.atan2(y2 - y, x2 - x)
    turn = (stop - begin + math.pi) % (2 * math.pi) - math.pi
    angles = [begin + turn * step / STEPS for step in range(1, STEPS + 1)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


def main() -> None:
    """Draw every icon."""
    FOLDER.mkdir(exist_ok=True)
    for icon in ICONS:
        draw_icon(icon).save(FOLDER / icon.file, optimize=True)


if __name__ == "__main__":
    main()
