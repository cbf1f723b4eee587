"""Visitors' own cameras: their frames are read in one thread, their faces in one batch.

One thread, so that visitors together never take more than one core, and one that gives way to the live path.
Whole frames are searched by turns, one a round; a visitor whose frames cost more is read less often.
"""

import io
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from streaming.audience import FullError
from vision.background import lower_priority
from vision.controls import ControlError, check_change
from vision.crops import Tilts
from vision.detector import Boxes, Detections, Detector, Gray
from vision.frames import Image
from vision.pipeline import Explain
from vision.search import SearchOnDemand
from vision.tracker import SHOW_S, Maps, Track, Tracker

log = logging.getLogger(__name__)

MAX_BYTES = 512 * 1024  # of a frame
MAX_WIDTH_PX, MAX_HEIGHT_PX = 1280, 960
MAX_FACES = 8  # read in a frame
MAX_GAP_S = 0.8 * SHOW_S  # a slower visitor's faces wait for the next frame
FAULT = "This frame could not be read; the log says why."
# As EmotionClassifier.predict_each: (gray, boxes, tilts) of several images in, probs (n, 7) of each out.
PredictEach = Callable[[Sequence[tuple[Gray, Boxes, Tilts]]], list[NDArray[np.float32]]]
CONTROLS = ("heat", "smoothing_s")  # of one visitor's camera
COUNTED_EVENTS = ("frames", "faces", "failed", "batches", "seconds", "refused")


@dataclass(frozen=True)
class BrowserCameraWaits:
    """How long visitors wait, and are waited for, in s."""

    frame_period_s: float = 1 / 15  # the shortest between two frames of one visitor
    search_period_s: float = 0.4  # between two full searches of one visitor's frames
    answer_s: float = 10.0
    keep_session_s: float = 10.0
    join_s: float = 1.0


WAITS = BrowserCameraWaits()


class FrameError(Exception):
    """A frame cannot be read; the message says why in one sentence."""


class BusyError(Exception):
    """A frame gets no answer now; the message says why in one sentence."""


class ClosedError(Exception):
    """The browser cameras were closed."""


@dataclass(frozen=True)
class FrameResult:
    """The tracks in one frame, its size in px; latency_ms is from its arrival to this."""

    index: int
    width_px: int
    height_px: int
    tracks: list[Track]
    latency_ms: float
    rests: list[str]  # names of resting faces that can be used again


class BrowserCamera:
    """One visitor's camera: a detector and a tracker of its own, and the frame that waits."""

    def __init__(self, detector: Detector, search: SearchOnDemand, tracker: Tracker) -> None:
        """The search is the detector's own; `wanted` is set when it is this visitor's turn."""
        self.detector, self.search, self.tracker = detector, search, tracker
        self.index = 0
        self.searched_s = self.seen_s = self.due_s = -float("inf")  # monotonic
        self.clock_s = 0.0  # the visitor's own, in which no gap is over MAX_GAP_S
        self.frame: _Frame | None = None  # waiting, or being read
        self.used_s = time.monotonic()
        self.heat = False  # whether its tracks have maps

    def tick(self, t_s: float) -> float:
        """Return the visitor's own time in s at a frame that arrived at t_s (monotonic)."""
        self.clock_s += min(t_s - self.seen_s, MAX_GAP_S)
        self.seen_s = t_s
        return self.clock_s


@dataclass(eq=False)
class _Frame:
    camera: BrowserCamera
    jpeg: bytes
    arrived_s: float
    answer: "Future[FrameResult]"
    heat: bool
    begun: bool = False


