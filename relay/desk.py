"""A camera's controls and its recording, for web hosts: wishes come through Redis, and a report goes back.

Wishes are values, not commands: they are kept until they are fulfilled, and a process that takes a dead one's
place fulfils them too.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from controls import Controls
from recording.recorder import Recorder
from relay.wire import Report
from viewing import State

log = logging.getLogger(__name__)

RECORDING, RESETS = "recording", "resets"  # beside the names of controls.Controls.read


class Desk:
    """The camera's end: does what is wished, and says what is."""

    def __init__(self, controls: Controls, recorder: Recorder, record: bool = False) -> None:
        """With record, it records as soon as the camera is its own, unless something else is wished."""
        self._controls, self._recorder, self._record = controls, recorder, record
        self._heard: Mapping[str, str] | None = None

    def hear(self, wishes: Mapping[str, str]) -> None:
        """Fulfil what was not wished before: by control, the value as JSON."""
        heard, self._heard = self._heard, wishes
        if heard is None and self._record and RECORDING not in wishes:
            self._recorder.start()
        for name, value in wishes.items():
            if (heard or {}).get(name) == value:
                continue
            if name == RESETS and heard is None:
                continue  # they were another process's: here the numbers begin again anyway
            try:
                self._fulfil(name, json.loads(value))
            except ValueError as error:  # a web host of another version
                log.warning("cannot set %s: %s", name, error)

    def _fulfil(self, name: str, value: Any) -> None:
        if name == RESETS:
            self._controls.reset()
        elif name != RECORDING:
            self._controls.change({name: value})
        elif value:
            self._recorder.start()
        else:
            self._recorder.stop()

    def report(self, state: State, viewers: dict[str, list[str]]) -> Report:
        """Return what web hosts have to know; viewers are names, by web process."""
        view, fixed = self._controls.read(), list(self._controls.fixed)
        recording, sessions = self._recorder.state(), sorted(self._recorder.unfinished())
        return Report(view, fixed, recording, sessions, state.summary(), state.counts, viewers)

    def leave(self) -> None:
        """Leave the camera to another process, which is told what was wished."""
        self._recorder.stop()
        self._heard = None
