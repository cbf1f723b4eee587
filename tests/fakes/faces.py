"""A hundred drawn faces, each with a mouth and brows of its label."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.fakes.fer2013 import write_fer2013


def drawn_face(label: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a face (48, 48) with eyes, and with brows and a mouth that tell its label, 0 to 6."""
    image = rng.normal(60, 12, (48, 48))
    x, y = rng.integers(-2, 3, 2)
    cv2.ellipse(image, (24 + x, 24 + y), (16, 21), 0, 0, 360, 180.0, -1)
    for side in (-7, 7):
        cv2.circle(image, (24 + x + side, 18 + y), 1 + label % 3, 30.0, -1)
        tilt = (label - 3) * side // 7
        cv2.line(image, (21 + x + side, 13 + y - tilt), (27 + x + side, 13 + y + tilt), 30.0, 1)
    cv2.ellipse(image, (24 + x, 34 + y), (7, 1 + label), 0, 0, 180 + 30 * label, 30.0, 1 + label % 2)
    return image.clip(0, 255).astype(np.uint8)


def write_drawn_faces(path: Path, training: int = 80, validation: int = 20) -> Path:
    """Write so many drawn faces as Kaggle's fer2013.csv, and return the path."""
    rng = np.random.default_rng(0)
    splits = ["Training"] * training + ["PublicTest"] * validation
    return write_fer2013(path, ((i % 7, drawn_face(i % 7, rng), split) for i, split in enumerate(splits)))
