"""A camera's controls and its recording, for web hosts: requests come through Redis, and a report goes back.

Requests are values, not commands: Redis keeps them, so a process that replaces a dead one applies them too.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from recording.recorder import Recorder
from relay.protocol import Report
from streaming.viewable import State
from vision.controls import Controls
from vision.resting_face import RestError, RestRequest

log = logging.getLogger(__name__)

RECORDING, RESETS = "recording", "resets"  # beside the names of vision.controls.Controls.read
REST = "rest:"  # before the name that a web host gives to a request for a resting face, which has an answer


class ControlServer:
    """The camera's end: applies requests, and reports the camera's state."""

    def __init__(self, controls: Controls, recorder: Recorder, record: bool = False) -> None:
        """With record, a recording starts with the first `apply`, unless the requests say otherwise."""
        self._controls, self._recorder, self._record = controls, recorder, record
        self._applied: Mapping[str, str] | None = None
        self._answers: dict[str, str] = {}

    def apply(self, requests: Mapping[str, str]) -> None:
        """Apply the requests that are new, by control, each value as JSON; a bad one is logged."""
        previous, self._applied = self._applied, requests
        self._answers = {name: answer for name, answer in self._answers.items() if name in requests}
        if previous is None and self._record and RECORDING not in requests:
            self._recorder.start()
        for name, value in requests.items():
            if (previous or {}).get(name) == value:
                continue
            if previous is None and (name == RESETS or name.startswith(REST)):
                continue  # another process has done them, and here the numbers begin again anyway
            try:
                self._set(name, json.loads(value))
            except ValueError as error:  # a web host of another version
                log.warning("cannot set %s: %s", name, error)

    def _set(self, name: str, value: Any) -> None:
        if name == RESETS:
            self._controls.reset()
        elif name.startswith(REST):
            self._answers[name] = self._rest(value)
        elif name != RECORDING:
            self._controls.change({name: value})
        elif value:
            self._recorder.start()
        else:
            self._recorder.stop()

    def _rest(self, value: Any) -> str:
        """Pass a request for a resting face on; return why it cannot be done, "" if it is."""
        try:
            self._controls.rest(RestRequest(**value))
        except (RestError, TypeError) as error:
            return str(error)
        return ""

    def status(self, state: State, viewers: dict[str, list[str]]) -> Report:
        """Return the report for web hosts; viewers are names, by web process."""
        view, fixed = self._controls.read(), list(self._controls.fixed)
        recording, sessions = self._recorder.state(), sorted(self._recorder.unfinished())
        return Report(view, fixed, recording, sessions, state.summary(), state.counts, viewers, self._answers)

    def release(self) -> None:
        """Stop recording and forget the requests, because another process publishes the camera now."""
        self._recorder.stop()
        self._applied = None
