"""Aligns faces by affine warps onto their mean: ECC (Evangelidis & Psarakis 2008), cv2.findTransformECC."""

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from nn.model_card import INPUT_SIDE
from training.data import Faces
from training.portraits.canvas import Plane, detail, local_contrast, mirrored, place
from training.portraits.choose import distinct
from vision.emotions import EMOTIONS

CONTRAST_SIGMA = 7.0  # px of the face
PASSES = (9, 7, 5)  # side of the Gaussian filter in px, from coarse to fine
MIDDLE = (INPUT_SIDE - 1) / 2
TEMPLATE_SHARE = 0.6  # of the faces, the best, of which the next template is made
SURE = 0.5  # score from which on a warp is begun with, not the identity
NEAR_COPY = 0.82  # correlation of detail from which on two faces are one photograph

Warp = NDArray[np.float32]  # (2, 3), from px of the mean face to px of this face


@dataclass
class Aligned:
    """Faces (n, 48, 48) uint8, their labels (n,), their warps (n, 2, 3) and their scores (n,), -1 to 1."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    warps: NDArray[np.float32]
    scores: NDArray[np.float64]

    def best(self, emotion: str, least_score: float) -> NDArray[np.intp]:
        """Return the rows of an emotion's faces with at least this score, the best first."""
        rows = np.flatnonzero((self.labels == EMOTIONS.index(emotion)) & (self.scores > least_score))
        return rows[np.argsort(-self.scores[rows], kind="stable")]

    def place(self, row: int) -> tuple[Plane, Plane]:
        """Return a face on the canvas, and where it reaches; see `canvas.place`."""
        return place(self.images[row], self.warps[row])

    def once(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the rows, in their order, without near copies, mirrored or not, of one before."""
        canvases = [self.place(row)[0] for row in rows]
        details = np.array([detail(canvas) for canvas in canvases])
        turned = np.array([detail(mirrored(canvas)) for canvas in canvases])
        return rows[distinct(details, turned, NEAR_COPY)]


def align(faces: Faces, executor: Executor) -> Aligned:
    """Return the faces aligned onto their mean, which three passes sharpen."""
    contrasts = [local_contrast(face.astype(np.float32), CONTRAST_SIGMA) for face in faces.images]
    neutral = np.flatnonzero(faces.labels == EMOTIONS.index("neutral"))
    template = _both_ways(np.mean([contrasts[row] for row in neutral], axis=0))
    warps = np.tile(np.eye(2, 3, dtype=np.float32), (len(faces), 1, 1))
    scores = np.zeros(len(faces))
    mask = eyes_to_nose(34, 20)
    for filter_px in PASSES:
        starts = [_starts(warp, score) for warp, score in zip(warps, scores, strict=True)]
        fit = partial(best_warp, template, mask=mask, filters_px=[filter_px])
        fits = list(executor.map(fit, contrasts, starts))
        scores = np.array([score for score, _ in fits])
        good = scores > np.quantile(scores, 1 - TEMPLATE_SHARE)
        warps = _centred(np.array([warp for _, warp in fits]), good)
        template = _both_ways(
            np.mean([_warped(contrasts[row], warps[row]) for row in np.flatnonzero(good)], axis=0)
        )
    return Aligned(faces.images, faces.labels, warps, scores)


def _starts(warp: Warp, score: float) -> list[Warp]:
    """Return the warps from which a face's next one is looked for."""
    return [warp] if score > SURE else [warp, np.eye(2, 3, dtype=np.float32)]


def eyes_to_nose(bottom: int, half_width: float) -> NDArray[np.uint8]:
    """Return the mask (48, 48) of what is aligned: eyes, brows and nose, while the mouth is left free."""
    y, x = np.mgrid[:INPUT_SIDE, :INPUT_SIDE]
    inside = (y >= 8) & (y <= bottom) & (abs(x - MIDDLE) <= half_width)
    return np.where(inside, 255, 0).astype(np.uint8)


def best_warp(
    template: Plane, contrast: Plane, starts: list[Warp], mask: NDArray[np.uint8], filters_px: list[int]
) -> tuple[float, Warp]:
    """Return the score and the warp that fit a face best; -1 and the identity where none is plausible."""
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    best: tuple[float, Warp] = (-1.0, np.eye(2, 3, dtype=np.float32))
    for start in starts:
        warp = start.astype(np.float32)
        for filter_px in filters_px:
            try:
                score, found = cv2.findTransformECC(
                    template, contrast, warp.copy(), cv2.MOTION_AFFINE, criteria, mask, filter_px
                )
                warp = np.asarray(found, dtype=np.float32)
            except cv2.error:
                break  # it did not converge: the face is too different
            if is_plausible(warp) and score > best[0]:
                best = (float(score), warp)
    return best


def is_plausible(warp: Warp) -> bool:
    """Return whether a warp neither stretches nor shrinks nor moves a face too far."""
    large, small = np.linalg.svd(warp[:, :2], compute_uv=False)
    off = warp[:, :2] @ [MIDDLE, MIDDLE] + warp[:, 2] - MIDDLE
    return bool(small > 0.6 and large < 1.5 and large / small < 1.35 and abs(off).max() < 8)


def _centred(warps: NDArray[np.float32], good: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return warps without the scale and the shift down that most of them share."""
    median = np.median(warps[good], axis=0)
    scale = np.sqrt(median[0, 0] * median[1, 1])
    shared = np.array([[scale, 0, MIDDLE - scale * MIDDLE], [0, scale, median[1, 2]], [0, 0, 1]])
    inverse = np.linalg.inv(shared)
    return np.array([(np.vstack([warp, [0, 0, 1]]) @ inverse)[:2] for warp in warps], dtype=np.float32)


def _warped(contrast: Plane, warp: Warp) -> Plane:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (INPUT_SIDE, INPUT_SIDE)
    return np.asarray(cv2.warpAffine(contrast, warp, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _both_ways(mean: NDArray[np.floating]) -> Plane:
    return np.asarray((mean + mean[:, ::-1]) / 2, dtype=np.float32)
