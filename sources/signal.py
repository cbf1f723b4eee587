"""Whether pictures of a source come, and are finished, in time: the rules, by times alone."""

from collections import deque

from vision.frames import Frame

PERIODS = 2.5  # of a slow source, without a picture, until it has a problem
MAX_PATIENCE_S = 60.0
GAPS = 5  # between frames, of which the longest counts as the source's period


class Signal:
    """The newest frames of a source, and the problem that their times tell; its owner's lock guards it.

    All times are monotonic, in s.
    """

    def __init__(self, stall_s: float, first_gap_s: float) -> None:
        """A frame is late after stall_s, or PERIODS periods; the second of a live source after first_gap_s."""
        self.problem = ""  # of the source
        self.fault = ""  # the error of the last frame, if it could not be processed
        self.finished: Frame | None = None  # the newest frame that was annotated
        self.alive_s = 0.0  # the last sign of life of the source
        self.reported_s = 0.0  # when the problem changed
        self._stall_s, self._first_gap_s = stall_s, first_gap_s
        self._newest: Frame | None = None
        self._newest_s = 0.0
        self._waits_s = 0.0  # since then a frame waits to be annotated
        self._gaps_s: deque[float] = deque(maxlen=GAPS)  # between the last frames
        self._is_new = False  # an open live source, until there is a gap

    def forget(self) -> None:
        """Forget frames and problems, as when the source is closed."""
        self.problem = self.fault = ""
        self._newest = self.finished = None

    def wait_from(self, now_s: float) -> None:
        """Count the silence from now on, as before the source is opened."""
        self._waits_s = self.alive_s = now_s

    def close(self) -> None:
        """Note that the source is not open, so that its period is not known."""
        self._gaps_s.clear()
        self._is_new = False

    def open(self, *, is_live: bool) -> None:
        """Note that the source was opened; a live one does not tell its period."""
        self._is_new = is_live

    def receive(self, frame: Frame | None, now_s: float) -> None:
        """Note a frame that was grabbed; None is only a sign of life."""
        if frame is not None:
            if self._newest is self.finished:
                self._waits_s = now_s
            if frame.index > 0:
                self._gaps_s.append(now_s - self._newest_s)
            self._newest, self._newest_s = frame, now_s
        self.alive_s = now_s

    def finish(self, frame: Frame, now_s: float) -> None:
        """Note a frame that was annotated."""
        self.fault, self._waits_s, self.finished = "", now_s, frame

    def report(self, problem: str, now_s: float) -> None:
        """Set the problem of the source; the next frame has its time, too."""
        self.problem = problem
        self.reported_s = self._waits_s = now_s

    def patience_s(self) -> float:
        """Return how long the source may give no picture: longer than its own period."""
        if self._gaps_s:
            return max(self._stall_s, min(PERIODS * max(self._gaps_s), MAX_PATIENCE_S))
        return max(self._stall_s, self._first_gap_s) if self._is_new else self._stall_s

    def find_problem(self, name: str, now_s: float) -> str:
        """Return why the newest frame of that source is missing or too old; empty if all is well."""
        if self.problem:
            return self.problem
        patience_s = self.patience_s()
        if now_s - self.alive_s > patience_s:
            return f"{name} has sent no picture for {patience_s:.3g} s"
        if self._newest is self.finished or now_s - self._waits_s <= self._stall_s:
            return ""
        if self.fault:
            return "Frames cannot be processed; the log says why"
        return f"The picture is frozen: no frame has been finished for {self._stall_s:g} s"
