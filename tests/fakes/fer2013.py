"""A data set of a test's own, as Kaggle gives FER2013."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_fer2013(path: Path, faces: Iterable[tuple[Any, NDArray[np.integer[Any]], str]]) -> Path:
    """Write faces, each its label, its 48x48 pixels and its split, and return the path."""
    lines = [f"{label},{' '.join(map(str, pixels.ravel()))},{split}" for label, pixels, split in faces]
    path.write_text("\n".join(("emotion,pixels,Usage", *lines)) + "\n")
    return path
