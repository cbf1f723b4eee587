"""Face detection in a live video: known faces near their last boxes, new ones by a search."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.boxes import iou
from vision.detector import Detections, FollowingDetector
from vision.frames import Image
from vision.search import Search
from vision.tracker import SHOW_AFTER

SAME_FACE_IOU = 0.3
RETRY_FRAMES = 2  # a lost face is looked for in each of so many frames; after that, lost faces take turns
KEEP_FRAMES = 60  # a lost face is looked for in no more frames; a hand may have hidden it


@dataclass
class _Seen:
    """A face's last box (4,) int32 xyxy px, the number of frames since then, and how often it was seen."""

    box: NDArray[np.int32]
    misses: int = 0
    sightings: int = 1

    @property
    def is_known(self) -> bool:
        """Whether it was seen often enough that the next sighting needs less evidence."""
        return self.sightings >= SHOW_AFTER


class LiveDetector:
    """A detector for a video's frames in turn: it looks near the last boxes, and a search finds new faces.

    A full search takes longer than a frame lasts, so it runs in the background and its boxes belong to an
    earlier frame; each must be confirmed near its place in the current frame.
    """

    def __init__(self, detector: FollowingDetector, search: Search) -> None:
        """Combine a detector, for the places near the last boxes, with a search; `close` closes the search."""
        self._detector = detector
        self._search = search
        self._shape: tuple[int, ...] = ()
        self._seen: list[_Seen] = []
        self._turn = 0

    def detect(self, image: Image) -> Detections:
        """Find the faces in a video's next frame.

        Args:
            image: The frame's image (H, W, 3) uint8 BGR; another shape begins a new video.

        Returns:
            The faces, in no order.

        Raises:
            Exception: The error of the search, in the first frame after it.
        """
        if image.shape != self._shape:
            self._shape, self._seen = image.shape, []
        sought = self._sought()
        for seen in self._seen:
            seen.misses += 1
        found = self._follow(image, sought, Detections())
        new = [_Seen(box, sightings=0) for box in self._search(image).boxes if not _is_among(box, found)]
        found = self._follow(image, new, found)
        self._seen += [seen for seen in new if seen.sightings]
        self._forget(found)
        return found

    def close(self) -> bool:
        """Close the search, which joins its thread; False if that does not end in time."""
        return self._search.close()

    def _follow(self, image: Image, sought: list[_Seen], found: Detections) -> Detections:
        """Return the faces found and those of sought that are in the image, too, whose places are noted."""
        if not sought:
            return found
        boxes = np.array([seen.box for seen in sought], dtype=np.int32)
        known = np.array([seen.is_known for seen in sought])
        faces, are_faces = self._detector.follow(image, boxes, known)
        for row in np.flatnonzero(are_faces).tolist():
            if not _is_among(faces.boxes[row], found):
                seen = sought[row]
                seen.box, seen.misses, seen.sightings = faces.boxes[row], 0, seen.sightings + 1
                found = Detections.joined([found, faces.at([row])])
        return found

    def _sought(self) -> list[_Seen]:
        """Return the faces to look for in this frame: the recent ones, and one of those lost for longer."""
        recent = [seen for seen in self._seen if seen.misses <= RETRY_FRAMES]
        lost = [seen for seen in self._seen if seen.misses > RETRY_FRAMES]
        self._turn += 1
        return recent + lost[self._turn % max(len(lost), 1) :][:1]

    def _forget(self, found: Detections) -> None:
        """Drop lost faces after KEEP_FRAMES, and those in whose place another face was found."""
        # the largest first, so that a pattern within a face gives way to the face
        self._seen.sort(key=lambda seen: -int(seen.box[2] - seen.box[0]))
        self._seen = [
            seen
            for seen in self._seen
            if seen.misses == 0 or (seen.misses <= KEEP_FRAMES and not _is_among(seen.box, found))
        ]


def _is_among(box: NDArray[np.int32], found: Detections) -> bool:
    """Return whether a box (4,) repeats one of those found, or lies within one: a face contains no face."""
    if not len(found):
        return False
    boxes = found.boxes
    centre = (box[:2] + box[2:]) / 2
    within = ((boxes[:, :2] < centre) & (centre < boxes[:, 2:])).all(axis=1)
    return bool((within | (iou(box, boxes)[0] > SAME_FACE_IOU)).any())
