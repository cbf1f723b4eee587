"""Delivers a camera's moments to one output, in a thread of its own: a slow receiver delays only itself."""

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass

from outputs.base import Marker, Moment, Output, OutputError, OutputStatus

log = logging.getLogger(__name__)

MAX_WAITING = 60  # moments, two seconds at 30 fps; and as many markers


@dataclass(frozen=True)
class DeliveryWaits:
    """How long a delivery waits, in s."""

    tick_s: float = 0.5  # between two looks whether the receiver is still there, while nothing is sent
    min_pause_s: float = 0.5  # before the receiver is tried again; doubled each time up to max_pause_s
    max_pause_s: float = 5.0
    stable_s: float = 5.0  # a connection that held for longer begins at min_pause_s again
    join_s: float = 2.0  # for all outputs together; gunicorn.conf.py gives the program some seconds


WAITS = DeliveryWaits()


class Delivery:
    """The queue before one output and the thread behind it.

    While the receiver is away, moments are dropped: nobody wants a face of a minute ago. Markers wait for it,
    since each carries its time. Whatever is dropped is counted.
    """

    def __init__(self, output: Output, *, max_waiting: int = MAX_WAITING, waits: DeliveryWaits = WAITS) -> None:
        """Create a delivery, which does nothing before `start`."""
        self._output, self._max_waiting, self._waits = output, max_waiting, waits
        # Guards everything below. The camera takes it while it holds its own, so nothing is sent under it.
        self._changed = threading.Condition()
        self._moments: deque[Moment] = deque()
        self._markers: deque[Marker] = deque()
        self._is_open = self._is_heard = False
        self._due_s = 0.0  # moments that were captured earlier are left out: the output wants one a period_s
        self._sent = self._dropped = 0
        self._problem = ""
        self._ended = True
        self._thread: threading.Thread | None = None

    # For the camera and the pages, in any thread; nothing here waits for the receiver.

    def start(self) -> None:
        """Begin to deliver."""
        with self._changed:
            self._ended, self._problem = False, ""
        if self._thread and self._thread.is_alive():
            return  # a receiver held it for longer than `join` waited; it goes on
        self._thread = threading.Thread(target=self._work, name=f"output {self._output.kind}", daemon=True)
        self._thread.start()

    def put(self, moment: Moment) -> None:
        """Queue a moment; if too many wait, the oldest is dropped."""
        with self._changed:
            if moment.captured_s < self._due_s:
                return
            self._due_s = moment.captured_s + self._output.period_s
            if not self._is_open:
                self._dropped += 1
                return
            self._queue(self._moments, moment)

    def marker(self, label: str, unix_s: float) -> None:
        """Queue an event; if too many wait, the oldest is dropped."""
        with self._changed:
            self._queue(self._markers, Marker(label, unix_s))

    def _queue(self, waiting: "deque[Moment] | deque[Marker]", item: Moment | Marker) -> None:
        if len(waiting) >= self._max_waiting:
            waiting.popleft()
            self._dropped += 1
        waiting.append(item)  # type: ignore[arg-type]  # each queue gets its own kind
        self._changed.notify_all()

    def status(self) -> OutputStatus:
        """Return what the output does now."""
        with self._changed:
            return OutputStatus(
                self._output.kind,
                self._output.address,
                self._is_heard,
                self._sent,
                self._dropped,
                self._problem,
            )

    def end(self) -> None:
        """Begin to end; `join` waits for it."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; False if the receiver holds it for longer than timeout_s."""
        if self._thread:
            self._thread.join(timeout_s)
        return not (self._thread and self._thread.is_alive())

    # The delivery's own thread; no other touches the output.

    def _work(self) -> None:
        """Connect and deliver until the end; what goes wrong is told, and tried again after a pause."""
        pause_s = self._waits.min_pause_s
        while not self._ended:
            opened_s = time.monotonic()
            try:
                self._output.open()
                self._deliver()
            except OutputError as error:
                self._report(str(error))
            except Exception as error:
                self._report("The output failed; the log says why.", error)
            finally:
                self._close()
            if time.monotonic() - opened_s > self._waits.stable_s:
                pause_s = self._waits.min_pause_s
            with self._changed:
                self._changed.wait_for(lambda: self._ended, pause_s)
            pause_s = min(pause_s * 2, self._waits.max_pause_s)

    def _deliver(self) -> None:
        """Send what comes until the end; raises OutputError."""
        with self._changed:
            self._is_open = True
        while True:
            with self._changed:
                self._changed.wait_for(self._is_due, self._waits.tick_s)
            heard = self._output.is_heard()  # before anything is taken out, which an exception would lose
            item = self._next(heard)
            if item is None and self._ended:
                return
            if item is not None:
                self._send(item) if heard else self._drop()
            self._report("")  # not when it was opened: what opens may still take nothing

    def _is_due(self) -> bool:
        return bool(self._ended or self._markers or self._moments)

    def _next(self, heard: bool) -> Moment | Marker | None:
        """Take out the next marker, else the next moment; None if there is none, and for moments at the end."""
        with self._changed:
            self._is_heard = heard
            if self._markers:
                return self._markers.popleft()
            return self._moments.popleft() if self._moments and not self._ended else None

    def _drop(self) -> None:
        with self._changed:
            self._dropped += 1

    def _send(self, item: Moment | Marker) -> None:
        """Send an item; a marker for which the receiver is gone waits for the next try. Raises OutputError."""
        try:
            if isinstance(item, Marker):
                self._output.marker(item.label, item.unix_s)
            else:
                self._output.send(item)
        except Exception as error:
            with self._changed:
                if isinstance(item, Marker) and isinstance(error, OutputError):
                    self._markers.appendleft(item)
                else:
                    self._dropped += 1
            raise
        with self._changed:
            self._sent += 1

    def _close(self) -> None:
        """Disconnect, and drop the moments that wait; at the end the markers, too."""
        with self._changed:
            self._is_open = self._is_heard = False
            for waiting in (self._moments, self._markers) if self._ended else (self._moments,):
                self._dropped += len(waiting)
                waiting.clear()
        self._output.close()

    def _report(self, problem: str, fault: Exception | None = None) -> None:
        """Keep what went wrong for the pages, and log it once."""
        with self._changed:
            if problem == self._problem:
                return
            self._problem = problem
        if problem:
            log.warning("output %s: %s", self._output.kind, problem, exc_info=fault)
        else:
            log.info("output %s: %s is there", self._output.kind, self._output.address)
