"""Outputs without a receiver: one keeps what it gets, and fails when the test says so; others are on or off."""

import threading

from outputs.base import Moment, OutputError, OutputStatus
from outputs.camera_outputs import CameraOutputs
from tests.fakes.camera import Watched
from tests.fakes.waiting import PATIENCE_S


class FakeOutput:
    """A receiver in the same process; `away` is why it cannot be reached, empty while it can."""

    kind, address = "fake", "fake:1"

    def __init__(self, period_s: float = 0.0) -> None:
        self.period_s = period_s
        self.away = ""
        self.heard = True
        self.refuses_markers = False
        self.opened = self.closed = 0
        self.moments: list[Moment] = []
        self.markers: list[tuple[str, float]] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def open(self) -> None:
        self.opened += 1
        self._fail_if_away()

    def is_heard(self) -> bool:
        self._fail_if_away()
        return self.heard

    def send(self, moment: Moment) -> None:
        self.go_on.wait(PATIENCE_S)
        self._fail_if_away()
        self.moments.append(moment)

    def marker(self, label: str, unix_s: float) -> None:
        if self.refuses_markers:
            raise OutputError("It takes no markers.")
        if not label:
            raise ZeroDivisionError
        self.markers.append((label, unix_s))

    def close(self) -> None:
        self.closed += 1

    def _fail_if_away(self) -> None:
        if self.away:
            raise OutputError(self.away)


class FakeOutputs(CameraOutputs):
    """The outputs of a camera, without threads."""

    def __init__(self) -> None:
        super().__init__(Watched(), [])
        self.on = False
        self.now = [OutputStatus("osc", "127.0.0.1:9000", True, 7, 2, "")]

    def start(self) -> None:
        self.on = True

    def stop(self) -> bool:
        self.on = False
        return True

    def status(self) -> list[OutputStatus]:
        return self.now
