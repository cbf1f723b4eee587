"""Writes the portraits as the demo and the sample pages read them."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.portraits.brushes import CANVAS_LEFT, CANVAS_TOP, Painting
from training.portraits.canvas import SIDE, Flow
from vision.emotions import EMOTIONS
from vision.jpeg import encode_jpeg
from vision.samples import GRID_PX, GRID_UNIT_PX, GRIDS_FILE, PORTRAIT_HEIGHT, PORTRAIT_WIDTH

QUALITY = 86


def write_portraits(folder: Path, portraits: list[list[Painting]], flows: list[list[Flow]]) -> None:
    """Write each person's portrait of each emotion as <emotion>/01.jpg and so on, and the grids beside them."""
    for index, emotion in enumerate(EMOTIONS):
        (folder / emotion).mkdir(parents=True, exist_ok=True)
        for old in (folder / emotion).glob("*.jpg"):
            old.unlink()
        for number, of_person in enumerate(portraits, start=1):
            jpeg = encode_jpeg(np.round(of_person[index]).astype(np.uint8), QUALITY)
            (folder / emotion / f"{number:02}.jpg").write_bytes(jpeg)
    grids = np.array([[as_grid(flow) for flow in of_person] for of_person in flows])
    np.savez_compressed(folder / GRIDS_FILE, grids=grids)


def as_grid(flow: Flow) -> NDArray[np.int16]:
    """Return a flow as a grid (51, 41, 2) int16 over the portrait, in units of GRID_UNIT_PX."""
    whole = np.zeros((PORTRAIT_HEIGHT + 1, PORTRAIT_WIDTH + 1, 2), np.float32)
    whole[CANVAS_TOP : CANVAS_TOP + SIDE, CANVAS_LEFT : CANVAS_LEFT + SIDE] = flow
    nodes = cv2.GaussianBlur(whole, (0, 0), 2)[::GRID_PX, ::GRID_PX]
    return np.round(nodes / GRID_UNIT_PX).astype(np.int16)
