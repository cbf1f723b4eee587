"""The way of a frame from its image to an annotated JPEG."""

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.crops import Tilts
from vision.detector import Detections, Detector
from vision.frames import AnnotatedFrame, Frame
from vision.jpeg import encode_jpeg
from vision.live_classifier import LiveClassifier
from vision.overlay import PLAIN, View, draw
from vision.tracker import Tracker

STEPS = ("detect", "classify", "track", "draw", "encode")

# As EmotionClassifier.explain: gray, boxes and tilts in, probs (n, 7) and maps (n, 7, h, w) out.
Explain = Callable[
    [NDArray[np.uint8], NDArray[np.integer[Any]], Tilts], tuple[NDArray[np.float32], NDArray[np.float32]]
]


class Pipeline:
    """The steps of a frame: detect, classify, track, draw and encode; owned by one thread."""

    def __init__(
        self,
        detector: Detector,
        classifier: LiveClassifier,
        tracker: Tracker,
        jpeg_quality: int,
        view: View = PLAIN,
        explain: Explain | None = None,
        only_seen: bool = False,
    ) -> None:
        """Combine the steps.

        Args:
            detector: The face detector; `close` closes it.
            classifier: The classifier of its boxes; `close` closes it.
            tracker: The tracker, which `reset` replaces.
            jpeg_quality: The quality of the JPEGs, 1 to 100.
            view: The switches of what is drawn; any thread may assign another at any time.
            explain: EmotionClassifier.explain, without which no heat maps are drawn.
            only_seen: Whether a face is drawn and returned only in the frames in which it was found, not for a
                moment longer.
        """
        self.detector = detector
        self.classifier = classifier
        self.tracker = tracker
        self.jpeg_quality = jpeg_quality
        self.view = view
        self.explain = explain
        self.only_seen = only_seen

    def process(self, frame: Frame) -> AnnotatedFrame:
        """Detect, classify, track and draw the faces of one frame.

        Args:
            frame: The frame, later than the one before; its image (H, W, 3) uint8 BGR is not changed.

        Returns:
            The annotated frame, with its JPEG, its tracks and the milliseconds of each of STEPS.

        Raises:
            cv2.error: The image has another shape or dtype.
            ValueError: The image cannot be encoded.
        """
        watch = _Stopwatch()
        faces = self.detector.detect(frame.image)
        watch.lap("detect")
        gray = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        view = self.view  # the same for the whole frame
        probs, maps = self._read(gray, faces, frame.captured_s, view)
        watch.lap("classify")
        tracks = self.tracker.update(faces.boxes, probs, frame.captured_s, maps, faces.landmarks)
        watch.lap("track")
        # not only tracks: a face is hidden from the first frame in which it is found
        hidden = [*faces.boxes, *(track.box for track in tracks)] if view.blur else ()
        if self.only_seen:
            tracks = [track for track in tracks if track.seen_s == frame.captured_s]
        scene = draw(frame.image, tracks, view, hidden)  # a copy: frame.image is never written
        watch.lap("draw")
        jpeg = encode_jpeg(scene, self.jpeg_quality)
        watch.lap("encode")
        return AnnotatedFrame(
            frame.index,
            frame.captured_s,
            time.monotonic(),
            jpeg,
            tracks,
            watch.laps_ms,
            brightness=cv2.mean(gray)[0],
            scene=scene,
        )

    def close(self) -> bool:
        """Close the detector and the classifier; False if a thread of theirs does not end in time."""
        ended = self.detector.close() is not False
        return self.classifier.close() and ended

    def reset(self) -> None:
        """Forget all faces, so that numbers begin again at 1; called by any thread."""
        self.tracker = Tracker(self.tracker.smoothing_s, self.tracker.unsure_below)

    def _read(
        self, gray: NDArray[np.uint8], faces: Detections, t_s: float, view: View
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return probs (n, 7) float32, and maps (n, 7, h, w) float32 if the view shows heat maps."""
        if view.heat and self.explain:
            return self.explain(gray, faces.boxes, faces.tilts_deg)
        return self.classifier.predict(gray, faces.boxes, t_s, faces.tilts_deg), None


class _Stopwatch:
    """The durations of steps in turn, in ms."""

    def __init__(self) -> None:
        self.laps_ms: dict[str, float] = {}
        self._started_s = time.perf_counter()

    def lap(self, step: str) -> None:
        """Note the time since the last lap as that of the step."""
        now_s = time.perf_counter()
        self.laps_ms[step] = (now_s - self._started_s) * 1000
        self._started_s = now_s
