"""Camera: one thread grabs frames, one annotates them, one watches that they come; it recovers by itself."""

import logging
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from sources.base import Source, SourceError, frames
from sources.signal import Signal
from sources.source_log import SourceLog
from streaming.latest import Latest
from streaming.viewable import FPS_WINDOW_S, SETTLE_S, Counts, State, Viewable
from vision.frames import AnnotatedFrame, Frame, Image
from vision.tracker import Track

log = logging.getLogger(__name__)

MAX_GRABBERS = 3  # the grabbing thread, and two more that a device holds


@dataclass(frozen=True)
class CameraWaits:
    """How long a camera's threads wait, in s."""

    tick_s: float = 0.25  # between two checks whether frames are wanted, and whether they come
    min_pause_s: float = 0.5  # before the source is opened again; doubled each time up to max_pause_s
    max_pause_s: float = 2.0
    reopen_after_s: float = 5.0  # of silence beyond the stall, when a device's own timeout has passed;
    max_reopen_after_s: float = 60.0  # doubled each time up to this, for a source that takes longer to open
    first_gap_s: float = 7.5  # for the first two pictures of a live source, whose period is not known yet
    log_every_s: float = 60.0  # a source that comes and goes is logged once in this time,
    log_after_s: float = 5.0  # and when it has stayed as it is for this long
    join_s: float = 1.2
    settle_s: float = SETTLE_S
    fps_window_s: float = FPS_WINDOW_S


WAITS = CameraWaits()


