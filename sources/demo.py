"""The demo source: a gallery of living portraits, along whose wall the camera walks."""

from pathlib import Path

import numpy as np

from sources.base import SourceError
from sources.portrait import Hanging, Portrait
from sources.wall import paint_wall
from vision.frames import Image
from vision.samples import SamplesError, load_grids, load_samples, read_colour

WIDTH, HEIGHT, FPS = 640, 480, 30.0
WALL_WIDTH = 1950  # px; beyond it the wall begins again
STOPS = (0, 607, 1262)  # left edge of what the camera shows of one, of two and of three portraits
STAY_S, PX_PER_S = 8.0, 130.0  # before a stop's portraits, and on the way to the next
ANGRY, DISGUST, FEAR, HAPPY, SAD, SURPRISE, NEUTRAL = range(7)
EXPRESSIONS = (HAPPY, NEUTRAL, SURPRISE, HAPPY, SAD, NEUTRAL, FEAR, NEUTRAL, ANGRY, DISGUST, NEUTRAL)
# The portraits from left to right, in the order of the sample pictures.
HANGINGS = (
    Hanging((320, 242), 396, EXPRESSIONS, 0.0),
    Hanging((778, 240), 282, EXPRESSIONS, 3.7 * 8 + 0.9),
    Hanging((1076, 248), 282, EXPRESSIONS, 3.7 * 10 + 2.1),
    Hanging((1365, 222), 222, EXPRESSIONS, 3.7 * 6 + 0.4),
    Hanging((1582, 262), 222, EXPRESSIONS, 3.7 * 2 + 1.5),
    Hanging((1799, 222), 222, EXPRESSIONS, 3.7 * 4 + 2.6),
)


class DemoSource:
    """A source of images of 640x480 px at 30 fps, each the same on every machine."""

    name = "demo"
    fps = FPS

    def __init__(self, samples_folder: Path) -> None:
        """Read the portraits in samples_folder; SourceError if some are missing or damaged."""
        try:
            samples = load_samples(samples_folder)
            pictures = [[*map(read_colour, paths)] for paths in samples.values()]
            grids = load_grids(samples_folder)
        except SamplesError as error:
            raise SourceError(str(error)) from None
        people = min(len(grids), *map(len, pictures))
        if people < len(HANGINGS):
            raise SourceError(
                f"{samples_folder} has {people} portraits of each emotion; the demo needs {len(HANGINGS)}"
            )
        self._portraits = [
            Portrait([of_emotion[person] for of_emotion in pictures], grids[person], hanging)
            for person, hanging in enumerate(HANGINGS)
        ]
        self._wall = _unrolled(paint_wall(WALL_WIDTH, HEIGHT, HANGINGS))
        self._index = 0

    def read(self) -> Image:
        """Return the next image (480, 640, 3) uint8 BGR."""
        image = self.render(self._index)
        self._index += 1
        return image

    def close(self) -> None:
        """Do nothing: the demo holds no device."""

    def render(self, index: int) -> Image:
        """Return image `index`, from 0, as (480, 640, 3) uint8 BGR."""
        t_s = index / FPS
        left = camera_left(t_s)
        scene = self._wall[:, left : left + WIDTH].copy()
        for portrait in self._portraits:
            _hang(scene, portrait, left, t_s)
        return scene


def camera_left(t_s: float) -> int:
    """Return the left edge, 0 to WALL_WIDTH - 1 px, of what the camera shows of the wall at a time."""
    within_s = t_s % LOOP_S
    for stop, following in _ways():
        go_s = (following - stop) / PX_PER_S
        if within_s < STAY_S + go_s:
            share = max(within_s - STAY_S, 0) / go_s
            share = share**3 * (share * (6 * share - 15) + 10)
            return round(stop + (following - stop) * share) % WALL_WIDTH
        within_s -= STAY_S + go_s
    return STOPS[0]  # the last ms of a loop, by rounding


def _ways() -> list[tuple[int, int]]:
    """Return the left edges between which the camera goes, each stop with the one after it."""
    return [*zip(STOPS, (*STOPS[1:], STOPS[0] + WALL_WIDTH), strict=True)]


LOOP_S = sum(STAY_S + (following - stop) / PX_PER_S for stop, following in _ways())


def _unrolled(wall: Image) -> Image:
    """Return the wall with its beginning once more behind its end."""
    return np.concatenate((wall, wall[:, :WIDTH]), axis=1)


def _hang(scene: Image, portrait: Portrait, left: int, t_s: float) -> None:
    """Draw a portrait into the scene if the camera, whose left edge is given, shows some of it."""
    hanging = portrait.hanging
    x = (hanging.centre[0] - hanging.width // 2 - left + hanging.width) % WALL_WIDTH - hanging.width
    if x >= WIDTH:
        return
    top = hanging.centre[1] - hanging.height // 2
    first, last = max(x, 0), min(x + hanging.width, WIDTH)
    scene[top : top + hanging.height, first:last] = portrait.draw(t_s)[:, first - x : last - x]
