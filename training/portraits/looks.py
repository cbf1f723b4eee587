"""Finds people: groups of faces that look alike whatever they show; k-means on principal components."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.portraits.align import Aligned
from training.portraits.canvas import blur, symmetric

LEAST_SCORE = 0.45  # of the alignment
WIDTH, HEIGHT = 32, 36  # px of a face as it is compared
COMPONENTS = 16
EVENNESS = 0.6  # power of a component's strength that is kept: below 1, so that not hair alone counts
STRAY = 0.15  # how much it counts against a face that it lies beside its group's direction
SEED = 1

Place = NDArray[np.float32]  # (16,)


@dataclass
class Looks:
    """Where each aligned face lies among all: its rows (n,) of the aligned faces and places (n, 16)."""

    rows: NDArray[np.intp]
    places: NDArray[np.float32]

    def groups(self, count: int) -> NDArray[np.float32]:
        """Return the centres (count, 16) of groups of faces that look alike, the same in every run."""
        cv2.setRNGSeed(SEED)
        stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-4)
        start = np.zeros((len(self.places), 1), dtype=np.int32)
        _, _, centres = cv2.kmeans(self.places, count, start, stop, 10, cv2.KMEANS_PP_CENTERS)
        return np.asarray(centres, dtype=np.float32)

    def most_like(self, centre: Place, among: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return those rows of `among` that are known here, those that look most like the group first."""
        index = np.flatnonzero(np.isin(self.rows, among))
        stray = np.linalg.norm(self.places[index] - centre, axis=1) * np.linalg.norm(centre)
        likeness = self.places[index] @ centre - STRAY * stray
        return self.rows[index[np.argsort(-likeness, kind="stable")]]

    def mean(self, rows: Sequence[int] | NDArray[np.intp]) -> Place:
        """Return the mean place (16,) of some rows."""
        return np.asarray(self.places[np.isin(self.rows, rows)].mean(axis=0))


def find_looks(aligned: Aligned) -> Looks:
    """Return the looks of all faces that are aligned well, free of what their emotions have in common."""
    rows = np.flatnonzero(aligned.scores > LEAST_SCORE)
    small = np.array([_small(aligned, int(row)) for row in rows])
    labels = aligned.labels[rows]
    for label in np.unique(labels):
        small[labels == label] -= small[labels == label].mean(axis=0)
    flat = (small * _weights()).reshape(len(small), -1)
    left, strength, _ = np.linalg.svd(flat, full_matrices=False)
    places = left[:, :COMPONENTS] * strength[:COMPONENTS] ** EVENNESS
    return Looks(rows, np.asarray(places / places.std(), dtype=np.float32))


def _small(aligned: Aligned, row: int) -> NDArray[np.float32]:
    """Return a face as it is compared, (36, 32) float32: symmetric, without fine detail and large light."""
    image, reach = aligned.place(row)
    image = np.where(reach > 0.3, image, 0) * reach
    even = symmetric(image) / np.maximum(symmetric(reach), 0.1)
    fine = blur(even - blur(even, 30), 3)[56:240, 48:208]
    return np.asarray(cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _weights() -> NDArray[np.float32]:
    """Return what counts of a face (36, 32): an oval, and little of the mouth, which tells the emotion."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    weights = np.ones((HEIGHT, WIDTH), np.float32)
    weights[23:33, 9:23] = 0.12
    oval = np.hypot((x - (WIDTH - 1) / 2) / 17, (y - 17) / 20) < 1
    return np.asarray(blur(weights, 1) * oval, dtype=np.float32)
