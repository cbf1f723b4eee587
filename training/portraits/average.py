"""Dense averages: faces laid over each other place by place, so that their mean stays sharp.

Each face is warped onto the mean by optical flow (DIS: Kroeger et al. 2016), the mean is made anew, and so on.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.portraits.align import Aligned
from training.portraits.canvas import SIDE, XS, YS, Flow, Plane, blur, local_contrast, mirrored, sharpen

CONTRAST_SIGMA = 14.0  # px
MAX_STEP_PX = 18.0  # of a face's flow
MIDDLE = np.s_[66:222, 66:190]  # where a face's fit is measured
TRIM_ROUND = 1  # after which the faces that fit badly are left out


@dataclass
class Average:
    """A mean face (256, 256) float32, and the rows of the faces that went into it."""

    image: Plane
    rows: list[int]


@dataclass
class _Face:
    """A face on the canvas, with what the rounds find out about it."""

    row: int
    image: Plane
    reach: Plane
    features: NDArray[np.uint8]
    flow: Flow | None = None
    fit: float = 1.0


def features(image: Plane) -> NDArray[np.uint8]:
    """Return an image's local contrast (256, 256) uint8, which optical flow compares."""
    return np.clip(local_contrast(image * 50, CONTRAST_SIGMA) * 45 + 128, 0, 255).astype(np.uint8)


def average(
    aligned: Aligned,
    rows: NDArray[np.intp],
    executor: Executor,
    template: Plane | None = None,
    sigmas: Sequence[float] = (10, 7, 5, 4),
    keep: float = 0.6,
) -> Average:
    """Return the dense average of some faces and their mirror images.

    Args:
        aligned: The aligned faces.
        rows: The rows of those that are averaged.
        executor: The threads that share the work.
        template: The image to begin with, instead of the plain mean.
        sigmas: How smooth a face's flow is in each round, in px.
        keep: The share of the faces that is kept, those that fit best.
    """
    faces = list(executor.map(lambda pair: _lay(aligned, *pair), [(r, m) for r in rows for m in (False, True)]))
    mean = _sum(faces, [(face.image, face.reach) for face in faces]) if template is None else template
    for number, sigma in enumerate(sigmas):
        last = number == len(sigmas) - 1
        mean = _one_round(
            faces, mean, sigma, 0.5 if last else 1.0, executor, keep if number >= TRIM_ROUND else 1
        )
        if number == TRIM_ROUND:
            least = np.quantile([face.fit for face in faces], 1 - keep)
            faces = [face for face in faces if face.fit >= least]
            keep = 1.0
    return Average(mean, sorted({face.row for face in faces}))


def _lay(aligned: Aligned, row: int, mirror: bool) -> _Face:
    image, reach = aligned.place(row)
    if mirror:
        image, reach = mirrored(image), mirrored(reach)
    return _Face(row, image, reach, features(image))


def _one_round(
    faces: list[_Face], mean: Plane, sigma: float, centring: float, executor: Executor, keep: float
) -> Plane:
    """Return the mean of the faces after flow to the mean before, of the best `keep` of them."""
    target = sharpen(mean, 1.0, 4)
    target_features, target_contrast = features(target), local_contrast(target * 50, CONTRAST_SIGMA)
    list(executor.map(lambda face: _find_flow(face, target_features, sigma), faces))
    shared = centring * _shared_flow(faces)
    warped = list(executor.map(lambda face: _warp(face, shared, target_contrast), faces))
    least = np.quantile([face.fit for face in faces], 1 - keep)
    kept = [pair for pair in zip(faces, warped, strict=True) if pair[0].fit >= least]
    return _sum([face for face, _ in kept], [layer for _, layer in kept])


def _find_flow(face: _Face, target: NDArray[np.uint8], sigma: float) -> None:
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # one is not for two threads at once
    dis.setFinestScale(1)
    before: Any = None if face.flow is None else face.flow.astype(np.float32)  # its stubs want a flow
    found = dis.calc(target, face.features, before)
    face.flow = blur(np.clip(found, -MAX_STEP_PX, MAX_STEP_PX), sigma)


def _shared_flow(faces: list[_Face]) -> Flow:
    """Return the mean flow, which is taken from each, so that the mean keeps the faces' mean shape."""
    total = np.zeros((SIDE, SIDE, 2), np.float32)
    weight = np.full((SIDE, SIDE), 1e-3, np.float32)
    for face in faces:
        total += np.asarray(face.flow) * face.reach[..., None]
        weight += face.reach
    return blur(total / weight[..., None], 6)


def _warp(face: _Face, shared: Flow, target_contrast: Plane) -> tuple[Plane, Plane]:
    """Return a face and its reach, warped onto the mean, and note how well it fits there."""
    flow = np.asarray(face.flow) - shared
    x, y = XS + flow[..., 0], YS + flow[..., 1]
    image = np.asarray(
        cv2.remap(face.image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32
    )
    reach = cv2.remap(face.reach, x, y, cv2.INTER_LINEAR)
    mine, target = local_contrast(image * 50, CONTRAST_SIGMA)[MIDDLE], target_contrast[MIDDLE]
    face.fit = float((mine * target).sum() / np.sqrt((mine**2).sum() * (target**2).sum()))
    return image, np.asarray(reach, np.float32)


def _sum(faces: list[_Face], layers: list[tuple[Plane, Plane]]) -> Plane:
    """Return the mean of layers, each place over those that reach it, by how well the faces fit."""
    total = np.zeros((SIDE, SIDE), np.float32)
    weight = np.full((SIDE, SIDE), 1e-3, np.float32)
    for face, (image, reach) in zip(faces, layers, strict=True):
        share = reach * np.float32(max(face.fit, 0.01) ** 2)
        total += image * share
        weight += share
    return total / weight
