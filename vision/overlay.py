"""Drawing on a frame: boxes, labels, bars, heat maps, smileys; or the picture that says why there is none."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vision.colours import WHITE, Bgr, bgr, ink_on
from vision.emoji import lay_emoji
from vision.emotions import DETAILS, EMOTIONS, UNSURE, UNSURE_COLOUR
from vision.tracker import Track

Scene = NDArray[np.uint8]  # (H, W, 3) BGR
Box = tuple[int, int, int, int]  # xyxy px

NO_SIGNAL_SIZE_PX = (640, 480)
HEAT_OPACITY = 0.7  # the opacity of a heat map in its hottest place
GAP_PX = 4  # between a box and its bars
MAX_BAR_HEIGHTS = 5  # the length of the longest bar, in heights of the text
RIM_COLOUR = (36, 31, 27)  # BGR, of what has to be legible on any picture
NO_BOX: Box = (0, 0, 0, 0)
MOSAIC_BLOCKS = 8  # a side of a hidden face: 64 squares identify nobody


@dataclass(frozen=True)
class View:
    """The switches of what is drawn, for all viewers alike.

    flip mirrors the image, blur pixelates faces, and emoji covers each by the smiley of its emotion.
    """

    boxes: bool = True
    labels: bool = True
    bars: bool = False
    heat: bool = False
    landmarks: bool = False
    count: bool = False
    flip: bool = False
    blur: bool = False
    emoji: bool = False


PLAIN = View()


def draw(
    image: NDArray[np.uint8], tracks: list[Track], view: View = PLAIN, hidden: Iterable[Sequence[int]] = ()
) -> Scene:
    """Draw tracks on a copy of an image.

    Args:
        image: The image (H, W, 3) uint8 BGR.
        tracks: The faces to draw, each labelled with its emotion, or "unsure".
        view: The switches of what is drawn.
        hidden: Boxes (x1, y1, x2, y2) px that are pixelated first.

    Returns:
        The scene (H, W, 3) uint8 BGR, mirrored if the view flips.

    Raises:
        cv2.error: The image has another shape or dtype.
    """
    scene = cv2.flip(image, 1).astype(np.uint8, copy=False) if view.flip else image.copy()
    height, width = scene.shape[:2]
    thickness = max(2, min(height, width) // 220)
    text_px = max(13, min(height, width) // 26)
    for box in hidden:
        _pixelate(scene, _in_scene(box, width, view.flip))
    boxes = [_in_scene(track.box, width, view.flip) for track in tracks]
    if view.heat:
        _draw_heat(scene, tracks, boxes, view.flip)
    for track, box in zip(tracks, boxes, strict=True):
        if view.boxes:
            _draw_corners(scene, box, _colour(track), thickness)
        if view.landmarks and track.landmarks is not None:
            _draw_landmarks(scene, track.landmarks, box, _colour(track), view.flip)
    if view.emoji:
        _draw_emoji(scene, tracks, boxes)
    words = _draw_all_bars(scene, tracks, boxes, text_px) if view.bars else []
    if view.labels:
        words += _draw_all_labels(scene, tracks, boxes, text_px)
    if view.count:
        _draw_count(scene, len(tracks), words, text_px)
    return scene


def _in_scene(box: Sequence[int], width: int, flip: bool) -> Box:
    """Return an image's box in its scene of that width in px, mirrored if the scene is."""
    x1, y1, x2, y2 = (int(side) for side in box)
    return (width - x2, y1, width - x1, y2) if flip else (x1, y1, x2, y2)


def _colour(track: Track) -> Bgr:
    """Return the colour of a track's label."""
    return bgr(DETAILS[track.emotion].colour if track.sure else UNSURE_COLOUR)


def _draw_heat(scene: Scene, tracks: Sequence[Track], boxes: Sequence[Box], flip: bool) -> None:
    """Draw the map of each track's emotion over its box, mirrored if the scene is."""
    for track, box in zip(tracks, boxes, strict=True):
        if track.maps is not None:
            heat = track.maps[EMOTIONS.index(track.emotion)]
            share = heat / max(float(heat.max()), 1e-6)
            lay_heat(scene, share[:, ::-1] if flip else share, box)


def _draw_emoji(scene: Scene, tracks: Sequence[Track], boxes: Sequence[Box]) -> None:
    """Cover each face by the smiley of its emotion, large faces last: they are near."""
    for track, box in sorted(zip(tracks, boxes, strict=True), key=lambda pair: pair[1][2] - pair[1][0]):
        lay_emoji(scene, track.label, box)


def _draw_all_labels(scene: Scene, tracks: Sequence[Track], boxes: Sequence[Box], text_px: int) -> list[Box]:
    """Draw each track's label at its box; return the labels' boxes."""
    places = []
    for track, box in zip(tracks, boxes, strict=True):
        label = f"{DETAILS[track.emotion].adjective} {track.confidence:.0%}" if track.sure else UNSURE
        # among several faces the number says which card on the page belongs to which
        text = f"{track.track_id} {label}" if len(tracks) > 1 else label
        places.append(_draw_label(scene, text, box, _colour(track), text_px))
    return places


