"""A recorder without a database."""

from collections.abc import Sequence
from dataclasses import replace

from recording.about import About
from recording.markers import Marker, MarkerError
from recording.recorder import OFF, Recording, Saved


class FakeRecorder:
    """A recorder without a thread; `key` is that of the session it says it records."""

    def __init__(self) -> None:
        self.now = OFF
        self.key = ""
        self.open_to_all = True

    def start(self) -> None:
        self.now = replace(
            self.now,
            on=True,
            session_id=1,
            sightings=5,
            started_unix_ms=1_764_000_000_000,
            length_ms=66_000,
            saved=None,
        )

    def stop(self) -> None:
        about, labels = self.now.about, self.now.labels
        self.now = replace(OFF, about=about, labels=labels, saved=Saved(1, 66_000, 4))

    def describe(self, about: About, labels: Sequence[str]) -> None:
        self.now = replace(self.now, about=about, labels=tuple(labels))

    def mark(self, label: str, caller_unix_ms: int | None, arrived_unix_ms: int) -> Marker:
        if not self.now.on:
            raise MarkerError("Nothing is being recorded, so there is nothing to mark.", 409)
        marker = Marker(self.now.markers + 1, label, caller_unix_ms, arrived_unix_ms)
        recent = (*self.now.recent_markers, marker)
        self.now = replace(self.now, markers=marker.number, last_marker=marker, recent_markers=recent)
        return marker

    def flush(self, timeout_s: float) -> bool:
        return timeout_s > 0  # it writes at once

    def state(self) -> Recording:
        return self.now

    def unfinished(self) -> set[str]:
        return {self.key} if self.key or self.now.on else set()
