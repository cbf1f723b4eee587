"""Something to view: the newest annotated frame, what its source is doing, and how many view it."""

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from streaming.latest import Latest
from vision.faces import face_json
from vision.frames import AnnotatedFrame
from vision.jpeg import encode_jpeg
from vision.overlay import draw_no_signal

SETTLE_S = 0.7  # after which a source that was just opened has its faces found
FPS_WINDOW_S = 2.0
NO_SIGNAL_QUALITY = 85


@dataclass(frozen=True)
class Counts:
    """Events since the start; step_s is the time that all frames together spent in each step."""

    frames: int = 0
    dropped: int = 0  # grabbed, but a newer one came before it could be annotated
    faults: int = 0  # could not be annotated
    openings: int = 0
    step_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """The state of a camera: running while frames come, else problem says in one sentence why they do not.

    latency_ms is from capture to publishing; problem is also empty while there is no viewer.
    """

    source: str
    note: str
    running: bool
    problem: str
    fps: float
    latency_ms: float
    viewers: int
    newest: AnnotatedFrame | None
    counts: Counts = field(default_factory=Counts)

    def summary(self) -> dict[str, Any]:
        """Return a line about the camera as JSON; without a frame all but the problem is null."""
        newest = self.newest
        problem = self.problem or (newest.problem if newest else None)
        return {
            "source": self.source if newest else None,
            "note": self.note if newest else None,
            "problem": problem,
            "fps": round(self.fps, 1) if newest else None,
            "latency_ms": round(self.latency_ms, 1) if newest else None,
            "faces": [face_json(track) for track in newest.tracks] if newest else None,
        }


class Viewable:
    """Frames that come while there are viewers, and for linger_s after; every method is for any thread.

    A subclass makes the frames: it starts in `_begin` and waits on `_changed` while it is not wanted.
    """

    def __init__(
        self, linger_s: float, *, settle_s: float = SETTLE_S, fps_window_s: float = FPS_WINDOW_S
    ) -> None:
        """settle_s is how long a snapshot waits for faces; the rate is that of the last fps_window_s."""
        self._linger_s = linger_s
        self._settle_s = settle_s
        self._fps_window_s = fps_window_s
        self._annotated: Latest[AnnotatedFrame] = Latest()
        self._changed = threading.Condition()  # guards everything below
        self._viewers = 0
        self._left_s = -float("inf")
        self._closed = False
        self._published_s: deque[float] = deque(maxlen=256)

    @property
    def annotated(self) -> Latest[AnnotatedFrame]:
        """The newest annotated frame, while there are viewers; closed with the camera."""
        return self._annotated

    @contextmanager
    def viewing(self) -> Iterator[None]:
        """Keep the frames coming into `annotated`."""
        with self._changed:
            self._viewers += 1
            if not self._closed:
                self._begin()
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._viewers -= 1
                self._left_s = time.monotonic()

    def snapshot(self, timeout_s: float) -> AnnotatedFrame | None:
        """Return the newest annotated frame, opening the source if need be; None after the timeout.

        If there was none at first, the source is viewed for settle_s: its faces are not found at once.
        """
        with self.viewing():
            slot = self._annotated
            cold = slot.newest() is None
            annotated, version = slot.wait(0, timeout_s)
            settled_s = time.monotonic() + self._settle_s
            while cold and annotated and not annotated.problem and time.monotonic() < settled_s:
                newer, version = slot.wait(version, settled_s - time.monotonic())
                if slot.closed:
                    break
                annotated = newer or annotated
            return annotated

    def state(self) -> State:
        """Return what the camera is doing, without starting it."""
        raise NotImplementedError

    def _begin(self) -> None:
        """Start the threads, unless they run; called for each viewer, under the lock."""
        raise NotImplementedError

    def _end(self) -> None:
        """Disconnect every viewer, and wake every waiting thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._annotated.close()

    def _is_wanted(self) -> bool:
        lingers = time.monotonic() - self._left_s < self._linger_s
        return not self._closed and (self._viewers > 0 or lingers)

    def _forget(self) -> None:
        """Drop the old frame, which the next viewer must not see; under the lock."""
        self._annotated.clear()
        self._published_s.clear()

    def _pause(self, pause_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, pause_s)

    def _publish(self, annotated: AnnotatedFrame) -> bool:
        """Publish the frame to the viewers; False if there are none."""
        with self._changed:
            if not self._is_wanted():  # the next viewer must not see a late frame
                return False
            if not annotated.problem:
                self._published_s.append(annotated.published_s)
            self._annotated.put(annotated)
            return True

    def _publish_no_signal(self, reason: str) -> bool:
        """Publish a frame that says "No signal" and why; False if it is there already, or without viewers."""
        newest = self._annotated.newest()
        if newest is not None and newest.problem == reason:
            return False
        now_s = time.monotonic()
        scene = draw_no_signal(reason)
        jpeg = encode_jpeg(scene, NO_SIGNAL_QUALITY)
        return self._publish(AnnotatedFrame(0, now_s, now_s, jpeg, problem=reason, scene=scene))

    def _state(self, source: str, note: str, running: bool, problem: str, counts: Counts) -> State:
        """Return the state; without a problem given, with that of the newest frame. Under the lock."""
        newest = self._annotated.newest()
        problem = problem or (newest.problem if newest else "")
        fps = rate(self._published_s, time.monotonic(), self._fps_window_s)
        latency_ms = (newest.published_s - newest.captured_s) * 1000 if newest else 0.0
        running = running and not problem
        return State(source, note, running, problem, fps, latency_ms, self._viewers, newest, counts)


def rate(times_s: deque[float], now_s: float, window_s: float = FPS_WINDOW_S) -> float:
    """Return how many of times_s a second fell into the last window_s; all on one clock.

    Where they are further apart, the last two count until another two such gaps have passed.
    """
    recent = [at_s for at_s in times_s if now_s - at_s <= window_s]
    if len(recent) < 2 <= len(times_s) and now_s - times_s[-1] <= 2 * (times_s[-1] - times_s[-2]):
        recent = [times_s[-2], times_s[-1]]
    return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 else 0.0
