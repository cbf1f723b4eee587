"""Publishes one process's camera for web hosts on any machine."""

import logging
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any

from redis import Redis
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

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

log = logging.getLogger(__name__)

KEEP = 2  # frames in a stream
LOCK_S = 1.5  # a camera whose process has died is free after this
GONE_S = 3.0  # a web process that said nothing for so long has died
REQUESTED_S = 60  # requests outlive a camera's process by this, for the one that takes its place


class Publisher:
    """Publishes a camera under its name while a web host wants it; of several with one name, one at a time."""

    def __init__(self, camera: Viewable, control: ControlServer, redis: "Redis", name: str) -> None:
        self._camera, self._control, self._redis, self._name = camera, control, redis, name
        self._lock = Lock(redis, owner_key(name), timeout=LOCK_S, blocking=False, thread_local=False)
        self._heard: dict[bytes, tuple[bytes, float]] = {}  # by web process: what it said last, and when
        self._problem = ""

    def run(self, ended: threading.Event) -> None:
        """Publish until ended is set, whatever happens to Redis meanwhile."""
        while not ended.is_set():
            try:
                if self._own():
                    self._report("")
                    self._publish(ended)
                else:
                    self._control.release()
                    self._report(f"another process publishes {self._name}; waiting for it to end")
            except LockError:
                self._report(f"was away for too long, so {self._name} is anybody's")
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
        """Publish until ended is set; raises LockError when the name is lost."""
        version, looked_at, wanted = 0, -float("inf"), False
        with ExitStack() as stack:
            while not ended.is_set():
                if time.monotonic() - looked_at >= TICK_S:
                    looked_at, was_wanted = time.monotonic(), wanted
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
                    fields: Any = pack(frame, self._camera.state())
                    self._redis.xadd(frames_key(self._name), fields, maxlen=KEEP, approximate=False)

    def _meet(self) -> bool:
        """Keep the name, do what web hosts wish, say what is; return whether any of them wants frames."""
        self._lock.reacquire()
        with self._redis.pipeline(transaction=False) as asked:
            asked.hgetall(viewers_key(self._name))
            asked.hgetall(requests_key(self._name))
            viewers, requests = asked.execute()
        self._control.apply({name.decode(): value.decode() for name, value in requests.items()})
        gone = self.gone(viewers, time.monotonic())
        there = {process: said for process, said in viewers.items() if process not in gone}
        names = {process.decode(): unpack_viewers(said) for process, said in there.items()}
        report = self._control.status(self._camera.state(), names)
        with self._redis.pipeline(transaction=False) as told:
            told.zadd(CAMERAS, {self._name: clock_s(self._redis)})
            told.set(report_key(self._name), report.pack(), px=int(GONE_S * 1000))
            told.expire(requests_key(self._name), REQUESTED_S)
            if gone:
                told.hdel(viewers_key(self._name), *gone)
            told.execute()
        return bool(there)

    def gone(self, viewers: dict[bytes, bytes], at: float) -> list[bytes]:
        """Return the web processes that have died, at that time in s: they say the same as GONE_S ago."""
        before = self._heard
        self._heard = {
            process: before[process] if before.get(process, (b"",))[0] == said else (said, at)
            for process, said in viewers.items()
        }
        return [process for process, (_, since) in self._heard.items() if at - since > GONE_S]

    def _end(self) -> None:
        """Give the name up; whoever takes it next does not record because this process did."""
        if self._lock.owned():
            self._redis.hdel(requests_key(self._name), RECORDING)
            self._redis.delete(report_key(self._name))
            self._lock.release()

    def _report(self, problem: str) -> None:
        if problem != self._problem:
            log.warning(problem) if problem else log.info("publishing %s", self._name)
            self._problem = problem
