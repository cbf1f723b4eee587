"""A camera that another process publishes, as a site sees it: its frames, its controls, its recording."""

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from outputs.base import OutputStatus
from recording.about import About
from recording.markers import Marker, MarkerError
from recording.recorder import OFF, Recording
from relay.calls import CallClient
from relay.control import ABOUT, MARK, RECORDING, RESETS, REST
from relay.errors import CameraAwayError
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
from vision.resting_face import RestError, RestRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RelayWaits:
    """How long a web host waits for a camera's process, in s."""

    tick_s: float = TICK_S
    stall_s: float = 3.0  # without a frame, before the report is asked why
    done_s: float = 4.0  # until a request is applied
    look_s: float = 0.05  # between two looks whether it is
    linger_s: float = 2.0  # a frame a second, as the wall asks for, must not end and begin the stream each time
    names_s: float = 0.5  # how old the list of cameras may be: every open wall asks for it each second
    kept_s: float = 5.0  # that a camera is kept after it was last listed, for requests under way
    join_s: float = 3.0


WAITS = RelayWaits()


class ControlClient:
    """The last report of a camera's process, and the way to send it requests."""

    def __init__(self, redis: Redis, name: str, waits: RelayWaits = WAITS) -> None:
        """Create the client of the camera of that name; waits are also those of its RemoteCamera."""
        self.name, self.waits = name, waits
        self._redis = redis
        self.calls = CallClient(redis, name, waits.done_s)
        self._last: tuple[Report | None, float] = None, 0.0  # and when it came (monotonic, s)

    def receive(self, packed: bytes | None) -> Report | None:
        """Keep and return the value of report_key as a report; None if there is none, or of another version."""
        try:
            report = Report.unpack(packed) if packed is not None else None
        except ValueError as error:
            log.debug("%s sends %s", self.name, error)
            report = None
        self._last = report, time.monotonic()
        return report

    def status(self) -> Report | None:
        """Ask Redis for the report; None if the process is away. Raises RedisError."""
        found: Any = self._redis.get(report_key(self.name))
        return self.receive(found)

    def refresh(self) -> None:
        """Ask for the report if the last one is old, as it is while there is no viewer; raises RedisError."""
        if time.monotonic() - self._last[1] > 2 * self.waits.tick_s:
            self.status()

    def outputs(self) -> Sequence[OutputStatus]:
        """Return what the camera's outputs did at the last report; none without one."""
        report = self.last_report()
        return report.outputs if report else ()

    def last_report(self) -> Report | None:
        """Return the last report without asking for it; None if it is old, or the process away."""
        report, came_s = self._last
        return report if time.monotonic() - came_s < GONE_S else None

    def viewers_elsewhere(self, process: str) -> list[str] | None:
        """Return the names of the viewers of other web processes; None without a report."""
        report = self.last_report()
        if report is None:
            return None
        return [name for other, names in report.viewers.items() if other != process for name in names]

    def request(self, requests: Mapping[str, Any], is_done: Callable[[Report], bool]) -> None:
        """Send requests and wait until a report says that they are done; raises CameraAwayError, RedisError."""
        if not self.status():
            raise CameraAwayError(self.name)
        with self._redis.pipeline(transaction=False) as writes:
            if RESETS in requests:
                writes.hincrby(requests_key(self.name), RESETS, 1)
            for name in requests.keys() - {RESETS}:
                writes.hset(requests_key(self.name), name, json.dumps(requests[name]))
            writes.execute()
        if not self.wait(is_done, self.waits.done_s):
            raise CameraAwayError(self.name)

    def call(self, action: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to an action with its values; raises CameraAwayError, or RedisError.

        A process that is away is not waited for.
        """
        if not self.status():
            raise CameraAwayError(self.name)
        return self.calls.call(action, values)

    def wait(self, is_so: Callable[[Report], bool], timeout_s: float) -> bool:
        """Wait until is_so(report); False after the timeout. Raises RedisError."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            report = self.status()
            if report and is_so(report):
                return True
            time.sleep(self.waits.look_s)
        return False


class RemoteControls:
    """The controls of a camera of another process; a site uses them as vision.controls.Controls."""

    def __init__(self, control: ControlClient, open_to_all: bool) -> None:
        """open_to_all tells the site whether visitors may change anything."""
        self._control, self.open_to_all = control, open_to_all

    @property
    def fixed(self) -> Sequence[str]:
        """The names of the switches that stay as they are."""
        report = self._control.last_report()
        return report.fixed if report else ()

    def read(self) -> dict[str, Any]:
        """Return each control's value as Controls.read does; {} while the camera's process is away."""
        report = self._control.last_report()
        return report.view if report else {}

    def change(self, requests: dict[str, Any]) -> None:
        """Set some controls; raises ControlError for an impossible value, CameraAwayError and RedisError."""
        for name, value in requests.items():
            check_change(name, value, self.read(), self.fixed)
        self._control.request(requests, lambda report: report.view.items() >= requests.items())

    def reset(self) -> None:
        """Number the faces anew; raises CameraAwayError and RedisError."""
        report = self._control.status()
        previous = report.view.get(RESETS) if report else None
        self._control.request({RESETS: 1}, lambda report: report.view.get(RESETS) != previous)

    def rest(self, request: RestRequest) -> None:
        """Measure, use, name or forget a face's resting face; raises RestError, CameraAwayError, RedisError."""
        answer = self._control.call(REST, asdict(request))
        if "error" in answer:
            raise RestError(answer["error"])


class RemoteRecorder:
    """The recorder of another process; a site uses it as recording.recorder.Recorder."""

    def __init__(self, control: ControlClient, open_to_all: bool) -> None:
        """open_to_all tells the site whether visitors may record."""
        self._control, self.open_to_all = control, open_to_all

    def start(self) -> None:
        """Begin a session, if none runs; raises CameraAwayError and RedisError."""
        self._control.request({RECORDING: True}, lambda report: report.recording.on)

    def stop(self) -> None:
        """End the session, if one runs; raises CameraAwayError and RedisError."""
        self._control.request({RECORDING: False}, lambda report: not report.recording.on)

    def flush(self, timeout_s: float) -> bool:
        """Wait until no sighting waits; False if that takes longer than timeout_s. Raises RedisError."""
        return self._control.wait(lambda report: not report.sessions, timeout_s)

    def describe(self, about: About, labels: Sequence[str]) -> None:
        """Say what the session is about, as Recorder.describe does; raises CameraAwayError and RedisError."""
        value = {
            **asdict(about),
            "labels": list(labels),
            "request": uuid.uuid4().hex,
        }  # new, even if said before
        self._control.request(
            {ABOUT: value},
            lambda report: (report.recording.about, report.recording.labels) == (about, tuple(labels)),
        )

    def mark(self, label: str, caller_unix_ms: int | None, _arrived_unix_ms: int) -> Marker:
        """Mark a moment, as Recorder.mark does; raises MarkerError, CameraAwayError and RedisError.

        The camera's process computes the arrival by its own clock, which times what it records.
        """
        answer = self._control.call(MARK, {"label": label, "caller_unix_ms": caller_unix_ms})
        if "error" in answer:
            raise MarkerError(answer["error"], answer["status"])
        return Marker(**answer["marker"])

    def state(self) -> Recording:
        """Return what the recorder did at the last report; off without one."""
        report = self._control.last_report()
        return report.recording if report else OFF


class RemoteCamera(Viewable):
    """A camera that a Publisher publishes, read once for all its viewers here; a site uses it as Camera."""

    def __init__(self, redis: Redis, control: ControlClient, process: str, names: Names) -> None:
        """Create a camera; process is the name of this process, names are those of its viewers."""
        self._waits = control.waits
        super().__init__(self._waits.linger_s)
        self.name = control.name
        self._redis, self._control, self._process, self._names = redis, control, process, names
        self._source, self._note = control.name, ""
        self._thread: threading.Thread | None = None

    def state(self) -> State:
        """Return the camera's state as the newest frame here and the last report tell it."""
        report = self._control.last_report()
        with self._changed:
            running = self._annotated.newest() is not None
            counts = report.counts if report else Counts()
            return self._state(self._source, self._note, running, reported_problem(report), counts)

    def is_viewed(self) -> bool:
        """Return whether somebody watches it here, or did until waits.linger_s ago."""
        with self._changed:
            return self._is_wanted()

    def close(self) -> bool:
        """Disconnect every viewer and join the thread; False if it did not end in time."""
        self._end()
        if self._thread:
            self._thread.join(self._waits.join_s)
        return not (self._thread and self._thread.is_alive())

    def _begin(self) -> None:
        if not self._thread:
            self._thread = threading.Thread(target=self._run, name=f"relay {self.name}", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        """Follow the stream until the camera is closed; a failure is shown, and the stream followed again."""
        while not self._closed:
            try:
                self._follow()
                continue
            except RedisError as error:
                self._show_no_signal("Redis, which carries the frames, does not answer.", str(error))
            except Exception:
                log.exception("the frames of %s cannot be read", self.name)
                self._show_no_signal(f"The frames of {self.name} cannot be read; the log says why.")
            self._pause(RETRY_S)

    def _follow(self) -> None:
        """Publish what comes while there are viewers; raises RedisError."""
        last: Any = "$"  # only entries that come from now on
        came_s, met_s = time.monotonic(), -float("inf")
        while self._is_wanted():
            if time.monotonic() - met_s > self._waits.tick_s:
                self._meet()
                met_s = time.monotonic()
            found: Any = self._redis.xread({frames_key(self.name): last}, block=int(self._waits.tick_s * 1000))
            if found:
                last, fields = found[0][1][-1]
                self._put(fields)
                came_s = time.monotonic()
            elif time.monotonic() - came_s > self._waits.stall_s and not self._explain_silence():
                last = "$"  # a Redis that was started anew may count from further back
        if not self._closed:
            self._wait_for_viewers()

    def _explain_silence(self) -> bool:
        """Show why no frame comes, unless the source is a slow one; return whether the process is alive."""
        report = self._control.last_report()
        if report is None:
            self._show_no_signal(f"{self.name} sends nothing; its process may have ended.")
        elif problem := reported_problem(report):
            self._show_no_signal(problem)
        return report is not None

    def _meet(self) -> None:
        """Tell the camera's process the names of the viewers here, and read its report."""
        with self._redis.pipeline(transaction=False) as exchange:
            exchange.hset(viewers_key(self.name), self._process, pack_viewers(list(self._names.here)))
            exchange.get(report_key(self.name))
            _, report = exchange.execute()
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
                f"{self.name} sends data that this host cannot read; does it run another version?", str(error)
            )
            return
        with self._changed:
            self._source, self._note = source, note
        self._publish(frame)

    def _show_no_signal(self, reason: str, detail: str = "") -> None:
        if self._publish_no_signal(reason):
            log.warning("no picture from %s: %s %s", self.name, reason, detail)


def reported_problem(report: Report | None) -> str:
    """Return why the camera's process has no frames, as it reports it; empty if it has, or without a report."""
    return report.summary.get("problem") or "" if report else ""
