"""The demo source: average faces that drift, and fade from one emotion into the next."""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sources.base import SourceError
from vision.emotions import EMOTIONS
from vision.frames import Image
from vision.samples import SamplesError, load_samples, read_gray

WIDTH, HEIGHT, FPS = 640, 480, 30.0
HOLD_S, FADE_S = 3.0, 1.0  # of an emotion, and of its change into the next
ACT_S = 12.0  # one face, then two, then three, then one again
ENTER_S = 0.8


@dataclass(frozen=True)
class Actor:
    """One face of the demo: the centre (x, y) px of its drift, its side in px, and its lead in emotions."""

    centre: tuple[float, float]
    side_px: float
    lead: int


ACTS = (
    (Actor((320, 245), 230, 3),),
    (Actor((190, 250), 190, 0), Actor((450, 235), 200, 4)),
    (Actor((120, 190), 150, 5), Actor((320, 290), 180, 1), Actor((520, 180), 160, 6)),
)


class DemoSource:
    """A source of images of 640x480 px at 30 fps, each the same on every machine."""

    name = "demo"
    fps = FPS

    def __init__(self, samples_folder: Path) -> None:
        """Read the sample faces in samples_folder/<emotion>/; SourceError if some are missing or damaged."""
        try:
            samples = load_samples(samples_folder)
            self._faces = {emotion: [*map(read_gray, paths)] for emotion, paths in samples.items()}
        except SamplesError as error:
            raise SourceError(str(error)) from None
        self._background = background(HEIGHT, WIDTH)
        self._colours = _duotone()
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
        scene = self._background.copy()
        act, within_s = divmod(t_s, ACT_S)
        presence = min(1.0, within_s / ENTER_S, (ACT_S - within_s) / ENTER_S)
        for number, actor in enumerate(ACTS[int(act) % len(ACTS)]):
            face = self._face(t_s, actor.lead, number)
            x, y = _drift(actor, t_s, number)
            paste(scene, face, (x, y), actor.side_px * (1 + 0.04 * math.sin(t_s * 0.9 + number)), presence)
        return cv2.applyColorMap(scene, self._colours).astype(np.uint8, copy=False)

    def _face(self, t_s: float, lead: int, number: int) -> NDArray[np.uint8]:
        """Return an actor's face (s, s) uint8 at a time, between two emotions while it fades."""
        turn, within_s = divmod(t_s + number * 1.3, HOLD_S + FADE_S)
        current, following = (self._pick(int(turn) + step, lead) for step in (0, 1))
        share = max(within_s - HOLD_S, 0) / FADE_S
        share = share * share * (3 - 2 * share)
        return cv2.addWeighted(current, 1 - share, following, share, 0).astype(np.uint8, copy=False)

    def _pick(self, turn: int, lead: int) -> NDArray[np.uint8]:
        """Return the sample face (s, s) uint8 of an actor's turn, from 0."""
        faces = self._faces[EMOTIONS[(turn + lead) % len(EMOTIONS)]]
        return faces[(turn // len(EMOTIONS) + lead) % len(faces)]


def _drift(actor: Actor, t_s: float, number: int) -> tuple[float, float]:
    """Return the centre (x, y) px of an actor's face at a time."""
    x = actor.centre[0] + 28 * math.sin(t_s * 0.61 + number * 2.1)
    y = actor.centre[1] + 20 * math.sin(t_s * 0.83 + number * 1.7)
    return x, y


def background(height: int, width: int) -> NDArray[np.uint8]:
    """Return a quiet gray background (height, width) uint8 without patterns like a face."""
    rows = np.linspace(92, 58, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 2
    return np.asarray(rows - 22 * columns).astype(np.uint8)


def paste(
    scene: NDArray[np.uint8],
    face: NDArray[np.uint8],
    centre: tuple[float, float],
    side_px: float,
    presence: float,
) -> None:
    """Blend a face into a gray scene, placed with sub-pixel precision so that it drifts smoothly.

    Args:
        scene: The gray image (H, W) uint8 to draw on.
        face: The face (s, s) uint8.
        centre: The face's centre (x, y) in the scene, in px.
        side_px: The face's side in the scene.
        presence: The face's opacity, 0 to 1.
    """
    scale = side_px / face.shape[0]
    reach = math.ceil(side_px / 2) + 2
    left, top = int(centre[0]) - reach, int(centre[1]) - reach
    size = (2 * reach, 2 * reach)
    half = face.shape[0] / 2
    matrix = np.array([[scale, 0, centre[0] - left - half * scale], [0, scale, centre[1] - top - half * scale]])
    warped = cv2.warpAffine(face, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(_mask(face.shape[0]), matrix, size) * presence
    region = scene[top : top + size[1], left : left + size[0]]
    blended = region + (warped.astype(np.float32) - region) * mask
    region[...] = blended.astype(np.uint8)


def _mask(side: int) -> NDArray[np.float32]:
    """Return a soft rounded square (side, side) float32, 1 inside and 0 at the border."""
    axis = np.abs(np.linspace(-1, 1, side, dtype=np.float32)) ** 3
    distance = np.cbrt(axis[None, :] + axis[:, None])
    return np.asarray(np.clip((1.0 - distance) / 0.12, 0, 1), dtype=np.float32)


def _duotone() -> Image:
    """Return a colour map (256, 1, 3) uint8 BGR: cool shadows, warm lights, each as bright as its gray."""
    gray = np.arange(256, dtype=np.float32)
    warmth = (gray - 110) * 0.16
    return np.stack((gray - warmth, gray, gray + warmth), axis=-1).clip(0, 255).astype(np.uint8)[:, None]