class BrowserCameras:
    """The cameras of at most max_open visitors, and the thread that reads their frames."""

    def __init__(
        self,
        predict_each: PredictEach,
        make_detector: Callable[[], tuple[Detector, SearchOnDemand]],
        make_tracker: Callable[[], Tracker],
        max_open: int,
        *,
        waits: BrowserCameraWaits = WAITS,
        explain: Explain | None = None,
    ) -> None:
        """Create it without visitors.

        Args:
            predict_each: EmotionClassifier.predict_each.
            make_detector: Returns a detector and its search; called for each visitor, without a lock.
            make_tracker: Returns a tracker, likewise.
            max_open: The number of visitors at once.
            waits: How long visitors wait.
            explain: EmotionClassifier.explain, without which no visitor has heat maps.
        """
        self._predict_each, self._explain = predict_each, explain
        self._make_detector, self._make_tracker = make_detector, make_tracker
        self._max_open = max_open
        self._waits = waits
        self._changed = threading.Condition()  # guards everything below; nothing slow runs under it
        self._open: list[BrowserCamera] = []
        self._sessions: dict[str, BrowserCamera] = {}
        self._happened = dict.fromkeys(COUNTED_EVENTS, 0.0)
        self._thread: threading.Thread | None = None
        self._closed = False

    # For visitors, each in a thread of its own.

    @property
    def has_heat(self) -> bool:
        """Whether visitors may have heat maps."""
        return self._explain is not None

    @property
    def smoothing_s(self) -> float:
        """The smoothing with which each visitor begins, in s."""
        return self._make_tracker().smoothing_s

    def change(self, camera: BrowserCamera, changes: Mapping[str, Any]) -> None:
        """Set some of a camera's CONTROLS; raises ControlError, and then nothing is changed."""
        for name, value in changes.items():
            if name not in CONTROLS:
                raise ControlError(f"Your own camera has only the controls {' and '.join(CONTROLS)}.")
            check_change(name, value, {"heat": False}, () if self.has_heat else ("heat",))
        camera.heat = changes.get("heat", camera.heat)
        camera.tracker.smoothing_s = float(changes.get("smoothing_s", camera.tracker.smoothing_s))

    def __len__(self) -> int:
        """Return how many cameras are open."""
        with self._changed:
            self._forget_old_sessions()
            return len(self._open)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def counts(self) -> Mapping[str, float]:
        """Return how often each event of COUNTED_EVENTS has happened."""
        with self._changed:
            return dict(self._happened)

    @contextmanager
    def opened(self) -> Iterator[BrowserCamera]:
        """Open a new camera for as long as the block runs; raises FullError if max_open are open."""
        camera = self._add()
        try:
            yield camera
        finally:
            with self._changed:
                self._open.remove(camera)

    def session(self, key: str) -> BrowserCamera:
        """Return the camera of that key, a new one if it was unused for keep_session_s; raises FullError."""
        with self._changed:
            self._forget_old_sessions()
            if key in self._sessions:
                return self._sessions[key]
        return self._add(key)

    def read(self, camera: BrowserCamera, jpeg: bytes) -> FrameResult:
        """Return the faces in the visitor's next frame; raises FrameError, BusyError or ClosedError."""
        frame = _Frame(camera, jpeg, time.monotonic(), Future(), camera.heat and self.has_heat)
        with self._changed:
            if self._closed:
                raise ClosedError
            if camera.frame:
                raise BusyError("The last frame has not been answered yet.")
            camera.frame, camera.used_s = frame, frame.arrived_s
            self._changed.notify_all()
        try:
            return frame.answer.result(self._waits.answer_s)
        except TimeoutError:
            raise BusyError("The server is too busy to read this frame.") from None
        finally:
            with self._changed:
                camera.frame = None

    def close(self) -> bool:
        """Refuse every waiting frame and join the thread; False if it did not end in time."""
        with self._changed:
            self._closed = True
            waiting = [camera.frame for camera in self._open if camera.frame and not camera.frame.begun]
            self._changed.notify_all()
        for frame in waiting:
            frame.answer.set_exception(ClosedError())
        if self._thread:
            self._thread.join(self._waits.join_s)
        return not (self._thread and self._thread.is_alive())

    def _add(self, key: str | None = None) -> BrowserCamera:
        """Return a new camera, or that of the session if another thread has just made it; raises FullError."""
        self._check_room()
        camera = BrowserCamera(*self._make_detector(), self._make_tracker())
        with self._changed:
            if key in self._sessions:
                return self._sessions[key]
            self._check_room()
            self._open.append(camera)
            if key is not None:
                self._sessions[key] = camera
            if not self._thread:
                self._thread = threading.Thread(target=self._work, name="browser cameras", daemon=True)
                self._thread.start()
            return camera

    def _check_room(self) -> None:
        """Raise FullError if max_open cameras are open."""
        with self._changed:
            self._forget_old_sessions()
            if len(self._open) >= self._max_open:
                self._happened["refused"] += 1
                count = self._max_open
                raise FullError(f"All {count} places for visitors' cameras are taken; try again in a minute.")

    def _forget_old_sessions(self) -> None:
        now_s, keep_s = time.monotonic(), self._waits.keep_session_s
        old = [k for k, camera in self._sessions.items() if not camera.frame and now_s - camera.used_s > keep_s]
        for key in old:
            self._open.remove(self._sessions.pop(key))

    # The thread: a round reads at most one frame of each visitor.

    def _work(self) -> None:
        lower_priority()
        while frames := self._next_round():
            started = time.thread_time()
            try:
                self._read(frames)
            except Exception:
                log.exception("the frames of %d visitors could not be read", len(frames))
                for frame in frames:
                    self._refuse(frame, FrameError(FAULT))
            with self._changed:
                self._happened["batches"] += 1
                self._happened["seconds"] += time.thread_time() - started

    def _next_round(self) -> list[_Frame]:
        """Return the frames that wait and are due, as soon as there is one; none when closed."""
        with self._changed:
            while not self._closed:
                waiting = [camera.frame for camera in self._open if camera.frame and not camera.frame.begun]
                now_s = time.monotonic()
                due = [frame for frame in waiting if frame.camera.due_s <= now_s]
                for frame in due:
                    frame.begun = True
                if due:
                    return due
                self._changed.wait(min((f.camera.due_s for f in waiting), default=now_s + 1) - now_s)
            return []

    def _read(self, frames: list[_Frame]) -> None:
        self._choose_search(frames)
        found: list[tuple[_Frame, Gray, Detections]] = []
        for frame in frames:
            try:
                image = decode(frame.jpeg)
                faces = self._detect(frame.camera, image)
                gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
                found.append((frame, gray, faces))
            except FrameError as error:
                self._refuse(frame, error)
            except Exception:
                log.exception("a frame could not be read")
                self._refuse(frame, FrameError(FAULT))
        plain = [(frame, gray, faces) for frame, gray, faces in found if not frame.heat]
        probs = self._predict_each([(gray, faces.boxes, faces.tilts_deg) for _, gray, faces in plain])
        for (frame, gray, faces), its_probs in zip(plain, probs, strict=True):
            self._answer(frame, gray, faces, its_probs)
        for frame, gray, faces in found:
            if frame.heat and self._explain:
                self._answer(frame, gray, faces, *self._explain(gray, faces.boxes, faces.tilts_deg))

    def _choose_search(self, frames: list[_Frame]) -> None:
        """Have the one frame searched wholly that has waited longest for it, if that is long enough."""
        camera = min((frame.camera for frame in frames), key=lambda camera: camera.searched_s)
        if (now_s := time.monotonic()) - camera.searched_s >= self._waits.search_period_s:
            camera.search.wanted, camera.searched_s = True, now_s

    def _detect(self, camera: BrowserCamera, image: Image) -> Detections:
        searched, started_s, spent_s = camera.search.wanted, time.monotonic(), time.thread_time()
        faces = camera.detector.detect(image).at(slice(MAX_FACES))
        # every visitor has an equal share of the thread; a search has its turns and does not count
        rest_s = 0.0 if searched else (time.thread_time() - spent_s) * (len(self._open) - 1)
        camera.due_s = max(started_s + self._waits.frame_period_s, time.monotonic() + rest_s)
        return faces

    def _answer(
        self, frame: _Frame, gray: Gray, faces: Detections, probs: NDArray[np.float32], maps: Maps = None
    ) -> None:
        camera = frame.camera
        t_s = camera.tick(frame.arrived_s)
        tracks = camera.tracker.update(faces.boxes, probs, t_s, maps, faces.landmarks)
        camera.index += 1
        with self._changed:
            self._happened["frames"] += 1
            self._happened["faces"] += len(faces)
        height_px, width_px = gray.shape
        latency_ms = (time.monotonic() - frame.arrived_s) * 1000
        rests = camera.tracker.named_rests()
        frame.answer.set_result(FrameResult(camera.index, width_px, height_px, tracks, latency_ms, rests))

    def _refuse(self, frame: _Frame, error: Exception) -> None:
        if frame.answer.done():
            return
        with self._changed:
            self._happened["failed"] += 1
        frame.answer.set_exception(error)


def decode(jpeg: bytes) -> Image:
    """Return the image (H, W, 3) uint8 BGR of a JPEG; raises FrameError.

    The size is checked before it is decoded.
    """
    try:
        with PIL.Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            width_px, height_px = image.size
            if not (width_px <= MAX_WIDTH_PX and height_px <= MAX_HEIGHT_PX):
                limit = f"{MAX_WIDTH_PX}x{MAX_HEIGHT_PX}"
                raise FrameError(f"A frame may have {limit} px at most, not {width_px}x{height_px}.")
            return np.asarray(image.convert("RGB"))[..., ::-1].copy()
    except FrameError:
        raise
    except Exception as error:  # a broken file can fail anywhere in Pillow, and in many ways
        raise FrameError("This is not a JPEG picture that can be read.") from error
