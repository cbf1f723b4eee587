"""Calls: what a web host asks a camera's process to do once, and the answer to each.

A request (see relay.control) is a value that Redis keeps; a call is an event, as a marker is. It waits in a
list until the camera's process takes it, or the web host takes it back, so none is done after its caller gave
up.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from redis import Redis

from relay.errors import CameraAwayError
from relay.protocol import answer_key, calls_key, clock_s

MAX_CALLS = 100  # that a camera's process takes at once
KEPT_S = 10  # that calls and answers outlive whoever waits for them
POLL_S = 1.0  # shorter than the connection's timeout
Answer = dict[str, Any]
Act = Callable[[str, Mapping[str, Any], float], Answer]


class CallClient:
    """The web host's end."""

    def __init__(self, redis: Redis, name: str, timeout_s: float) -> None:
        """Call the process of the camera of that name; it has timeout_s to answer."""
        self._redis, self._name, self._timeout_s = redis, name, timeout_s

    def call(self, action: str, values: Mapping[str, Any]) -> Answer:
        """Return the answer to an action with its values; raises CameraAwayError, or RedisError."""
        call_id, key = uuid.uuid4().hex, calls_key(self._name)
        sent_s = clock_s(self._redis)
        packed = json.dumps({"id": call_id, "action": action, "values": dict(values), "sent": sent_s})
        with self._redis.pipeline(transaction=False) as writes:
            writes.rpush(key, packed)
            writes.expire(key, KEPT_S)
            writes.execute()
        answer = self._wait(call_id, self._timeout_s)
        if answer is None and not self._redis.lrem(key, 1, packed):
            answer = self._wait(call_id, POLL_S)  # it was taken just now
        if answer is None:
            raise CameraAwayError(self._name)
        return answer

    def _wait(self, call_id: str, timeout_s: float) -> Answer | None:
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            found: Any = self._redis.blpop([answer_key(call_id)], timeout=min(left_s, POLL_S))
            if found:
                answer: Answer = json.loads(found[1])
                return answer
        return None


class CallServer:
    """The end of the camera's process."""

    def __init__(self, redis: Redis, name: str) -> None:
        """Take the calls to the camera of that name."""
        self._redis, self._name = redis, name

    def answer_all(self, act: Act) -> None:
        """Answer each call with act(action, values, seconds since it was sent); raises RedisError."""
        found: Any = self._redis.lpop(calls_key(self._name), MAX_CALLS)
        if not found:
            return
        now_s = clock_s(self._redis)
        with self._redis.pipeline(transaction=False) as writes:
            for packed in found:
                call = json.loads(packed)
                answer = act(call["action"], call["values"], max(now_s - call["sent"], 0.0))
                writes.rpush(answer_key(call["id"]), json.dumps(answer))
                writes.expire(answer_key(call["id"]), KEPT_S)
            writes.execute()
