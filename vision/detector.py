"""The interface of a face detector: a gray image in, boxes out."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]  # (H, W)
Boxes = NDArray[np.int32]  # (n, 4), xyxy px


class Detector(Protocol):
    """A face detector, used by one thread at a time."""

    def detect(self, gray: Gray) -> Boxes:
        """Return the boxes (n, 4) int32 xyxy px of the faces in gray (H, W) uint8."""

    def close(self) -> None:
        """Join the detector's threads, if it has any."""
