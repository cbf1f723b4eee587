"""Draws what was found: boxes, labels, bars, heat maps, and the picture that says why there is no picture."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from vision.emotions import DETAILS, EMOTIONS, UNSURE_COLOUR
from vision.tracker import Track

Scene = NDArray[np.uint8]  # (H, W, 3) BGR
Box = tuple[int, int, int, int]  # xyxy px

NO_SIGNAL_SIZE_PX = (640, 480)
HEAT = 0.7  # how much of the face the hottest place hides
GAP_PX = 4  # between a box and its bars
BLOCKS = 8  # a side of a hidden face: nobody is known by 64 squares


@dataclass(frozen=True)
class View:
    """What is drawn, for everybody who watches."""

    boxes: bool = True
    labels: bool = True
    bars: bool = False
    heat: bool = False
    flip: bool = False
    blur: bool = False


PLAIN = View()


def draw(
    image: NDArray[np.uint8], tracks: list[Track], view: View = PLAIN, hidden: Iterable[Sequence[int]] = ()
) -> Scene:
    """Return a copy of image (H, W, 3) BGR with each track as view says, its emotion named, or "unsure".

    Whatever is in a hidden box (xyxy, px) is made unrecognisable first.
    """
    scene = cv2.flip(image, 1).astype(np.uint8, copy=False) if view.flip else image.copy()
    height, width = scene.shape[:2]

    def place(box: Sequence[int]) -> Box:
        x1, y1, x2, y2 = (int(side) for side in box)
        return (width - x2, y1, width - x1, y2) if view.flip else (x1, y1, x2, y2)

    for box in hidden:
        _pixelate(scene, place(box))
    thickness = max(2, min(height, width) // 220)
    text_px = max(13, min(height, width) // 26)
    for track in tracks if view.heat else ():
        if track.maps is not None:
            heat = track.maps[EMOTIONS.index(track.emotion)]
            share = heat / max(float(heat.max()), 1e-6)
            lay_heat(scene, share[:, ::-1] if view.flip else share, place(track.box))
    if view.bars:
        labelled = [_with_label(place(track.box), text_px) for track in tracks]
        taken = list(labelled)
        for track, box in zip(tracks, labelled, strict=True):
            taken.append(_draw_bars(scene, track.probs, box, max(9, text_px * 2 // 3), taken))
    for track in tracks:
        box = place(track.box)
        colour = bgr(DETAILS[track.emotion].colour if track.sure else UNSURE_COLOUR)
        if view.boxes:
            _draw_corners(scene, box, colour, thickness)
        if view.labels:
            said = f"{track.emotion} {track.confidence:.0%}" if track.sure else "unsure"
            # among several, the number says which card on the page is whose
            text = f"{track.track_id} {said}" if len(tracks) > 1 else said
            _draw_label(scene, text, box, colour, text_px)
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


def _pixelate(scene: Scene, box: Box) -> None:
    """Leave BLOCKS squares a side of the box and of a quarter around it: the box is tighter than the head."""
    height, width = scene.shape[:2]
    x1, y1, x2, y2 = box
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


def _draw_corners(scene: Scene, box: Box, colour: tuple[int, int, int], thickness: int) -> None:
    """Draw a thin box with strong corners: it frames the face and hides little of it."""
    x1, y1, x2, y2 = box
    cv2.rectangle(scene, (x1, y1), (x2, y2), colour, 1, cv2.LINE_AA)
    arm = max((x2 - x1) // 5, 6)
    for x, to_x in ((x1, x1 + arm), (x2, x2 - arm)):
        for y, to_y in ((y1, y1 + arm), (y2, y2 - arm)):
            cv2.polylines(
                scene, [np.array([(to_x, y), (x, y), (x, to_y)])], False, colour, thickness, cv2.LINE_AA
            )


def _draw_label(scene: Scene, text: str, box: Box, colour: tuple[int, int, int], text_px: int) -> None:
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


def lay_heat(scene: Scene, share: NDArray[np.float32], box: Box) -> None:
    """Lay the map share (h, w), 0 to 1, over a box of scene: the hotter, the brighter and the denser."""
    height, width = scene.shape[:2]
    x1, y1, x2, y2 = box
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if left >= right or top >= bottom:
        return
    grown = cv2.resize(share, (x2 - x1, y2 - y1), interpolation=cv2.INTER_CUBIC)
    weight = grown[top - y1 : bottom - y1, left - x1 : right - x1].clip(0, 1)
    colours = cv2.applyColorMap((weight * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    face = np.ascontiguousarray(scene[top:bottom, left:right])
    scene[top:bottom, left:right] = cv2.blendLinear(face, colours, 1 - HEAT * weight, HEAT * weight)


def _draw_bars(scene: Scene, probs: NDArray[np.float32], box: Box, text_px: int, taken: Iterable[Box]) -> Box:
    """Draw the seven probabilities (7,) as bars around the box, where least is taken; return where they are."""
    panel = _bars_panel(text_px).copy()
    rows, columns = panel.shape[:2]
    if rows > scene.shape[0] or columns > scene.shape[1]:
        return box
    step, names = rows // len(EMOTIONS), columns // 2
    for number, emotion in enumerate(EMOTIONS):
        end = names + round(float(probs[number]) * (columns - names - 4))
        top = number * step + 2
        cv2.rectangle(panel, (names, top), (end, top + step - 5), bgr(DETAILS[emotion].colour), cv2.FILLED)
    spots = _around(box, rows, columns, scene.shape)
    x1, y1, x2, y2 = min(spots, key=lambda spot: sum(_shared(spot, other) for other in taken))
    region = scene[y1:y2, x1:x2]
    region[...] = cv2.addWeighted(region, 0.25, panel, 0.75, 0)
    return x1, y1, x2, y2


def _around(box: Box, rows: int, columns: int, shape: tuple[int, ...]) -> Iterator[Box]:
    """Yield where a panel may be in a picture of shape (H, W): right of the box, left, under it, above it."""
    x1, y1, x2, y2 = box
    right, left, low = x2 + GAP_PX, x1 - GAP_PX - columns, y2 - rows
    for x, y in ((right, low), (left, low), (x1, y2 + GAP_PX), (x1, y1 - GAP_PX - rows)):
        x, y = min(max(x, 0), shape[1] - columns), min(max(y, 0), shape[0] - rows)
        yield x, y, x + columns, y + rows


def _with_label(box: Box, text_px: int) -> Box:
    """Return the box and the room above it that a long label takes."""
    x1, y1, x2, y2 = box
    return x1, y1 - 2 * text_px, max(x2, x1 + 8 * text_px), y2


def _shared(one: Box, other: Box) -> int:
    """Return how many px two boxes share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0) * max(high, 0)


@lru_cache(maxsize=16)
def _bars_panel(text_px: int) -> Scene:
    """Return what is behind the bars: the emotions' names on a dark ground."""
    step = text_px + 6
    picture = Image.new("RGB", (10 * text_px, step * len(EMOTIONS)), "#1b1f24")
    pen = ImageDraw.Draw(picture)
    for number, emotion in enumerate(EMOTIONS):
        pen.text((4, step * (number + 0.5)), emotion, "#ffffff", _font(text_px), anchor="lm")
    return np.asarray(picture)


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
