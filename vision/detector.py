"""The interface of a face detector: an image in, boxes and landmarks out."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vision.frames import Image

Gray = NDArray[np.uint8]  # (H, W)
Boxes = NDArray[np.int32]  # (n, 4), xyxy px
Landmarks = NDArray[np.float32]  # (n, 5, 2), px

LANDMARK_NAMES = ("left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth")


def _no_boxes() -> Boxes:
    return np.empty((0, 4), dtype=np.int32)


def _no_landmarks() -> Landmarks:
    return np.empty((0, len(LANDMARK_NAMES), 2), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Detections:
    """The faces that a detector found in an image, the largest first; without arguments, none.

    Attributes:
        boxes: The frame of each face that the emotion network reads, whatever the detector: (n, 4) int32 xyxy
            px, a square that may reach over the image's border.
        landmarks: The points of each face in the order of LANDMARK_NAMES, left and right as seen in the image,
            with the face upright: (n, 5, 2) float32 px; NaN where the detector finds none.
    """

    boxes: Boxes = field(default_factory=_no_boxes)
    landmarks: Landmarks = field(default_factory=_no_landmarks)

    @classmethod
    def of_boxes(cls, boxes: Boxes) -> "Detections":
        """Return faces without landmarks in boxes (n, 4) int32 xyxy px."""
        return cls(boxes, np.full((len(boxes), len(LANDMARK_NAMES), 2), np.nan, dtype=np.float32))

    @classmethod
    def joined(cls, several: "list[Detections]") -> "Detections":
        """Return all faces of several detections, in their order."""
        if not several:
            return cls()
        return cls(np.concatenate([d.boxes for d in several]), np.concatenate([d.landmarks for d in several]))

    def __len__(self) -> int:
        return len(self.boxes)

    def at(self, rows: Any) -> "Detections":
        """Return the faces in these rows, a slice, numbers or a mask (n,)."""
        return Detections(self.boxes[rows], self.landmarks[rows])

    @property
    def tilts_deg(self) -> NDArray[np.float32]:
        """The angles (n,) in degrees of the lines of the eyes, clockwise in the image; 0 where unknown."""
        right = self.landmarks[:, 1] - self.landmarks[:, 0]
        tilts: NDArray[np.float32] = np.nan_to_num(np.degrees(np.arctan2(right[:, 1], right[:, 0])))
        return tilts


class Detector(Protocol):
    """A face detector, used by one thread at a time."""

    def detect(self, image: Image) -> Detections:
        """Return the faces in an image (H, W, 3) uint8 BGR, the largest first."""

    def close(self) -> bool | None:
        """Join the detector's threads, if it has any; False if one does not end in time."""


class FollowingDetector(Detector, Protocol):
    """A detector that can also look for faces near places, in far less time than a search takes."""

    def follow(
        self, image: Image, boxes: Boxes, known: NDArray[np.bool_]
    ) -> tuple[Detections, NDArray[np.bool_]]:
        """Look for a face near each of several boxes.

        Args:
            image: The image (H, W, 3) uint8 BGR.
            boxes: The places (n, 4) int32 xyxy px.
            known: Whether each face (n,) was found in the frames before, and so needs less evidence.

        Returns:
            A face for each box, and whether it is one (n,); if not, its box and landmarks mean nothing.
        """
