"""Boxes (n, 4), always xyxy px."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def iou(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """Return the intersection over union (n, m) float64, 0 to 1, of boxes (n, 4) with boxes (m, 4)."""
    a = np.asarray(first, dtype=np.float64).reshape(-1, 1, 4)
    b = np.asarray(second, dtype=np.float64).reshape(1, -1, 4)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = sides.clip(min=0).prod(axis=-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(axis=-1) for boxes in (a, b)]
    union = areas[0] + areas[1] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def suppress_overlapping(
    boxes: NDArray[np.floating[Any]], scores: NDArray[np.floating[Any]], max_iou: float
) -> NDArray[np.intp]:
    """Return the rows of boxes (n, 4) that overlap no box with a better score (n,) by more, the best first."""
    xywh = np.hstack((boxes[:, :2], boxes[:, 2:] - boxes[:, :2])).astype(np.float64)
    return np.asarray(cv2.dnn.NMSBoxes(xywh, scores, 0.0, max_iou), dtype=np.intp).reshape(-1)  # type: ignore[arg-type]


def inside_others(
    boxes: NDArray[np.floating[Any]], scores: NDArray[np.floating[Any]], max_share: float
) -> NDArray[np.bool_]:
    """Return whether each of boxes (n, 4) shares more than max_share with one of a better score (n,).

    The share is that of the smaller of the two boxes.
    """
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    sides = np.minimum(boxes[:, None, 2:], boxes[:, 2:]) - np.maximum(boxes[:, None, :2], boxes[:, :2])
    shared = sides.clip(min=0).prod(axis=2) > max_share * np.minimum(areas[:, None], areas)
    hidden = np.zeros(len(boxes), dtype=bool)
    for better in np.argsort(-scores, kind="stable"):
        if not hidden[better]:
            hidden |= shared[better] & (scores < scores[better])
    return hidden
