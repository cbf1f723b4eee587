"""Chooses the faces: those whose label and whose FER+ voters agree on the emotion, each photograph once."""

import numpy as np
from numpy.typing import NDArray

from nn.model_card import INPUT_SIDE
from training.data import VOTES, Faces
from vision.emotions import EMOTIONS

# Least share of the FER+ votes, in the order of EMOTIONS; lower where faces are few.
AGREEMENT = (0.6, 0.3, 0.4, 0.9, 0.65, 0.7, 0.75)
MIN_FACES, MAX_FACES = 100, 1500  # of an emotion
CHUNK = 500
COPY = 0.95  # correlation from which on two faces are one photograph


def choose(faces: Faces) -> Faces:
    """Return the faces that are used, emotion by emotion, in an order that is the same in every run.

    Raises ValueError if an emotion has fewer than MIN_FACES.
    """
    share = faces.votes[:, : len(EMOTIONS)] / np.maximum(faces.votes.sum(axis=1, keepdims=True), 1)
    no_face = faces.votes[:, VOTES.index("NF")] > 0
    chosen = []
    for label, least in enumerate(AGREEMENT):
        rows = np.flatnonzero((faces.labels == label) & (share[:, label] >= least) & ~no_face)
        rows = np.random.default_rng(0).permutation(rows)
        images = faces.images[rows]
        rows = rows[distinct(_rows(images), _rows(images[:, :, ::-1]), COPY)][:MAX_FACES]
        if len(rows) < MIN_FACES:
            raise ValueError(
                f"the data has {len(rows)} clear faces of {EMOTIONS[label]}; the portraits need {MIN_FACES}"
            )
        chosen.append(rows)
    order = np.concatenate(chosen)
    return Faces(faces.images[order], faces.labels[order], faces.votes[order])


def distinct(
    rows: NDArray[np.float32], mirrored_rows: NDArray[np.float32], max_correlation: float
) -> NDArray[np.intp]:
    """Return the indices of rows (n, k), each of length 1, that correlate with none chosen before."""
    chosen: list[int] = []
    for start in range(0, len(rows), CHUNK):
        chunk = slice(start, start + CHUNK)
        alike = np.maximum(rows[chunk] @ rows.T, mirrored_rows[chunk] @ rows.T) > max_correlation
        for index, copies in enumerate(alike, start=start):
            if rows[index].any() and not copies[chosen].any():
                chosen.append(index)
    return np.array(chosen, dtype=np.intp)


def _rows(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images (n, 48, 48) as rows (n, 2304) of length 1 whose products are correlations."""
    rows = images.reshape(len(images), INPUT_SIDE * INPUT_SIDE).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6))
