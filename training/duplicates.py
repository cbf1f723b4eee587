"""Copies among faces: the same photograph, identical, mirrored, or saved a little differently."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from nn.model_card import INPUT_SIDE

NEAR = 0.97  # least correlation of two faces of one photograph, blurred and at half size
BLUR = 1.0  # px, sigma; a copy that was scaled or shifted differs in its finest detail
SIDE = INPUT_SIDE // 2
CHUNK = 512  # faces

Pictures = NDArray[np.uint8]
Rows = NDArray[np.float32]


def near_duplicates(faces: Pictures, others: Pictures) -> NDArray[np.bool_]:
    """Return (n,) bool, True for faces (n, 48, 48) uint8 that have a copy among others (m, 48, 48) uint8.

    A copy is pixel-identical, or correlates at NEAR or more with the face or its mirror image. A flat image
    correlates with nothing.
    """
    found = np.zeros(len(faces), dtype=np.bool_)
    for start, near in _compare(faces, others):
        found[start : start + len(near)] = near.any(axis=1)
    return found


def near_pairs(faces: Pictures) -> NDArray[np.int64]:
    """Return the index pairs (k, 2) int64, lower first, of faces (n, 48, 48) uint8 that are copies."""
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for start, near in _compare(faces, faces):
        first, second = np.nonzero(near)
        pairs.append(np.column_stack((first + start, second)))
    every = np.concatenate(pairs)
    return every[every[:, 0] < every[:, 1]]


def _compare(faces: Pictures, others: Pictures) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yield, for each chunk of c faces, its first index and (c, m) bool, True where another is a copy."""
    units, names = _units(others), _names(others)
    for start in range(0, len(faces), CHUNK):
        chunk = faces[start : start + CHUNK]
        rows = _units(chunk)
        mirrored = rows.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(rows.shape)
        near = _names(chunk)[:, None] == names
        for version in (rows, mirrored):
            near |= version @ units.T >= NEAR
        yield start, near


def _units(faces: Pictures) -> Rows:
    """Return blurred, halved faces as rows (n, 576) float32 whose products are correlations; 0 if flat."""
    rows = np.zeros((len(faces), SIDE * SIDE), dtype=np.float32)
    for row, face in zip(rows, faces, strict=True):
        if face.min() < face.max():
            blurred = cv2.GaussianBlur(face.astype(np.float32), (0, 0), BLUR)
            row[:] = cv2.resize(blurred, (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel()
    rows -= rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6))


def _names(faces: Pictures) -> NDArray[np.int64]:
    """Return a hash (n,) int64 of each face; with 64 bits only identical faces share one."""
    return np.array([hash(face.tobytes()) for face in faces], dtype=np.int64)
