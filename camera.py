"""Camera: grabs in one thread, annotates in another, for any number of viewers; it heals by itself."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing

from sources.base import Source, SourceError, frames
from streaming.latest import Latest
from streaming.viewable import Counts, State, Viewable
from vision.frames import AnnotatedFrame, Frame

log = logging.getLogger(__name__)

TICK_S = 0.25  # how often a waiting thread looks whether it is still wanted
MIN_PAUSE_S, MAX_PAUSE_S = 0.5, 2.0  # between two tries to open the source
REOPEN_AFTER_S = 5.0  # of standing still beyond the stall, when a device's own timeout has passed
MAX_THREADS = 4  # the annotating one, the grabbing one, and two more that a device holds
JOIN_TIMEOUT_S = 1.2


class Camera(Viewable):
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
        super().__init__(linger_s=idle_s)
        self._open_source = open_source
        self._process = process
        self._stall_s = stall_s
        self._frames: Latest[Frame] = Latest()
        self._running = False
        self._name, self._note, self._problem = name, "", ""
        self._threads: list[threading.Thread] = []
        self._grabber: threading.Thread | None = None
        self._happened: Counter[str] = Counter()
        self._step_s: Counter[str] = Counter()

    # What viewers use, from any thread.

    def state(self) -> State:
        """Return what the camera is doing now, without starting it."""
        with self._changed:
            counts = Counts(**self._happened, step_s=dict(self._step_s))
            return self._state(self._name, self._note, self._running, self._problem, counts)

    def close(self) -> bool:
        """Let every viewer go and join both threads; False if one did not end in time.

        A device can hold a thread in a read for seconds; leave such a process by os._exit.
        """
        self._end()
        self._frames.close()
        deadline = time.monotonic() + JOIN_TIMEOUT_S
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in self._threads)

    def _begin(self) -> None:
        if not self._threads:
            self._start_grabbing()
            self._start(self._annotate)

    def _start(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, name=f"camera{work.__name__}", daemon=True)
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()
        return thread

    # The grabbing thread: opens the source, reads it, closes it; nobody else touches it.

    def _grab(self) -> None:
        me = threading.current_thread()
        pause_s = MIN_PAUSE_S
        while self._wait_until_wanted() and self._grabber is me:
            try:
                with closing(self._open()) as source:
                    for frame in frames(source):
                        if self._grabber is not me:
                            return
                        self._frames.put(frame)
                        self._report("")
                        pause_s = MIN_PAUSE_S
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
                pause_s = min(pause_s * 2, MAX_PAUSE_S)

    def _start_grabbing(self) -> None:
        """Let a new thread grab, unless a device holds too many; an old one ends when it is let go."""
        with self._changed:  # which the new thread needs too, so it finds itself named
            if sum(thread.is_alive() for thread in self._threads) < MAX_THREADS:
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

    def _wait_until_wanted(self) -> bool:
        """Return True as soon as somebody watches; False when the camera is closed."""
        with self._changed:
            if not self._is_wanted():
                self._forget()
                self._frames.clear()
                self._problem, self._running = "", False
            while not self._closed and not self._is_wanted():
                self._changed.wait()
            return not self._closed

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
        with self._changed:
            self._happened["frames"] += 1
            self._step_s.update({step: ms / 1000 for step, ms in annotated.step_ms.items()})
        self._publish(annotated)
        return ""

    def _count(self, what: str, many: int = 1) -> None:
        with self._changed:
            self._happened[what] += many
