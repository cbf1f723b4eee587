"""Publishes one process's camera for web hosts on any machine."""

import logging
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any

from redis import Redis
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from relay.calls import CallServer
from relay.control import RECORDING, ControlServer
from relay.protocol import (
    CAMERAS,
    RETRY_S,
    TICK_S,
    clock_s,
    frames_key,
    owner_key,
    pack,
    report_key,
    requests_key,
    unpack_viewers,
    viewers_key,
)
from streaming.viewable import Viewable
from vision.frames import AnnotatedFrame

log = logging.getLogger(__name__)

MAX_FRAMES = 2  # in a stream
LOCK_S = 1.5  # a camera whose process has died is free after this
GONE_S = 3.0  # a web process that was silent for longer has died; older reports and frames do not count
REQUESTED_S = 60  # that requests outlive a camera's process, for the one that replaces it


class Publisher:
    """Publishes a camera under its name while a web host wants it; of several with one name, one at a time."""

    def __init__(self, camera: Viewable, control: ControlServer, redis: Redis, name: str) -> None:
        """Create a publisher, which does nothing before `run`."""
        self._camera, self._control, self._redis, self._name = camera, control, redis, name
        self._calls = CallServer(redis, name)
        self._lock = Lock(redis, owner_key(name), timeout=LOCK_S, blocking=False, thread_local=False)
        # by web process: its last message, and since when it is the last (monotonic, s)
        self._last_messages: dict[bytes, tuple[bytes, float]] = {}
        self._problem = ""

    def run(self, ended: threading.Event) -> None:
        """Publish until ended is set; a failure of Redis is waited for."""
        while not ended.is_set():
            try:
                if self._own():
                    self._report("")
                    self._publish(ended)
                else:
                    self._control.release()
                    self._report(f"another process publishes {self._name}; waiting for it to end")
            except LockError:
                self._report(f"was away for too long, so another process may publish {self._name}")
            except RedisError as error:
                self._report(f"Redis does not answer: {error}")
            ended.wait(RETRY_S)
        with suppress(RedisError):
            self._end()

    def _own(self) -> bool:
        """Return whether the name is this process's."""
        try:
            return bool(self._lock.reacquire())
        except LockError:
            return bool(self._lock.acquire())

    def _publish(self, ended: threading.Event) -> None:
        """Publish until ended is set; raises LockError when the name is lost, and RedisError."""
        version, met_s, wanted = 0, -float("inf"), False
        with ExitStack() as stack:
            while not ended.is_set():
                if time.monotonic() - met_s >= TICK_S:
                    met_s, was_wanted = time.monotonic(), wanted
                    wanted = self._meet()
                    if wanted and not was_wanted:
                        stack.enter_context(self._camera.viewing())
                    elif was_wanted and not wanted:
                        stack.close()
                if not wanted:
                    ended.wait(TICK_S)
                    continue
                frame, version = self._camera.annotated.wait(version, TICK_S)
                if frame is not None:
                    self._send(frame)

    def _send(self, frame: AnnotatedFrame) -> None:
        """Add the frame to the stream, which Redis deletes GONE_S after its last frame; raises RedisError."""
        fields: Any = pack(frame, self._camera.state())
        key = frames_key(self._name)
        with self._redis.pipeline() as writes:  # a transaction: no picture may be left there without an end
            writes.xadd(key, fields, maxlen=MAX_FRAMES, approximate=False)
            writes.pexpire(key, int(GONE_S * 1000))
            writes.execute()

    def _meet(self) -> bool:
        """Keep the name, apply requests and report; return whether a web host wants frames."""
        self._lock.reacquire()
        with self._redis.pipeline(transaction=False) as reads:
            reads.hgetall(viewers_key(self._name))
            reads.hgetall(requests_key(self._name))
            viewers, requests = reads.execute()
        self._calls.answer_all(self._control.act)
        self._control.apply({name.decode(): value.decode() for name, value in requests.items()})
        gone = self.find_dead(viewers, time.monotonic())
        present = {process: message for process, message in viewers.items() if process not in gone}
        names = {process.decode(): unpack_viewers(message) for process, message in present.items()}
        report = self._control.status(self._camera.state(), names)
        with self._redis.pipeline(transaction=False) as writes:
            writes.zadd(CAMERAS, {self._name: clock_s(self._redis)})
            writes.set(report_key(self._name), report.pack(), px=int(GONE_S * 1000))
            writes.expire(requests_key(self._name), REQUESTED_S)
            if gone:
                writes.hdel(viewers_key(self._name), *gone)
            writes.execute()
        return bool(present)

    def find_dead(self, viewers: dict[bytes, bytes], now_s: float) -> list[bytes]:
        """Return the web processes that have died by now_s: their message is the same as GONE_S ago."""
        previous = self._last_messages
        self._last_messages = {
            process: previous[process] if previous.get(process, (b"",))[0] == message else (message, now_s)
            for process, message in viewers.items()
        }
        return [process for process, (_, since_s) in self._last_messages.items() if now_s - since_s > GONE_S]

    def _end(self) -> None:
        """Give the name up; the process that takes it next does not record because this one did."""
        if self._lock.owned():
            self._redis.hdel(requests_key(self._name), RECORDING)
            self._redis.delete(report_key(self._name))
            self._lock.release()

    def _report(self, problem: str) -> None:
        if problem != self._problem:
            log.warning(problem) if problem else log.info("publishing %s", self._name)
            self._problem = problem