def _draw_all_bars(scene: Scene, tracks: Sequence[Track], boxes: Sequence[Box], text_px: int) -> list[Box]:
    """Draw each track's bars beside its box, hiding as little as possible of the others; return their boxes."""
    labelled = [_with_label(box, text_px) for box in boxes]
    occupied = list(labelled)
    for track, box in zip(tracks, labelled, strict=True):
        occupied.append(_draw_bars(scene, track.probs, box, max(9, text_px * 2 // 3), occupied))
    return occupied[len(labelled) :]


def draw_no_signal(reason: str, size_px: tuple[int, int] = NO_SIGNAL_SIZE_PX) -> Scene:
    """Return a dark picture (H, W, 3) uint8 BGR of size_px (W, H) with "No signal" and the reason."""
    return draw_notice("No signal", reason, size_px)


def draw_notice(title: str, text: str, size_px: tuple[int, int] = NO_SIGNAL_SIZE_PX) -> Scene:
    """Return a dark picture (H, W, 3) uint8 BGR of size_px (W, H) with a title and a text below it."""
    width, height = size_px
    picture = Image.new("RGB", size_px, "#1b1f24")
    pen = ImageDraw.Draw(picture)
    large, small = _font(max(height // 14, 12)), _font(max(height // 28, 10))
    pen.text((width / 2, height * 0.42), title, "#e8eaed", large, anchor="mm")
    lines = _wrap(text, small, width * 0.86)
    pen.multiline_text(
        (width / 2, height * 0.56), lines, "#b4bac1", small, anchor="mm", align="center", spacing=6
    )
    return np.asarray(picture)[..., ::-1].copy()


def _pixelate(scene: Scene, box: Box) -> None:
    """Pixelate the box and a quarter of it around: the head is larger than the box."""
    height, width = scene.shape[:2]
    x1, y1, x2, y2 = box
    margin = (x2 - x1) // 4
    x1, y1, x2, y2 = max(x1 - margin, 0), max(y1 - margin, 0), min(x2 + margin, width), min(y2 + margin, height)
    if x1 >= x2 or y1 >= y2:
        return
    blocks = cv2.resize(scene[y1:y2, x1:x2], (MOSAIC_BLOCKS, MOSAIC_BLOCKS), interpolation=cv2.INTER_AREA)
    scene[y1:y2, x1:x2] = cv2.resize(blocks, (x2 - x1, y2 - y1), interpolation=cv2.INTER_NEAREST)


def _draw_corners(scene: Scene, box: Box, colour: Bgr, thickness: int) -> None:
    """Draw a thin box with strong corners, which hides little of the face.

    A rim in the colour's ink, white around a dark one and black around a light one, shows it on any picture.
    """
    x1, y1, x2, y2 = box
    rim, arm = ink_on(colour), max((x2 - x1) // 5, 6)
    corners = [
        np.array([(to_x, y), (x, y), (x, to_y)])
        for x, to_x in ((x1, x1 + arm), (x2, x2 - arm))
        for y, to_y in ((y1, y1 + arm), (y2, y2 - arm))
    ]
    cv2.polylines(scene, corners, False, rim, thickness + 2, cv2.LINE_AA)
    cv2.rectangle(scene, (x1, y1), (x2, y2), colour, 1)
    cv2.polylines(scene, corners, False, colour, thickness, cv2.LINE_AA)


def _draw_landmarks(scene: Scene, landmarks: NDArray[np.float32], box: Box, colour: Bgr, flip: bool) -> None:
    """Draw a dot with a dark rim on each landmark (n, 2) px of a face in a box, mirrored if the scene is."""
    radius = max(1, (box[2] - box[0]) // 45)
    for x, y in landmarks.round().astype(int).tolist():
        centre = (scene.shape[1] - x if flip else x, y)
        cv2.circle(scene, centre, radius + 1, RIM_COLOUR, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(scene, centre, radius, colour, cv2.FILLED, cv2.LINE_AA)


def _draw_label(scene: Scene, text: str, box: Box, colour: Bgr, text_px: int) -> Box:
    """Draw a filled label above the box, or inside it where there is no room above, within the scene.

    Returns its box, which is empty where the scene is too small for it.
    """
    height, width = scene.shape[:2]
    label = _label(text, colour, text_px)
    rows, columns = label.shape[:2]
    if rows > height or columns > width:
        return NO_BOX
    x = min(max(box[0], 0), width - columns)
    above = box[1] - rows
    y = min(above if above >= 0 else max(box[1], 0), height - rows)
    scene[y : y + rows, x : x + columns] = label
    return x, y, x + columns, y + rows


def _draw_count(scene: Scene, count: int, words: Sequence[Box], text_px: int) -> None:
    """Draw the number of faces bottom left, or in another corner where that hides less of the words' boxes."""
    height, width = scene.shape[:2]
    label = _label(count_words(count), RIM_COLOUR, text_px)
    rows, columns = label.shape[:2]
    right, low = width - columns, height - rows
    if right < 0 or low < 0:
        return
    margin = min(text_px // 2, right, low)
    places = [
        (margin, low - margin),
        (right - margin, low - margin),
        (margin, margin),
        (right - margin, margin),
    ]
    corners = [(x, y, x + columns, y + rows) for x, y in places]
    x1, y1, x2, y2 = min(corners, key=lambda corner: sum(_shared_px(corner, other) for other in words))
    scene[y1:y2, x1:x2] = label


def count_words(count: int) -> str:
    """Return the number of faces in words: "no face", "1 face", "2 faces"."""
    return f"{count or 'no'} face{'s' if count > 1 else ''}"


def lay_heat(scene: Scene, share: NDArray[np.float32], box: Box) -> None:
    """Blend a heat map share (h, w) float32, 0 to 1, into a box of scene: hot places are bright and dense."""
    height, width = scene.shape[:2]
    x1, y1, x2, y2 = box
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if left >= right or top >= bottom:
        return
    grown = cv2.resize(share, (x2 - x1, y2 - y1), interpolation=cv2.INTER_CUBIC)
    weight = grown[top - y1 : bottom - y1, left - x1 : right - x1].clip(0, 1)
    colours = cv2.applyColorMap((weight * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    face = np.ascontiguousarray(scene[top:bottom, left:right])
    scene[top:bottom, left:right] = cv2.blendLinear(
        face, colours, 1 - HEAT_OPACITY * weight, HEAT_OPACITY * weight
    )


def _draw_bars(
    scene: Scene, probs: NDArray[np.float32], box: Box, text_px: int, occupied: Iterable[Box]
) -> Box:
    """Draw probs (7,) as bars beside the box, where they overlap occupied boxes least; return their box."""
    panel = _bars_panel(text_px).copy()
    rows, columns = panel.shape[:2]
    if rows > scene.shape[0] or columns > scene.shape[1]:
        return box
    step, names = rows // len(EMOTIONS), columns - MAX_BAR_HEIGHTS * text_px
    for number, emotion in enumerate(EMOTIONS):
        end = names + round(float(probs[number]) * (columns - names - 4))
        top = number * step + 2
        cv2.rectangle(panel, (names, top), (end, top + step - 5), bgr(DETAILS[emotion].colour), cv2.FILLED)
        cv2.rectangle(panel, (names, top), (end, top + step - 5), WHITE, 1)  # dark ones are on a dark ground
    spots = _spots_beside(box, rows, columns, scene.shape)
    x1, y1, x2, y2 = min(spots, key=lambda spot: sum(_shared_px(spot, other) for other in occupied))
    region = scene[y1:y2, x1:x2]
    region[...] = cv2.addWeighted(region, 0.25, panel, 0.75, 0)
    return x1, y1, x2, y2


def _spots_beside(box: Box, rows: int, columns: int, shape: tuple[int, ...]) -> Iterator[Box]:
    """Yield a panel's boxes right of, left of, under and above a box, within a scene of shape (H, W)."""
    x1, y1, x2, y2 = box
    right, left, low = x2 + GAP_PX, x1 - GAP_PX - columns, y2 - rows
    for x, y in ((right, low), (left, low), (x1, y2 + GAP_PX), (x1, y1 - GAP_PX - rows)):
        x, y = min(max(x, 0), shape[1] - columns), min(max(y, 0), shape[0] - rows)
        yield x, y, x + columns, y + rows


def _with_label(box: Box, text_px: int) -> Box:
    """Return the box enlarged by the room above it for a long label."""
    x1, y1, x2, y2 = box
    return x1, y1 - 2 * text_px, max(x2, x1 + 8 * text_px), y2


def _shared_px(one: Box, other: Box) -> int:
    """Return the area in px that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


@lru_cache(maxsize=16)
def _bars_panel(text_px: int) -> Scene:
    """Return the panel behind the bars: the emotions' names on a dark ground."""
    step = text_px + 6
    picture = Image.new("RGB", (11 * text_px, step * len(EMOTIONS)), "#1b1f24")
    pen = ImageDraw.Draw(picture)
    for number, emotion in enumerate(EMOTIONS):
        pen.text((4, step * (number + 0.5)), DETAILS[emotion].adjective, "#ffffff", _font(text_px), anchor="lm")
    return np.asarray(picture)


@lru_cache(maxsize=1024)
def _label(text: str, colour: Bgr, text_px: int) -> Scene:
    """Return text on a ground of that BGR colour, in black or white, whichever is easier to read."""
    font = _font(text_px)
    left, _, right, _ = font.getbbox(text)
    ascent, descent = font.getmetrics()
    pad = text_px // 3
    size = (round(right - left) + 2 * pad, ascent + descent + pad)
    picture = Image.new("RGB", size, colour)  # BGR all along: Pillow only fills in the numbers it is given
    ImageDraw.Draw(picture).text((pad - left, pad // 2), text, ink_on(colour), font)
    return np.asarray(picture)


@lru_cache(maxsize=16)
def _font(size_px: int) -> Any:
    """Return Pillow's built-in font, which every machine has."""
    return ImageFont.load_default(size_px)


def _wrap(text: str, font: Any, width_px: float) -> str:
    """Return text broken into lines no wider than width_px."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width_px:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)
