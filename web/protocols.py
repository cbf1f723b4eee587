"""What the pages ask of a camera's controls and of its recorder, in this process or in another."""

from collections.abc import Sequence
from typing import Any, Protocol

from recording.recorder import Recording


class Controls(Protocol):
    """What the site asks of the controls; controls.Controls is one."""

    @property
    def fixed(self) -> Sequence[str]: ...

    @property
    def open_to_all(self) -> bool: ...

    def read(self) -> dict[str, Any]: ...

    def change(self, changes: dict[str, Any]) -> None:
        """Raises ValueError, which says in one sentence what cannot be."""

    def reset(self) -> None: ...


class Recorder(Protocol):
    """What the site asks of a recorder; recording.recorder.Recorder is one."""

    @property
    def open_to_all(self) -> bool: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def flush(self, timeout_s: float) -> bool: ...

    def state(self) -> "Recording": ...


class Recordings(Protocol):
    """What the history asks of whoever writes into it; recording.recorder.Recorder is one."""

    @property
    def open_to_all(self) -> bool: ...

    def unfinished(self) -> set[str]: ...
