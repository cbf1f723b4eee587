"""The search of whole frames for new faces: in the background, in every n-th frame, or on demand."""

import math
import time
from typing import Protocol

import cv2
import numpy as np

from vision.background import BackgroundTask
from vision.detector import Detections, Detector
from vision.frames import Image

SEARCH_PERIOD_S = 0.09  # at the least, between two searches: a new face is shown within 0.2 s
MAX_SHARE = 2 / 3  # of a core, for a detector that takes longer
CALM_PERIOD_S = 0.5  # between two searches of what has not changed
MAX_NOISE = 8  # levels, of one of THUMBNAIL_PX; a camera's noise is less than one
THUMBNAIL_PX = (64, 48)  # width and height to which frames are shrunk, to be compared


class Search(Protocol):
    """A search for new faces, which LiveDetector calls with every frame."""

    def __call__(self, image: Image) -> Detections:
        """Return the faces that may be new in this frame's image; none where no search has ended."""

    def close(self) -> bool:
        """Join the search's thread, if it has one; False if it does not end in time."""


class BackgroundSearch:
    """A search beside the live path: of the newest frame each time, and seldom while nothing changes."""

    def __init__(
        self, detector: Detector, period_s: float = SEARCH_PERIOD_S, calm_period_s: float = CALM_PERIOD_S
    ) -> None:
        """Search with the detector, which no other thread may use.

        Args:
            detector: The detector of whole frames.
            period_s: The shortest time between the beginnings of two searches, in s.
            calm_period_s: That between the searches of two frames that look the same.
        """
        self._detector, self._period_s, self._calm_period_s = detector, period_s, calm_period_s
        self._search: BackgroundTask[Detections] = BackgroundTask("search")
        self._shape: tuple[int, ...] = ()
        self._due_s = -math.inf
        # Of the background thread, about the frame that was searched last:
        self._searched_shape: tuple[int, ...] = ()
        self._look: Image = np.empty((0, 0, 3), dtype=np.uint8)
        self._searched_s = -math.inf

    def __call__(self, image: Image) -> Detections:
        """Return the faces of a search that has ended since the last call, without waiting.

        The call after a search that failed raises its error.
        """
        found = self._search.poll()
        if self._shape != image.shape:
            found = None
        now_s = time.monotonic()
        if self._search.idle and now_s >= self._due_s:
            self._search.start(lambda: self._search_unless_calm(image))
            self._shape, self._due_s = image.shape, now_s + self._period_s
        return Detections() if found is None else found

    def close(self) -> bool:
        """Wait for the running search, a tenth of a second or two, and join the thread; False if it hangs."""
        return self._search.close()

    def _search_unless_calm(self, image: Image) -> Detections:
        """Return the faces in the image; none, soon after a search of one that looked the same."""
        started_s = time.monotonic()
        look = cv2.resize(image, THUMBNAIL_PX, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        calm = self._searched_shape == image.shape and cv2.absdiff(self._look, look).max() <= MAX_NOISE
        if calm and started_s - self._searched_s < self._calm_period_s:
            return Detections()
        self._searched_shape, self._look, self._searched_s = image.shape, look, started_s
        found = self._detector.detect(image)
        ended_s = time.monotonic()
        self._due_s = max(self._due_s, started_s + (ended_s - started_s) / MAX_SHARE)
        return found


class RegularSearch:
    """A search of every n-th frame, which waits for the result: for videos that are not live."""

    def __init__(self, detector: Detector, every: int) -> None:
        """Search the first frame and every `every`-th after it."""
        self._detector, self._every, self._index = detector, every, -1

    def __call__(self, image: Image) -> Detections:
        """Return the faces in this frame if it is an n-th one, otherwise none."""
        self._index += 1
        return self._detector.detect(image) if self._index % self._every == 0 else Detections()

    def close(self) -> bool:
        """Return True: the search has no thread."""
        return True


class SearchOnDemand:
    """A search of the next frame after `wanted` is set: for many videos in one thread, which take turns."""

    def __init__(self, detector: Detector) -> None:
        """Search with the detector, which several searches of one thread may share."""
        self._detector = detector
        self.wanted = False

    def __call__(self, image: Image) -> Detections:
        """Return the faces in this frame if `wanted` was set, and clear it; otherwise return none."""
        wanted, self.wanted = self.wanted, False
        return self._detector.detect(image) if wanted else Detections()

    def close(self) -> bool:
        """Return True: the search has no thread."""
        return True
