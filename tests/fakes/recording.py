"""A recorder without a database."""

from recording.recorder import Recording


class FakeRecorder:
    """A recorder without a thread; `key` is that of the session it says it records."""

    def __init__(self) -> None:
        self.now = Recording(False, None, 0, 0, 0, "")
        self.key = ""
        self.open_to_all = True

    def start(self) -> None:
        self.now = Recording(True, 1, 5, 0, 0, "")

    def stop(self) -> None:
        self.now = Recording(False, None, 0, 0, 0, "")

    def flush(self, timeout_s: float) -> bool:
        return timeout_s > 0  # it writes at once

    def state(self) -> Recording:
        return self.now

    def unfinished(self) -> set[str]:
        return {self.key} if self.key or self.now.on else set()
