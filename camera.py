"""Camera: grabs in one thread, annotates in another, for any number of viewers; it heals by itself."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from faces import face_json
from overlay import draw_no_signal
from pipeline import AnnotatedFrame, encode_jpeg
from sources import Frame, Source, SourceError, frames
from stream import Latest

log = logging.getLogger(__name__)

TICK_S = 0.25  # how often a waiting thread looks whether it is still wanted
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 2.0  # between two tries to open the source
REOPEN_AFTER_S = 5.0  # of standing still beyond the stall, when a device's own timeout has passed
MOST_THREADS = 4  # the annotating one, the grabbing one, and two more that a device holds
SETTLE_S = 0.7
JOIN_TIMEOUT_S = 1.2
FPS_WINDOW_S = 2.0
NO_SIGNAL_QUALITY = 85


@dataclass(frozen=True)
class Counts:
    """What has happened since the start; step_s is the time that all frames together spent in each step."""

    frames: int = 0
    dropped: int = 0  # grabbed, but a newer one came before it could be annotated
    faults: int = 0  # could not be annotated
    openings: int = 0
    step_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """What the camera is doing; latency_ms is from capture to publishing, problem is empty if all is well."""

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
        """Return a line about the camera as JSON; all is null while nobody watches."""
        newest = self.newest
        return {
            "source": self.source if newest else None,
            "note": self.note if newest else None,
            "problem": self.problem or newest.problem if newest else None,
            "fps": round(self.fps, 1) if newest else None,
            "latency_ms": round(self.latency_ms, 1) if newest else None,
            "faces": [face_json(track) for track in newest.tracks] if newest else None,
        }


class Camera:
    """One source, watched by any number of viewers.

    Its two threads begin with the first viewer and wait while nobody looks: the source is closed idle_s
    after the last viewer left, and opened again for the next one.
    """

    def __init__(
        self,
        name: str,
        open_source: Callable[[], tuple[Source, str]],
        process: Callable[[Frame], AnnotatedFrame],
        *,
        idle_s: float,
        stall_s: float,
    ) -> None:
        self._open_source = open_source
        self._process = process
        self._idle_s, self._stall_s = idle_s, stall_s
        self._frames: Latest[Frame] = Latest()
        self._annotated: Latest[AnnotatedFrame] = Latest()
        self._changed = threading.Condition()  # guards everything below
        self._viewers = 0
        self._left_at = -float("inf")
        self._closed = False
        self._running = False
        self._name, self._note, self._problem = name, "", ""
        self._threads: list[threading.Thread] = []
        self._grabber: threading.Thread | None = None
        self._published_at: deque[float] = deque(maxlen=256)
        self._happened: Counter[str] = Counter()
        self._step_s: Counter[str] = Counter()

    # What viewers use, from any thread.

    @property
    def annotated(self) -> Latest[AnnotatedFrame]:
        """The newest annotated frame, while somebody is viewing; closed with the camera."""
        return self._annotated

    @contextmanager
    def viewing(self) -> Iterator[None]:
        """Keep the source open, and its frames coming into `annotated`."""
        with self._changed:
            self._viewers += 1
            if not self._threads and not self._closed:
                self._start_grabbing()
                self._start(self._annotate)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._viewers -= 1
                self._left_at = time.monotonic()

    def snapshot(self, timeout_s: float) -> AnnotatedFrame | None:
        """Return the newest annotated frame, opening the source if need be; None after the timeout."""
        with self.viewing():
            return newest_when_settled(self._annotated, timeout_s)

    def state(self) -> State:
        """Return what the camera is doing now, without starting it."""
        newest = self._annotated.newest()
        with self._changed:
            fps = rate(self._published_at, time.monotonic())
            latency_ms = (newest.published_at - newest.captured_at) * 1000 if newest else 0.0
            counts = Counts(**self._happened, step_s=dict(self._step_s))
            who = (self._name, self._note, self._running, self._problem)
            return State(*who, fps, latency_ms, self._viewers, newest, counts)

    def close(self) -> bool:
        """Let every viewer go and join both threads; False if one did not end in time.

        A device can hold a thread in a read for seconds; leave such a process by os._exit.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._annotated.close()
        self._frames.close()
        deadline = time.monotonic() + JOIN_TIMEOUT_S
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in self._threads)

    def _start(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, name=f"camera{work.__name__}", daemon=True)
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()
        return thread

    # The grabbing thread: opens the source, reads it, closes it; nobody else touches it.

    def _grab(self) -> None:
        me = threading.current_thread()
        pause_s = FIRST_PAUSE_S
        while self._wait_until_wanted() and self._grabber is me:
            try:
                with closing(self._open()) as source:
                    for frame in frames(source):
                        if self._grabber is not me:
                            return
                        self._frames.put(frame)
                        self._report("")
                        pause_s = FIRST_PAUSE_S
                        if not self._is_wanted():
                            break
            except SourceError as error:
                problem = str(error)
            except Exception:
                log.exception("the source failed")
                problem = "the source failed; the log says how"
            else:
                log.info("closed %s", self._name)
                continue
            if self._grabber is me:
                self._report(problem)
                self._pause(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _start_grabbing(self) -> None:
        """Let a new thread grab, unless a device holds too many; an old one ends when it is let go."""
        with self._changed:  # which the new thread needs too, so it finds itself named
            if sum(thread.is_alive() for thread in self._threads) < MOST_THREADS:
                self._grabber = self._start(self._grab)

    def _open(self) -> Source:
        source, note = self._open_source()
        log.info("opened %s", source.name)
        with self._changed:
            self._name, self._note, self._running = source.name, note, True
            self._happened["openings"] += 1
        return source

    def _report(self, problem: str) -> None:
        if problem == self._problem:
            return
        log.warning("no picture: %s", problem) if problem else log.info("the picture is back")
        with self._changed:
            self._problem = problem
            self._running = not problem

    def _is_wanted(self) -> bool:
        lately = time.monotonic() - self._left_at < self._idle_s
        return not self._closed and (self._viewers > 0 or lately)

    def _wait_until_wanted(self) -> bool:
        """Return True as soon as somebody watches; False when the camera is closed."""
        with self._changed:
            if not self._is_wanted():
                # the next viewer must not see a picture, or a problem, of long ago
                self._frames.clear()
                self._annotated.clear()
                self._published_at.clear()
                self._problem, self._running = "", False
            while not self._closed and not self._is_wanted():
                self._changed.wait()
            return not self._closed

    def _pause(self, pause_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, pause_s)

    # The annotating thread: always the newest frame, and the "no signal" picture when there is none.

    def _annotate(self) -> None:
        version, fault = 0, ""
        alive_at = opened_at = time.monotonic()
        while not self._closed:
            seen = version
            frame, version = self._frames.wait(seen, TICK_S)
            now = time.monotonic()
            if frame is not None:
                self._count("dropped", version - seen - 1)
                fault = self._try_to_process(frame, fault)
                opened_at = now
            if (frame is not None and not fault) or not self._is_wanted():
                alive_at = opened_at = now
                continue
            silent = now - alive_at > self._stall_s
            if self._problem or silent:
                silence = f"{self._name} has sent no picture for {self._stall_s:g} s"
                self._publish_no_signal(self._problem or fault or silence)
            if not self._problem and now - opened_at > self._stall_s + REOPEN_AFTER_S:
                log.warning("%s stands still; opening it again", self._name)
                self._start_grabbing()
                opened_at = now

    def _try_to_process(self, frame: Frame, last_fault: str) -> str:
        """Publish the frame; return what went wrong, or nothing. The same fault is logged once."""
        try:
            annotated = self._process(frame)
        except Exception as error:
            self._count("faults")
            fault = f"Frames cannot be processed: {error}"
            if fault != last_fault:
                log.exception("frame %d could not be processed", frame.index)
            return fault
        self._publish(annotated)
        return ""

    def _count(self, what: str, many: int = 1) -> None:
        with self._changed:
            self._happened[what] += many

    def _publish(self, annotated: AnnotatedFrame) -> None:
        with self._changed:
            if not self._is_wanted():  # a late picture must not meet the next viewer
                return
            if not annotated.problem:
                self._published_at.append(annotated.published_at)
                self._happened["frames"] += 1
                self._step_s.update({step: ms / 1000 for step, ms in annotated.step_ms.items()})
            self._annotated.put(annotated)

    def _publish_no_signal(self, reason: str) -> None:
        newest = self._annotated.newest()
        if newest is not None and newest.problem == reason:
            return
        now = time.monotonic()
        scene = draw_no_signal(reason)
        jpeg = encode_jpeg(scene, NO_SIGNAL_QUALITY)
        self._publish(AnnotatedFrame(0, now, now, jpeg, problem=reason, scene=scene))


def newest_when_settled(slot: Latest[AnnotatedFrame], timeout_s: float) -> AnnotatedFrame | None:
    """Return the newest annotated frame in the slot, None after the timeout.

    If there was none at first, the source is watched for SETTLE_S: its faces are not found at once.
    """
    cold = slot.newest() is None
    annotated, version = slot.wait(0, timeout_s)
    until = time.monotonic() + SETTLE_S
    while cold and annotated and not annotated.problem and time.monotonic() < until:
        newer, version = slot.wait(version, TICK_S)
        annotated = newer or annotated
        cold = not slot.closed
    return annotated


def rate(times: deque[float], now: float) -> float:
    """Return how many of times fell into the last FPS_WINDOW_S, a second."""
    recent = [at for at in times if now - at <= FPS_WINDOW_S]
    return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 else 0.0
