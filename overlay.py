"""Draws what was found: boxes, labels, and the picture that says why there is no picture."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from emotions import DETAILS
from tracker import Track

Scene = NDArray[np.uint8]  # (H, W, 3) BGR

UNSURE_COLOUR = "#8a8f98"
NO_SIGNAL_SIZE_PX = (640, 480)
BLOCKS = 8  # a side of a hidden face: nobody is known by 64 squares


def draw(image: NDArray[np.uint8], tracks: list[Track], hidden: Iterable[Sequence[int]] = ()) -> Scene:
    """Return a copy of image (H, W, 3) BGR with each track's box, and its emotion, or "unsure".

    Whatever is in a hidden box (xyxy, px) is made unrecognisable first.
    """
    scene = image.copy()
    for box in hidden:
        _pixelate(scene, box)
    thickness = max(2, min(scene.shape[:2]) // 220)
    text_px = max(13, min(scene.shape[:2]) // 26)
    for track in tracks:
        colour = bgr(DETAILS[track.emotion].colour if track.sure else UNSURE_COLOUR)
        text = f"{track.emotion} {track.confidence:.0%}" if track.sure else "unsure"
        _draw_corners(scene, track.box, colour, thickness)
        _draw_label(scene, text, track.box, colour, text_px)
    return scene


def draw_no_signal(reason: str, size_px: tuple[int, int] = NO_SIGNAL_SIZE_PX) -> Scene:
    """Return a dark picture (H, W, 3) BGR, size_px being (W, H), that says why there is no picture."""
    width, height = size_px
    picture = Image.new("RGB", size_px, "#1b1f24")
    pen = ImageDraw.Draw(picture)
    title, text = _font(max(height // 14, 12)), _font(max(height // 28, 10))
    pen.text((width / 2, height * 0.42), "No signal", "#e8eaed", title, anchor="mm")
    lines = _wrap(reason, text, width * 0.86)
    pen.multiline_text(
        (width / 2, height * 0.56), lines, "#9aa0a6", text, anchor="mm", align="center", spacing=6
    )
    return np.asarray(picture)[..., ::-1].copy()


def _pixelate(scene: Scene, box: Sequence[int]) -> None:
    """Leave BLOCKS squares a side of the box and of a quarter around it: the box is tighter than the head."""
    height, width = scene.shape[:2]
    x1, y1, x2, y2 = (int(side) for side in box)
    around = (x2 - x1) // 4
    x1, y1, x2, y2 = max(x1 - around, 0), max(y1 - around, 0), min(x2 + around, width), min(y2 + around, height)
    if x1 >= x2 or y1 >= y2:
        return
    blocks = cv2.resize(scene[y1:y2, x1:x2], (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
    scene[y1:y2, x1:x2] = cv2.resize(blocks, (x2 - x1, y2 - y1), interpolation=cv2.INTER_NEAREST)


@lru_cache(maxsize=16)
def bgr(colour: str) -> tuple[int, int, int]:
    """Return "#rrggbb" as OpenCV wants it."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return blue, green, red


def _draw_corners(
    scene: Scene, box: tuple[int, int, int, int], colour: tuple[int, int, int], thickness: int
) -> None:
    """Draw a thin box with strong corners: it frames the face and hides little of it."""
    x1, y1, x2, y2 = box
    cv2.rectangle(scene, (x1, y1), (x2, y2), colour, 1, cv2.LINE_AA)
    arm = max((x2 - x1) // 5, 6)
    for x, to_x in ((x1, x1 + arm), (x2, x2 - arm)):
        for y, to_y in ((y1, y1 + arm), (y2, y2 - arm)):
            cv2.polylines(
                scene, [np.array([(to_x, y), (x, y), (x, to_y)])], False, colour, thickness, cv2.LINE_AA
            )


def _draw_label(
    scene: Scene, text: str, box: tuple[int, int, int, int], colour: tuple[int, int, int], text_px: int
) -> None:
    """Put a filled label above the box, or inside it where there is no room above, always in the picture."""
    height, width = scene.shape[:2]
    label = _label(text, colour, text_px)
    rows, columns = label.shape[:2]
    if rows > height or columns > width:
        return
    x = min(max(box[0], 0), width - columns)
    above = box[1] - rows
    y = min(above if above >= 0 else max(box[1], 0), height - rows)
    scene[y : y + rows, x : x + columns] = label


@lru_cache(maxsize=1024)
def _label(text: str, colour: tuple[int, int, int], text_px: int) -> Scene:
    font = _font(text_px)
    left, _, right, _ = font.getbbox(text)
    ascent, descent = font.getmetrics()
    pad = text_px // 3
    size = (round(right - left) + 2 * pad, ascent + descent + pad)
    luminance = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
    ink = (0, 0, 0) if luminance > 140 else (255, 255, 255)
    picture = Image.new("RGB", size, colour)  # BGR all along: Pillow only fills in the numbers it is given
    ImageDraw.Draw(picture).text((pad - left, pad // 2), text, ink, font)
    return np.asarray(picture)


@lru_cache(maxsize=16)
def _font(size_px: int) -> Any:
    """Return Pillow's own font, which is there on every machine."""
    return ImageFont.load_default(size_px)


def _wrap(text: str, font: Any, width_px: float) -> str:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width_px:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)
