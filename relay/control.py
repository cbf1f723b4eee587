"""A camera's controls and its recording, for web hosts: requests come through Redis, and a report goes back.

Requests are values, not commands: they are kept until they are fulfilled, and a process that takes a dead one's
place fulfils them too.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from recording.recorder import Recorder
from relay.protocol import Report
from streaming.viewable import State
from vision.controls import Controls

log = logging.getLogger(__name__)

RECORDING, RESETS = "recording", "resets"  # beside the names of controls.Controls.read


class ControlServer:
    """The camera's end: does what is requested, and says what is."""

    def __init__(self, controls: Controls, recorder: Recorder, record: bool = False) -> None:
        """With record, it records as soon as the camera is its own, unless something else is requested."""
        self._controls, self._recorder, self._record = controls, recorder, record
        self._applied: Mapping[str, str] | None = None

    def apply(self, requests: Mapping[str, str]) -> None:
        """Fulfil what was not requested before: by control, the value as JSON."""
        before, self._applied = self._applied, requests
        if before is None and self._record and RECORDING not in requests:
            self._recorder.start()
        for name, value in requests.items():
            if (before or {}).get(name) == value:
                continue
            if name == RESETS and before is None:
                continue  # they were another process's: here the numbers begin again anyway
            try:
                self._set(name, json.loads(value))
            except ValueError as error:  # a web host of another version
                log.warning("cannot set %s: %s", name, error)

    def _set(self, name: str, value: Any) -> None:
        if name == RESETS:
            self._controls.reset()
        elif name != RECORDING:
            self._controls.change({name: value})
        elif value:
            self._recorder.start()
        else:
            self._recorder.stop()

    def status(self, state: State, viewers: dict[str, list[str]]) -> Report:
        """Return what web hosts have to know; viewers are names, by web process."""
        view, fixed = self._controls.read(), list(self._controls.fixed)
        recording, sessions = self._recorder.state(), sorted(self._recorder.unfinished())
        return Report(view, fixed, recording, sessions, state.summary(), state.counts, viewers)

    def release(self) -> None:
        """Leave the camera to another process, which is told what was requested."""
        self._recorder.stop()
        self._applied = None
