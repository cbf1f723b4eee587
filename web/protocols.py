"""Roles that a part of this process plays, or one that stands for a part of another process."""

from collections.abc import Sequence
from typing import Any, Protocol

from recording.about import About
from recording.markers import Marker
from recording.recorder import Recording
from vision.resting_face import RestRequest


class Controls(Protocol):
    """The controls of a camera: vision.controls.Controls or relay.remote.RemoteControls."""

    @property
    def fixed(self) -> Sequence[str]:
        """Names of controls that were set when the program was started and cannot be changed."""

    @property
    def open_to_all(self) -> bool:
        """Whether visitors may change anything."""

    def read(self) -> dict[str, Any]:
        """Return every control's value by its name; {} where nothing is known."""

    def change(self, changes: dict[str, Any]) -> None:
        """Set some; raises ValueError, whose message is one sentence, for what cannot be."""

    def reset(self) -> None:
        """Begin the numbers of the faces again."""

    def rest(self, request: RestRequest) -> None:
        """Measure, use, name or forget a face's resting face; raises RestError."""


class Recorder(Protocol):
    """The recorder of a camera: recording.recorder.Recorder or relay.remote.RemoteRecorder."""

    @property
    def open_to_all(self) -> bool:
        """Whether visitors may record."""

    def start(self) -> None:
        """Begin a session, if none runs."""

    def stop(self) -> None:
        """End the session, if one runs."""

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was seen is written; False if that takes longer."""

    def describe(self, about: About, labels: Sequence[str]) -> None:
        """Say what the session that runs is about, and the next ones; labels are those of the keys 1 to 9."""

    def mark(self, label: str, caller_unix_ms: int | None, arrived_unix_ms: int) -> Marker:
        """Mark a moment of the session that runs; raises MarkerError."""

    def state(self) -> Recording:
        """Return what it records now."""


class Recordings(Protocol):
    """The recorders that write into a history: recording.recorder.Recorder or relay.cameras.Recorders."""

    @property
    def open_to_all(self) -> bool:
        """Whether visitors may see and delete what was recorded."""

    def unfinished(self) -> set[str]:
        """Return the keys of sessions that run or are not wholly written."""
