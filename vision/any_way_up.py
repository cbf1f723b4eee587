"""Faces in pictures that lie on a side or stand on their head."""

import numpy as np

from vision.detector import Detections, Detector
from vision.frames import Image

QUARTER_TURNS = (1, 3, 2)  # anticlockwise; pictures lie on a side more often than on their head


class AnyWayUp:
    """A detector that turns a picture by quarter turns where it finds nothing in it as it is.

    A turned face has its landmarks, and so its tilt, in the picture as it is.
    """

    def __init__(self, upright: Detector, turned: Detector) -> None:
        """Search the picture as it is with the one detector and, if need be, turned with the other."""
        self._upright, self._turned = upright, turned

    def detect(self, image: Image) -> Detections:
        """Return the faces in an image (H, W, 3) uint8 BGR, the largest first."""
        faces = self._upright.detect(image)
        for turns in QUARTER_TURNS:
            if len(faces):
                break
            turned = self._turned.detect(np.ascontiguousarray(np.rot90(image, turns)))
            faces = turn_back(turned, turns, image.shape)
        return faces

    def close(self) -> None:
        """Close the detectors."""
        self._upright.close()
        self._turned.close()


def turn_back(faces: Detections, turns: int, shape: tuple[int, ...]) -> Detections:
    """Return faces found in np.rot90(image, turns) as they lie in the image of shape (H, W, ...)."""
    boxes, landmarks = faces.boxes, faces.landmarks
    for turn in reversed(range(turns)):
        width = shape[0] if turn % 2 else shape[1]  # before this turn
        boxes = np.stack((width - boxes[:, 3], boxes[:, 0], width - boxes[:, 1], boxes[:, 2]), axis=1)
        landmarks = np.stack((width - landmarks[..., 1], landmarks[..., 0]), axis=-1)
    return Detections(boxes.astype(np.int32), landmarks.astype(np.float32))
