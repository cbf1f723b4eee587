"""A recorder without a database."""

from dataclasses import replace

from recording.recorder import OFF, Recording, Saved


class FakeRecorder:
    """A recorder without a thread; `key` is that of the session it says it records."""

    def __init__(self) -> None:
        self.now = OFF
        self.key = ""
        self.open_to_all = True

    def start(self) -> None:
        self.now = Recording(True, 1, 5, 0, 0, "", 1_764_000_000_000, 66_000)

    def stop(self) -> None:
        self.now = replace(OFF, saved=Saved(1, 66_000, 4))

    def flush(self, timeout_s: float) -> bool:
        return timeout_s > 0  # it writes at once

    def state(self) -> Recording:
        return self.now

    def unfinished(self) -> set[str]:
        return {self.key} if self.key or self.now.on else set()
