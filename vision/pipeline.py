"""One frame's way, from a picture to an annotated JPEG."""

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detector import Detector
from vision.frames import AnnotatedFrame, Frame
from vision.jpeg import encode_jpeg
from vision.live_classifier import LiveClassifier
from vision.overlay import PLAIN, View, draw
from vision.tracker import Tracker

STEPS = ("detect", "classify", "track", "draw", "encode")

# As EmotionClassifier.explain: gray and boxes in, probs (n, 7) and maps (n, 7, h, w) out.
Explain = Callable[
    [NDArray[np.uint8], NDArray[np.integer[Any]]], tuple[NDArray[np.float32], NDArray[np.float32]]
]


class Pipeline:
    """Detects, classifies, tracks, draws and encodes; owned by one thread."""

    def __init__(
        self,
        detector: Detector,
        classifier: LiveClassifier,
        tracker: Tracker,
        jpeg_quality: int,
        view: View = PLAIN,
        explain: Explain | None = None,
    ) -> None:
        """Another view may be assigned at any time, by any thread; heat maps need explain."""
        self.detector = detector
        self.classifier = classifier
        self.tracker = tracker
        self.jpeg_quality = jpeg_quality
        self.view = view
        self.explain = explain

    def process(self, frame: Frame) -> AnnotatedFrame:
        """Turn one frame into one annotated JPEG and the tracks drawn on it."""
        watch = _Stopwatch()
        gray = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        boxes = self.detector.detect(gray)  # (n, 4) int, px, xyxy
        watch.lap("detect")
        view = self.view  # the same for the whole frame
        probs, maps = self._read(gray, boxes, frame.captured_s, view)
        watch.lap("classify")
        tracks = self.tracker.update(boxes, probs, frame.captured_s, maps)
        watch.lap("track")
        # not only tracks: a face is hidden from the first frame on in which it is found
        hidden = [*boxes, *(track.box for track in tracks)] if view.blur else ()
        scene = draw(frame.image, tracks, view, hidden)  # a copy: frame.image is never written
        watch.lap("draw")
        jpeg = encode_jpeg(scene, self.jpeg_quality)
        watch.lap("encode")
        return AnnotatedFrame(
            frame.index, frame.captured_s, time.monotonic(), jpeg, tracks, watch.laps_ms, scene=scene
        )

    def close(self) -> None:
        """End what the steps do in the background."""
        self.detector.close()
        self.classifier.close()

    def reset(self) -> None:
        """Let everybody be new, and their numbers begin again; by any thread."""
        self.tracker = Tracker(self.tracker.smoothing_s, self.tracker.unsure_below)

    def _read(
        self, gray: NDArray[np.uint8], boxes: NDArray[np.int32], t_s: float, view: View
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return probs (n, 7), rows sum to 1, and maps (n, 7, h, w) if they are to be drawn; float32."""
        if view.heat and self.explain:
            return self.explain(gray, boxes)
        return self.classifier.predict(gray, boxes, t_s), None


class _Stopwatch:
    def __init__(self) -> None:
        self.laps_ms: dict[str, float] = {}
        self._at = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.laps_ms[step] = (now - self._at) * 1000
        self._at = now
