"""When a whole frame is searched for new faces: in the background, every n-th frame, or on demand."""

import math
import time
from typing import Protocol

import numpy as np

from vision.background import BackgroundTask
from vision.detector import Boxes, Detector, Gray

NO_BOXES: Boxes = np.empty((0, 4), dtype=np.int32)
SEARCH_PERIOD_S = 0.12  # between two full searches: a new face is there within 0.3 s


class Search(Protocol):
    """What finds new faces for a LiveDetector, which calls it with every frame."""

    def __call__(self, gray: Gray) -> Boxes: ...

    def close(self) -> None: ...


class BackgroundSearch:
    """Searches whole frames beside the live path, the newest each time, one a period at most."""

    def __init__(self, detector: Detector, period_s: float = SEARCH_PERIOD_S) -> None:
        self._detector, self._period_s = detector, period_s
        self._search: BackgroundTask[Boxes] = BackgroundTask("search")
        self._shape: tuple[int, ...] = ()
        self._started_at = -math.inf

    def __call__(self, gray: Gray) -> Boxes:
        """Return the boxes of the search that has ended since the last call, if one has; never waits.

        An error in the search is raised by the next call.
        """
        found = self._search.take()
        if self._shape != gray.shape:
            found = None
        now = time.monotonic()
        if self._search.idle and now - self._started_at >= self._period_s:
            self._search.start(lambda: self._detector.detect(gray))
            self._shape, self._started_at = gray.shape, now
        return NO_BOXES if found is None else found

    def close(self) -> None:
        """Wait for the search under way, a tenth of a second or two, and join the thread."""
        self._search.close()


class RegularSearch:
    """Searches every n-th frame before it goes on: for videos that are not live, the same result each time."""

    def __init__(self, detector: Detector, every: int) -> None:
        self._detector, self._every, self._index = detector, every, -1

    def __call__(self, gray: Gray) -> Boxes:
        """Return the boxes in this frame if its turn has come, otherwise none."""
        self._index += 1
        return self._detector.detect(gray) if self._index % self._every == 0 else NO_BOXES

    def close(self) -> None:
        """There is nothing to end."""


class SearchOnDemand:
    """Searches the next frame when it is wanted: for many videos in one thread, which take turns."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.wanted = False

    def __call__(self, gray: Gray) -> Boxes:
        """Return the boxes in this frame if its search was wanted, otherwise none."""
        wanted, self.wanted = self.wanted, False
        return self._detector.detect(gray) if wanted else NO_BOXES

    def close(self) -> None:
        """There is nothing to end."""
