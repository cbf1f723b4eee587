"""A camera that another process publishes, as a site sees it: its frames, its controls, its recording."""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from recording.recorder import Recording
from relay.control import RECORDING, RESETS
from relay.errors import AwayError
from relay.protocol import (
    RETRY_S,
    TICK_S,
    Report,
    frames_key,
    pack_viewers,
    report_key,
    requests_key,
    unpack,
    viewers_key,
)
from relay.publisher import GONE_S
from streaming.audience import Names
from streaming.viewable import Counts, State, Viewable
from vision.controls import check_change

log = logging.getLogger(__name__)

STALL_S = 3.0
DONE_S = 4.0  # until a wish is fulfilled, or it is said that nobody answers
LOOK_S = 0.05
LINGER_S = 2.0  # a picture a second, as the wall asks for, must not end and begin the stream each time


class ControlClient:
    """What a camera's process says of itself, and the way to ask it for something."""

    def __init__(self, redis: "Redis", name: str) -> None:
        self._redis, self.name = redis, name
        self._heard: tuple[Report | None, float] = None, 0.0

    def receive(self, packed: bytes | None) -> Report | None:
        """Take what was found under report_key; None if that is nothing, or of another version."""
        try:
            report = Report.unpack(packed) if packed is not None else None
        except ValueError as error:
            log.debug("%s sends %s", self.name, error)
            report = None
        self._heard = report, time.monotonic()
        return report

    def status(self) -> Report | None:
        """Ask Redis for the report; None if the process is away. Raises RedisError."""
        found: Any = self._redis.get(report_key(self.name))
        return self.receive(found)

    def refresh(self) -> None:
        """Look if what was heard is not new, as it is while nobody watches here. Raises RedisError."""
        if time.monotonic() - self._heard[1] > 2 * TICK_S:
            self.status()

    def last_report(self) -> Report | None:
        """Return the last report without asking for it; None if it is old, or the process away."""
        report, at = self._heard
        return report if time.monotonic() - at < GONE_S else None

    def viewers_elsewhere(self, process: str) -> list[str] | None:
        """Return the names of who watches through other web processes; None if the camera's does not say."""
        report = self.last_report()
        if report is None:
            return None
        return [name for other, names in report.viewers.items() if other != process for name in names]

    def request(self, requests: Mapping[str, Any], is_done: Callable[[Report], bool]) -> None:
        """Ask for something and wait until it is done; raises AwayError, or RedisError."""
        away = AwayError(f"The process of the camera {self.name} does not answer.")
        if not self.status():
            raise away
        with self._redis.pipeline(transaction=False) as told:
            if RESETS in requests:
                told.hincrby(requests_key(self.name), RESETS, 1)
            for name in requests.keys() - {RESETS}:
                told.hset(requests_key(self.name), name, json.dumps(requests[name]))
            told.execute()
        if not self.wait(is_done, DONE_S):
            raise away

    def wait(self, is_so: Callable[[Report], bool], timeout_s: float) -> bool:
        """Wait until the report says so; False after the timeout. Raises RedisError."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            report = self.status()
            if report and is_so(report):
                return True
            time.sleep(LOOK_S)
        return False


class RemoteControls:
    """To a site what controls.Controls is."""

    def __init__(self, control: ControlClient, open_to_all: bool) -> None:
        self._control, self.open_to_all = control, open_to_all

    @property
    def fixed(self) -> Sequence[str]:
        report = self._control.last_report()
        return report.fixed if report else ()

    def read(self) -> dict[str, Any]:
        """Return what controls.Controls.read does; {} while the camera's process is away."""
        report = self._control.last_report()
        return report.view if report else {}

    def change(self, requests: dict[str, Any]) -> None:
        """Set some; raises ControlError for what cannot be, AwayError and RedisError."""
        for name, value in requests.items():
            check_change(name, value, self.read(), self.fixed)
        self._control.request(requests, lambda report: report.view.items() >= requests.items())

    def reset(self) -> None:
        """Let everybody in the picture be new; raises AwayError and RedisError."""
        report = self._control.status()
        before = report.view.get(RESETS) if report else None
        self._control.request({RESETS: 1}, lambda report: report.view.get(RESETS) != before)


