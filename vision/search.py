"""The search of whole frames for new faces: in the background, in every n-th frame, or on demand."""

import math
import time
from typing import Protocol

from vision.background import BackgroundTask
from vision.detector import Detections, Detector
from vision.frames import Image

SEARCH_PERIOD_S = 0.12  # between two full searches: a new face is shown within 0.3 s


class Search(Protocol):
    """A search for new faces, which LiveDetector calls with every frame."""

    def __call__(self, image: Image) -> Detections:
        """Return the faces that may be new in this frame's image; none where no search has ended."""

    def close(self) -> None:
        """Join the search's thread, if it has one."""


class BackgroundSearch:
    """A search beside the live path: of the newest frame each time, once a period at most."""

    def __init__(self, detector: Detector, period_s: float = SEARCH_PERIOD_S) -> None:
        """Search with the detector, which no other thread may use, at most every period_s seconds."""
        self._detector, self._period_s = detector, period_s
        self._search: BackgroundTask[Detections] = BackgroundTask("search")
        self._shape: tuple[int, ...] = ()
        self._started_s = -math.inf

    def __call__(self, image: Image) -> Detections:
        """Return the faces of a search that has ended since the last call, without waiting.

        The call after a search that failed raises its error.
        """
        found = self._search.poll()
        if self._shape != image.shape:
            found = None
        now_s = time.monotonic()
        if self._search.idle and now_s - self._started_s >= self._period_s:
            self._search.start(lambda: self._detector.detect(image))
            self._shape, self._started_s = image.shape, now_s
        return Detections() if found is None else found

    def close(self) -> None:
        """Wait for the running search, a tenth of a second or two, and join the thread."""
        self._search.close()


class RegularSearch:
    """A search of every n-th frame, which waits for the result: for videos that are not live."""

    def __init__(self, detector: Detector, every: int) -> None:
        """Search the first frame and every `every`-th after it."""
        self._detector, self._every, self._index = detector, every, -1

    def __call__(self, image: Image) -> Detections:
        """Return the faces in this frame if it is an n-th one, otherwise none."""
        self._index += 1
        return self._detector.detect(image) if self._index % self._every == 0 else Detections()

    def close(self) -> None:
        """Do nothing: the search has no thread."""


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

    def close(self) -> None:
        """Do nothing: the search has no thread."""
