"""Angry faces whose mouths are not wide open: a mean of those that scream is read as disgust, and frightens.

Here the shipped network itself helps to choose the faces.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from nn.model_card import INPUT_SIDE
from training.portraits.align import CONTRAST_SIGMA, Aligned, Warp, best_warp, eyes_to_nose
from training.portraits.canvas import Plane, blur, local_contrast, symmetric
from vision.emotions import EMOTIONS

ANGRY = EMOTIONS.index("angry")
FILTERS_PX = [9, 5]
LEAST_PROBABILITY = 0.5  # that the network itself gives for angry

# Returns the probabilities (n, 7) of crops (n, 48, 48) uint8.
Classify = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def realign_angry(aligned: Aligned, mean: Plane, classify: Classify, executor: Executor) -> Aligned:
    """Return the faces with the angry ones aligned onto their own mean (256, 256), whose brows lie lower.

    The scores of those that the network does not call angry become -1.
    """
    small = cv2.resize(symmetric(mean)[32:224, 32:224], (INPUT_SIDE, INPUT_SIDE), interpolation=cv2.INTER_AREA)
    template = local_contrast(np.asarray(small, np.float32) * 48 + 125, CONTRAST_SIGMA)
    mask = eyes_to_nose(31, 19)
    identity = np.eye(2, 3, dtype=np.float32)
    rows = np.flatnonzero(aligned.labels == ANGRY)

    def fit(row: int) -> tuple[float, Warp]:
        contrast = local_contrast(aligned.images[row].astype(np.float32), CONTRAST_SIGMA)
        return best_warp(template, contrast, [identity, aligned.warps[row]], mask, FILTERS_PX)

    fits = list(executor.map(fit, rows))
    scores, warps = aligned.scores.copy(), aligned.warps.copy()
    sure = classify(aligned.images[rows])[:, ANGRY] > LEAST_PROBABILITY
    scores[rows] = np.where(sure, [score for score, _ in fits], -1.0)
    warps[rows] = [warp for _, warp in fits]
    return replace(aligned, scores=scores, warps=warps)


def closed_mouths(aligned: Aligned, rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return the `count` faces of rows whose mouths are the least dark, in the order of rows."""
    darkness = np.array([_darkness(aligned.place(int(row))[0]) for row in rows])
    return rows[np.sort(np.argsort(darkness, kind="stable")[:count])]


def _darkness(canvas: Plane) -> float:
    """Return how much darker the darkest of a mouth is than the cheek."""
    smooth = blur(symmetric(canvas), 5)
    return float(smooth[165:185, 88:100].mean() - smooth[178:222, 112:144].min())