class RemoteRecorder:
    """To a site what recording.recorder.Recorder is; the camera's process writes."""

    def __init__(self, control: ControlClient, open_to_all: bool) -> None:
        self._control, self.open_to_all = control, open_to_all

    def start(self) -> None:
        """Begin a session, if none runs; raises AwayError and RedisError."""
        self._control.request({RECORDING: True}, lambda report: report.recording.on)

    def stop(self) -> None:
        """End the session, if one runs; raises AwayError and RedisError."""
        self._control.request({RECORDING: False}, lambda report: not report.recording.on)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was seen is written; False if that takes longer. Raises RedisError."""
        return self._control.wait(lambda report: not report.sessions, timeout_s)

    def state(self) -> Recording:
        report = self._control.last_report()
        return report.recording if report else Recording(False, None, 0, 0, 0, "")


class RemoteCamera(Viewable):
    """A camera that a Publisher publishes: one reader for all who watch it here. To a site a camera.Camera."""

    def __init__(self, redis: "Redis", control: ControlClient, process: str, names: Names) -> None:
        """Process is this one's own name, names those of the viewers, which it tells the camera's process."""
        super().__init__(LINGER_S)
        self.name = control.name
        self._redis, self._control, self._process, self._names = redis, control, process, names
        self._source, self._note = control.name, ""
        self._thread: threading.Thread | None = None

    def state(self) -> State:
        """Return what the camera does as far as it is known here."""
        newest, report = self._annotated.newest(), self._control.last_report()
        problem = newest.problem if newest else ""
        running = newest is not None and not problem
        with self._changed:
            counts = report.counts if report else Counts()
            return self._state(self._source, self._note, running, problem, counts)

    def is_viewed(self) -> bool:
        """Return whether somebody watches it here, or did until LINGER_S ago."""
        with self._changed:
            return self._is_wanted()

    def close(self) -> None:
        """Let every viewer go and join the thread."""
        self._end()
        if self._thread:
            self._thread.join(3.0)

    def _begin(self) -> None:
        if not self._thread:
            self._thread = threading.Thread(target=self._follow, name=f"relay {self.name}", daemon=True)
            self._thread.start()

    def _follow(self) -> None:
        last: Any = "$"  # only what comes from now on
        heard_at, met_at = time.monotonic(), -float("inf")
        while not self._closed:
            try:
                if not self._is_wanted():
                    self._wait_for_viewers()
                    last, heard_at = "$", time.monotonic()
                    continue
                if time.monotonic() - met_at > TICK_S:
                    self._meet()
                    met_at = time.monotonic()
                came: Any = self._redis.xread({frames_key(self.name): last}, block=int(TICK_S * 1000))
            except RedisError as error:
                self._show_no_signal("Redis, which brings the frames, does not answer.", str(error))
                last, heard_at, met_at = "$", time.monotonic(), -float("inf")
                self._pause(RETRY_S)
                continue
            if came:
                last, fields = came[0][1][-1]
                self._put(fields)
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > STALL_S:
                self._show_no_signal(f"{self.name} sends nothing; its process may have ended.")
                last = "$"  # a Redis that was started anew may count from further back

    def _meet(self) -> None:
        """Say who watches here, which has the camera published; hear the report."""
        with self._redis.pipeline(transaction=False) as asked:
            asked.hset(viewers_key(self.name), self._process, pack_viewers(list(self._names.here)))
            asked.get(report_key(self.name))
            _, report = asked.execute()
        self._control.receive(report)

    def _wait_for_viewers(self) -> None:
        self._redis.hdel(viewers_key(self.name), self._process)
        with self._changed:
            self._forget()
            self._changed.wait_for(lambda: self._viewers or self._closed)

    def _put(self, fields: dict[bytes, bytes]) -> None:
        try:
            frame, source, note = unpack(fields)
        except (KeyError, TypeError, ValueError) as error:
            self._show_no_signal(
                f"{self.name} sends what this host cannot read; is it of another version?", str(error)
            )
            return
        with self._changed:
            self._source, self._note = source, note
        self._publish(frame)

    def _show_no_signal(self, reason: str, detail: str = "") -> None:
        if self._publish_no_signal(reason):
            log.warning("no picture from %s: %s %s", self.name, reason, detail)
