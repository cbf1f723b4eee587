"""What a face detector is: gray in, boxes out."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]  # (H, W)
Boxes = NDArray[np.int32]  # (n, 4), xyxy px


class Detector(Protocol):
    """Finds the faces in an image; used by one thread at a time."""

    def detect(self, gray: Gray) -> Boxes:
        """Return the boxes (n, 4) int32 xyxy px of the faces in gray (H, W) uint8."""

    def close(self) -> None:
        """Join its threads, if it has any."""
