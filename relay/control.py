"""A camera's controls and its recording, for web hosts: requests come through Redis, and a report goes back.

Requests are values, not commands: Redis keeps them, so a process that replaces a dead one applies them too.
"""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from outputs.camera_outputs import CameraOutputs
from recording.about import About
from recording.markers import MarkerError
from recording.recorder import Recorder
from relay.protocol import Report
from streaming.viewable import State
from texts import shorten
from vision.controls import Controls
from vision.resting_face import RestError, RestRequest

log = logging.getLogger(__name__)

# beside the names of vision.controls.Controls.read
RECORDING, RESETS, ABOUT = "recording", "resets", "about"
MARK, REST = "mark", "rest"  # calls


class ControlServer:
    """The camera's end: applies requests, and reports the camera's state."""

    def __init__(
        self, controls: Controls, recorder: Recorder, outputs: CameraOutputs, record: bool = False
    ) -> None:
        """The outputs start with the first `apply`; with record a recording, unless the requests say no."""
        self._controls, self._recorder, self._outputs, self._record = controls, recorder, outputs, record
        self._applied: Mapping[str, str] | None = None

    def apply(self, requests: Mapping[str, str]) -> None:
        """Apply the requests that are new, by control, each value as JSON; a bad one is logged."""
        previous, self._applied = self._applied, requests
        if previous is None:
            self._outputs.start()
        if previous is None and self._record and RECORDING not in requests:
            self._recorder.start()
        for name, value in requests.items():
            if (previous or {}).get(name) == value:
                continue
            if name == RESETS and previous is None:
                continue  # another process has done them, and here the numbers begin again anyway
            try:
                self._set(name, json.loads(value))
            except (KeyError, TypeError, ValueError) as error:  # a web host of another version
                log.warning("cannot set %s: %s", name, error)

    def _set(self, name: str, value: Any) -> None:
        if name == RESETS:
            self._controls.reset()
        elif name == ABOUT:
            about = About(value["name"], value["note"], tuple(value["tags"]))
            self._recorder.describe(about, value["labels"])
        elif name != RECORDING:
            self._controls.change({name: value})
        elif value:
            self._recorder.start()
        else:
            self._recorder.stop()

    def act(self, action: str, values: Mapping[str, Any], ago_s: float) -> dict[str, Any]:
        """Do what a web host called ago_s before; return what came of it, or an error and its HTTP status."""
        if action == MARK:
            return self._mark(values, ago_s)
        if action == REST:
            return self._rest(values)
        unknown = f"The camera's process cannot “{shorten(action)}”; does it run another version?"
        return {"error": unknown, "status": 501}

    def _mark(self, values: Mapping[str, Any], ago_s: float) -> dict[str, Any]:
        """Set a marker and return it."""
        arrived_unix_ms = round((time.time() - ago_s) * 1000)
        try:
            marker = self._recorder.mark(values["label"], values["caller_unix_ms"], arrived_unix_ms)
        except MarkerError as error:
            return {"error": str(error), "status": error.status}
        return {"marker": asdict(marker)}

    def _rest(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Measure, use, name or forget a resting face."""
        try:
            self._controls.rest(RestRequest(**values))
        except RestError as error:
            return {"error": str(error), "status": 400}
        return {}

    def status(self, state: State, viewers: dict[str, list[str]]) -> Report:
        """Return the report for web hosts; viewers are names, by web process."""
        view, fixed = self._controls.read(), list(self._controls.fixed)
        recording, sessions = self._recorder.state(), sorted(self._recorder.unfinished())
        outputs = self._outputs.status()
        return Report(view, fixed, recording, sessions, state.summary(), state.counts, viewers, outputs)

    def release(self) -> None:
        """Stop recording and sending, and forget the requests: another process publishes the camera now."""
        self._recorder.stop()
        self._outputs.stop()
        self._applied = None
