"""Draw the site's icons as PNG from static/icon.svg: python -m artwork.icons.

Phones and desktops that install the site want pixels. The drawing lies on a ground of its own: rounded for
browsers, to the edges for systems that cut the shape themselves ("maskable", and Apple's).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from fontTools.pens.recordingPen import RecordingPen
from fontTools.svgLib.path import parse_path
from PIL import Image, ImageDraw

from settings import ROOT

SOURCE = ROOT / "static" / "icon.svg"
FOLDER = ROOT / "static" / "icons"
GROUND = "#f8f4ed"
CANVAS_PX = 2048  # side of what is drawn, and then shrunk
STEPS = 49  # points of a curve
VIEW_PX = 32  # side of the drawing's viewBox

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
    """Yield the lines of an SVG path as points; ValueError for quadratic curves and closed lines."""
    pen = RecordingPen()
    parse_path(path, pen)
    line: list[Point] = []
    for command, points in pen.value:
        if command == "moveTo":
            line = [*points]
        elif command == "lineTo":
            line += points
        elif command == "curveTo":
            line += _curve(line[-1], *points)
        elif command == "endPath":
            yield line
        else:
            raise ValueError(f"the icon's path has the command {command!r}, which is not drawn")


def _curve(*corners: Point) -> list[Point]:
    """Return points on a cubic Bézier curve with these four corners."""
    t = np.linspace(0, 1, STEPS)[1:, None]
    weights = np.hstack(((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3))
    return [(float(x), float(y)) for x, y in weights @ np.array(corners)]


def main() -> None:
    """Draw every icon."""
    FOLDER.mkdir(exist_ok=True)
    for icon in ICONS:
        draw_icon(icon).save(FOLDER / icon.file, optimize=True)


if __name__ == "__main__":
    main()
