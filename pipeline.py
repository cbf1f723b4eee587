"""One frame's way, from a picture to an annotated JPEG."""

import time
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from classifier import LiveClassifier
from overlay import PLAIN, View, draw
from sources import Frame, Image
from tracker import Track, Tracker
from variants import Variant

STEPS = ("detect", "classify", "track", "draw", "encode")


@dataclass(frozen=True)
class AnnotatedFrame:
    """One frame as viewers get it, with the tracks drawn on it and how long each step took.

    captured_at and published_at are time.monotonic() in s; problem says why there is no picture, or is
    empty where there is one.
    """

    index: int
    captured_at: float
    published_at: float
    jpeg: bytes
    tracks: list[Track] = field(default_factory=list)
    step_ms: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    scene: Image | None = field(default=None, repr=False)  # what the JPEG shows, for other sizes of it


class Detector(Protocol):
    def detect(self, gray: NDArray[np.uint8]) -> NDArray[np.int32]: ...

    def close(self) -> None: ...


class Explainer(Protocol):
    """A classifier that also says where it saw each emotion; model.EmotionClassifier is one."""

    def explain(
        self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...


class Pipeline:
    """Detects, classifies, tracks, draws and encodes; owned by one thread."""

    def __init__(
        self,
        detector: Detector,
        classifier: LiveClassifier,
        tracker: Tracker,
        jpeg_quality: int,
        view: View = PLAIN,
        explainer: Explainer | None = None,
    ) -> None:
        """Another view may be assigned at any time, by any thread; heat maps need an explainer."""
        self.detector = detector
        self.classifier = classifier
        self.tracker = tracker
        self.jpeg_quality = jpeg_quality
        self.view = view
        self.explainer = explainer

    def process(self, frame: Frame) -> AnnotatedFrame:
        """Turn one frame into one annotated JPEG and the tracks drawn on it."""
        watch = _Stopwatch()
        gray = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        boxes = self.detector.detect(gray)  # (n, 4) int, px, xyxy
        watch.lap("detect")
        view = self.view  # the same for the whole frame
        probs, maps = self._read(gray, boxes, frame.captured_at, view)
        watch.lap("classify")
        tracks = self.tracker.update(boxes, probs, frame.captured_at, maps)
        watch.lap("track")
        # not only tracks: a face is hidden from the first frame on in which it is found
        hidden = [*boxes, *(track.box for track in tracks)] if view.blur else ()
        scene = draw(frame.image, tracks, view, hidden)  # a copy: frame.image is never written
        watch.lap("draw")
        jpeg = encode_jpeg(scene, self.jpeg_quality)
        watch.lap("encode")
        return AnnotatedFrame(
            frame.index, frame.captured_at, time.monotonic(), jpeg, tracks, watch.laps_ms, scene=scene
        )

    def close(self) -> None:
        """End what the steps do in the background."""
        self.detector.close()
        self.classifier.close()

    def reset(self) -> None:
        """Let everybody be new, and their numbers begin again; by any thread."""
        self.tracker = Tracker(self.tracker.smoothing_s, self.tracker.unsure_below)

    def _read(
        self, gray: NDArray[np.uint8], boxes: NDArray[np.int32], at: float, view: View
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return probs (n, 7), rows sum to 1, and maps (n, 7, h, w) if they are to be drawn; float32."""
        if view.heat and self.explainer:
            return self.explainer.explain(gray, boxes)
        return self.classifier.predict(gray, boxes, at), None


def encode_jpeg(scene: Image, quality: int) -> bytes:
    """Return scene (H, W, 3) BGR uint8 as JPEG; quality is 1 to 100."""
    ok, jpeg = cv2.imencode(".jpg", scene, (cv2.IMWRITE_JPEG_QUALITY, quality))
    if not ok:
        raise ValueError(f"no JPEG can be made of a picture of {scene.shape}")
    return jpeg.tobytes()


def encode_variant(annotated: AnnotatedFrame, variant: Variant, default_quality: int) -> AnnotatedFrame:
    """Return annotated with a JPEG of the variant's width and quality; a picture is never enlarged."""
    scene = annotated.scene
    if scene is None:
        return annotated
    height, width = scene.shape[:2]
    if variant.width_px and variant.width_px < width:
        size_px = (variant.width_px, max(round(height * variant.width_px / width), 1))
        scene = cv2.resize(scene, size_px, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return replace(annotated, jpeg=encode_jpeg(scene, variant.quality or default_quality), scene=None)


class _Stopwatch:
    def __init__(self) -> None:
        self.laps_ms: dict[str, float] = {}
        self._at = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.laps_ms[step] = (now - self._at) * 1000
        self._at = now
