"""Browser cameras without a browser."""

import io
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from streaming.browser_cameras import BrowserCameras, BrowserCameraWaits
from tests.fakes.waiting import PATIENCE_S
from vision.crops import Tilts
from vision.detector import Detections
from vision.emotions import EMOTIONS
from vision.frames import Image
from vision.search import SearchOnDemand
from vision.tracker import Tracker

QUICK = BrowserCameraWaits(frame_period_s=0.001, answer_s=PATIENCE_S)
BOX = np.array([[4, 4, 36, 36]], dtype=np.int32)


class Recorder:
    """Says “sad” to dark pictures and “happy” to others, and can be made to wait or to fail."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.go = threading.Event()
        self.go.set()
        self.fault: Exception | None = None

    def predict_each(
        self, pictures: Sequence[tuple[NDArray[np.uint8], NDArray[Any], Tilts]]
    ) -> list[NDArray[np.float32]]:
        self.batches.append(len(pictures))
        assert self.go.wait(PATIENCE_S)
        if self.fault:
            raise self.fault
        return [self.read(int(gray[0, 0])) for gray, *_ in pictures]

    def explain(
        self, gray: NDArray[np.uint8], _boxes: NDArray[Any], _tilts: Tilts
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See every emotion twice as hot in the upper left corner as right of it, and nowhere else."""
        maps = np.zeros((1, 7, 2, 2), dtype=np.float32)
        maps[0, :, 0] = 4, 2
        return self.read(int(gray[0, 0])), maps

    def read(self, level: int) -> NDArray[np.float32]:
        probs = np.full((1, 7), 0.05, dtype=np.float32)
        probs[0, EMOTIONS.index("sad" if level < 100 else "happy")] = 0.7
        return probs


class OneFace(SearchOnDemand):
    """Sees one face in every frame, and notes which were to be searched wholly."""

    def __init__(self) -> None:
        super().__init__(self)
        self.searched: list[bool] = []
        self.takes_s = 0.0

    def detect(self, image: Image) -> Detections:
        if image[0, 0, 0] == 255:
            raise RuntimeError("the detector is broken")
        self.searched.append(self.wanted)
        self.wanted = False
        until_s = time.thread_time() + self.takes_s
        while time.thread_time() < until_s:
            pass
        return Detections.of_boxes(BOX)


class Hall:
    """Three browser cameras, their detectors in the order in which they were opened, and their classifier."""

    def __init__(self, waits: BrowserCameraWaits = QUICK) -> None:
        self.detectors: list[OneFace] = []
        self.classifier = Recorder()
        self.cameras = BrowserCameras(
            self.classifier.predict_each,
            self.make_detector,
            lambda: Tracker(0.3, 0.4),
            3,
            waits=waits,
            explain=self.classifier.explain,
        )

    def make_detector(self) -> tuple[OneFace, OneFace]:
        self.detectors.append(OneFace())
        return self.detectors[-1], self.detectors[-1]


def jpeg_of(level: int, width: int = 48, height: int = 40, format: str = "JPEG") -> bytes:
    file = io.BytesIO()
    PIL.Image.new("L", (width, height), level).save(file, format)
    return file.getvalue()