class Camera(Viewable):
    """One source, annotated for any number of viewers.

    Its threads start with the first viewer and wait while there is none: the source is closed idle_s after
    the last viewer left, and opened again for the next one. If the newest frame is older than stall_s, or a
    slower source is late (see `Signal`), the state and the stream say why.
    """

    def __init__(
        self,
        name: str,
        open_source: Callable[[], tuple[Source, str]],
        process: Callable[[Frame], AnnotatedFrame],
        *,
        idle_s: float,
        stall_s: float,
        waits: CameraWaits = WAITS,
    ) -> None:
        """Create a camera that is not yet opened.

        Args:
            name: The source, until open_source returns one that has a name.
            open_source: Returns the opened source and a note for viewers; raises SourceError.
            process: Annotates one frame; called in one thread only.
            idle_s: The time without viewers after which the source is closed.
            stall_s: The age of the newest frame from which on the camera has a problem.
            waits: How long the threads wait.
        """
        super().__init__(idle_s, settle_s=waits.settle_s, fps_window_s=waits.fps_window_s)
        self._open_source = open_source
        self._process = process
        self._waits = waits
        self._log = SourceLog(waits.log_every_s, waits.log_after_s)
        self._frames: Latest[Frame] = Latest()
        # The base's _changed guards everything below.
        self._signal = Signal(stall_s, waits.first_gap_s)
        self._running = False
        self._name, self._note = name, ""
        self._threads: list[threading.Thread] = []
        self._grabber: threading.Thread | None = None
        self._annotator: threading.Thread | None = None
        self._happened: Counter[str] = Counter()
        self._step_s: Counter[str] = Counter()

    # For viewers, in any thread.

    def state(self) -> State:
        """Return what the camera is doing now, without starting it."""
        with self._changed:
            counts = Counts(**self._happened, step_s=dict(self._step_s))
            return self._state(self._name, self._note, self._running, self._find_problem(), counts)

    def find_face(self, track_id: int) -> tuple[Image, Track] | None:
        """Return the newest image (H, W, 3) uint8 BGR, undrawn, with a face in it; None if it is gone."""
        with self._changed:
            frame, annotated = self._signal.finished, self._annotated.newest()
        tracks = annotated.tracks if annotated else []
        track = next((track for track in tracks if track.track_id == track_id), None)
        return (frame.image, track) if frame and track else None

    def close(self) -> bool:
        """Disconnect every viewer and join the threads; False if one did not end in time.

        A device can hold a thread in a read for seconds; leave such a process by os._exit.
        """
        self._end()
        self._frames.close()
        deadline_s = time.monotonic() + self._waits.join_s
        for thread in self._threads:
            thread.join(max(deadline_s - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in self._threads)

    def _begin(self) -> None:
        if not self._threads:
            self._signal.wait_from(time.monotonic())
            self._start_grabbing()
            self._annotator = self._start(self._annotate)
            self._start(self._watch)

    def _start(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, name=f"camera{work.__name__}", daemon=True)
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()
        return thread

    def _find_problem(self) -> str:
        """Return why the newest frame is missing or too old; empty if all is well. Under the lock."""
        if not self._is_wanted():
            return self._signal.problem
        return self._signal.find_problem(self._name, time.monotonic())

    # The grabbing thread opens the source, reads it and closes it; no other thread touches it.

    def _grab(self) -> None:
        this = threading.current_thread()
        pause_s = self._waits.min_pause_s
        while self._wait_until_wanted() and self._grabber is this:
            try:
                with closing(self._open()) as source:
                    for frame in frames(source):
                        if self._grabber is not this:
                            return
                        self._take(frame)
                        self._report("")
                        pause_s = self._waits.min_pause_s
                        if not self._is_wanted():
                            break
            except SourceError as error:
                problem = str(error)
            except Exception:
                log.exception("the source failed")
                problem = "the source failed; the log says why"
            else:
                self._log.closed(self._name)
                continue
            if self._grabber is this:
                self._report(problem)
                self._pause(pause_s)
                pause_s = min(pause_s * 2, self._waits.max_pause_s)

    def _start_grabbing(self) -> bool:
        """Start a new grabbing thread; False if a device holds MAX_GRABBERS. The old one ends when released."""
        with self._changed:  # the new thread needs it too, and so finds itself in _grabber
            grabbers = [t for t in self._threads if t.is_alive() and t.name == "camera_grab"]
            if len(grabbers) == MAX_GRABBERS:
                return False
            self._grabber = self._start(self._grab)
            return True

    def _open(self) -> Source:
        with self._changed:
            self._signal.close()
        source, note = self._open_source()
        with self._changed:
            self._name, self._note, self._running = source.name, note, True
            self._happened["openings"] += 1
            self._signal.open(is_live=source.fps is None)
        self._log.opened(source.name)
        return source

    def _take(self, frame: Frame | None) -> None:
        """Hand a frame to the annotating thread; None is only a sign of life."""
        with self._changed:
            self._signal.receive(frame, time.monotonic())
        if frame is not None:
            self._frames.put(frame)

    def _report(self, problem: str) -> None:
        if problem == self._signal.problem:
            return
        with self._changed:
            self._signal.report(problem, time.monotonic())
            self._running = not problem
        self._log_problem()

    def _log_problem(self) -> None:
        with self._changed:
            problem, since_s = self._signal.problem, self._signal.reported_s
        self._log.report(problem, since_s)

    def _wait_until_wanted(self) -> bool:
        """Return True as soon as there is a viewer; False when the camera is closed."""
        with self._changed:
            if not self._is_wanted():
                self._forget()
                self._frames.clear()
                self._signal.forget()
                self._running = False
            while not self._closed and not self._is_wanted():
                self._changed.wait()
            return not self._closed

    # The annotating thread processes the newest frame.

    def _annotate(self) -> None:
        version = 0
        while not self._closed:
            seen = version
            frame, version = self._frames.wait(seen, self._waits.tick_s)
            if frame is not None:
                with self._changed:
                    self._happened["dropped"] += version - seen - 1
                self._process_frame(frame)

    def _process_frame(self, frame: Frame) -> None:
        """Publish the frame, or keep what went wrong; the same fault is logged once."""
        try:
            annotated = self._process(frame)
        except Exception as error:
            fault = repr(error)
            if fault != self._signal.fault:
                log.exception("frame %d could not be processed", frame.index)
            with self._changed:
                self._signal.fault = fault
                self._happened["faults"] += 1
            return
        with self._changed:
            self._signal.finish(frame, time.monotonic())
            self._happened["frames"] += 1
            self._step_s.update({step: ms / 1000 for step, ms in annotated.step_ms.items()})
            self._publish(annotated)

    # The watching thread: a read or a step that never returns holds the other two, and not this one.

    def _watch(self) -> None:
        """Publish why no frame comes while none does, and open a source that stands still again."""
        reopened_s, reopen_after_s = 0.0, self._waits.reopen_after_s
        while not self._closed:
            with self._changed:
                now_s = time.monotonic()
                signal = self._signal
                if not self._is_wanted():
                    signal.wait_from(now_s)
                problem, explained = self._find_problem(), bool(signal.problem or signal.fault)
                patience_s = signal.patience_s()
                silent_s = now_s - max(signal.alive_s, reopened_s)
                if signal.alive_s > reopened_s:
                    reopen_after_s = self._waits.reopen_after_s
            if problem and self._publish_no_signal(problem) and not explained and silent_s <= patience_s:
                self._log_hang(problem)
            self._log_problem()
            if not signal.problem and silent_s > patience_s + reopen_after_s:
                if self._start_grabbing():
                    log.warning("%s is frozen; reopening it", self._name)
                reopened_s, reopen_after_s = now_s, min(2 * reopen_after_s, self._waits.max_reopen_after_s)
            self._pause(self._waits.tick_s)

    def _log_hang(self, problem: str) -> None:
        """Log the problem with the place at which the annotating thread is: no exception tells it."""
        stack = sys._current_frames().get(self._annotator.ident or 0) if self._annotator else None
        at = "".join(traceback.format_stack(stack)) if stack else "the thread has ended"
        log.error("no picture: %s", problem, extra={"at": at})
