"""Published cameras without Redis."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from flask import Blueprint, Flask
from redis.exceptions import ConnectionError as RedisConnectionError

from recording.recorder import OFF
from relay.cameras import Cameras, Published
from relay.errors import UnknownCameraError
from relay.protocol import Report
from relay.remote import ControlClient, RemoteControls, RemoteRecorder
from settings import LOOPBACK
from streaming.viewable import Counts, State
from tests.fakes.camera import FakeCamera, FakeCrowd, FakeSamples
from tests.fakes.images import make_track
from vision.frames import AnnotatedFrame
from web.security import Access
from web.site import make_wall


class FakeCameras(Cameras):
    """Cameras that a crowd watches, of which lobby reports something; Redis can be away."""

    def __init__(self, crowd: FakeCrowd, names: Sequence[str] = ("door", "lobby")) -> None:
        self.open_to_all, self.away, self.crowd, self.recording = True, False, crowd, OFF
        self._names = list(names)
        self._found: dict[tuple[FakeCrowd, str], Published] = {}

    def names(self) -> list[str]:
        if self.away:
            raise RedisConnectionError("refused")
        return self._names

    def find(self, name: str) -> Published:
        if name not in self.names():
            raise UnknownCameraError(f"There is no camera “{name}” here.")
        return self._found.setdefault((self.crowd, name), self.make(name))

    def make(self, name: str) -> Published:
        camera: Any = FakeCamera()
        camera.picture = self.crowd.feed.newest()
        redis: Any = FakeRedis()
        control = ControlClient(redis, name)
        controls, recorder = (
            RemoteControls(control, open_to_all=True),
            RemoteRecorder(control, open_to_all=True),
        )
        return Published(camera, self.crowd.audience, controls, recorder, control, self.crowd.variants, 0.0)

    def reports(self) -> dict[str, Report | None]:
        reports = {"lobby": Report({}, [], OFF, [], {}, Counts(frames=7), {"one": ["", "ann"], "two": ["bob"]})}
        return {name: reports.get(name) for name in self.names()}

    def summaries(self, viewer: str) -> list[dict[str, Any]]:
        newest = AnnotatedFrame(7, 1.0, 1.02, b"jpeg", [make_track(1, (1, 2, 30, 40))])
        watched = {"lobby": newest}
        states = {name: State("demo", "", True, "", 29.97, 20.0, 1, watched.get(name)) for name in self.names()}
        more = {"recording": self.recording.summary(), "watching": self.crowd.audience.is_watching(viewer)}
        return [{"name": name} | state.summary() | more for name, state in states.items()]


def make_fake_wall(
    cameras: Cameras, more_pages: Sequence[Blueprint] = (), *, access: Access | None = None
) -> Flask:
    """Return a web host's site of these cameras."""
    return make_wall(cameras, FakeSamples(), access or Access(LOOPBACK), more_pages)


class FakeRedis:
    """A Redis in a dictionary, as far as a web host asks; its stream gives `entries`, one after the other."""

    def __init__(self) -> None:
        self.names: list[bytes] = []
        self.values: dict[str, bytes] = {}
        self.hashes: dict[str, dict[bytes, bytes]] = {}
        self.lists: dict[str, list[bytes]] = {}
        self.entries: list[dict[bytes, bytes]] = []
        self.faults: list[Exception] = []  # of its stream, before the entries
        self.asked: list[str] = []
        self.before_get: Callable[[], None] = lambda: None
        self.away, self.now_s = False, 1000.0

    def pipeline(self, transaction: bool) -> "FakePipeline":  # noqa: ARG002  # as Redis has it
        return FakePipeline(self)

    def set(self, key: str, value: int, ex: int, nx: bool) -> None:
        assert (ex, nx) == (60, True)  # what is counted is forgotten, and only counted anew then
        self.values.setdefault(key, str(value).encode())

    def incr(self, key: str) -> int:
        self.values[key] = str(int(self.values[key]) + 1).encode()
        return int(self.values[key])

    def time(self) -> tuple[int, int]:
        self.asked.append("time")
        return int(self.now_s), round(self.now_s % 1 * 1e6)

    def zremrangebyscore(self, *_: object) -> None:
        self.asked.append("zremrangebyscore")

    def zrange(self, *_: object) -> list[bytes]:
        self.asked.append("zrange")
        return list(self.names)

    def get(self, key: str) -> bytes | None:
        self.asked.append("get")
        self.before_get()
        return self.values.get(key)

    def mget(self, keys: list[str]) -> list[bytes | None]:
        self.asked.append("mget")
        self.before_get()
        return [self.values.get(key) for key in keys]

    def hset(self, key: str, field: str, value: bytes | str) -> None:
        data = value if isinstance(value, bytes) else value.encode()
        self.hashes.setdefault(key, {})[field.encode()] = data

    def hincrby(self, key: str, field: str, by: int) -> None:
        self.hset(key, field, str(int(self.hashes.get(key, {}).get(field.encode(), b"0")) + by))

    def hdel(self, key: str, field: str) -> None:
        self.hashes.get(key, {}).pop(field.encode(), None)

    def rpush(self, key: str, value: str) -> None:
        self.lists.setdefault(key, []).append(value.encode())

    def expire(self, key: str, seconds: int) -> None:
        assert self.lists[key]
        assert seconds == 10  # whatever nobody takes is forgotten

    def lpop(self, key: str, count: int) -> list[bytes]:
        waiting = self.lists.get(key, [])
        self.lists[key] = waiting[count:]
        return waiting[:count]

    def lrem(self, key: str, count: int, value: str) -> int:
        waiting = self.lists.get(key, [])
        found = min(waiting.count(value.encode()), count)
        if found:
            waiting.remove(value.encode())
        return found

    def blpop(self, keys: list[str], timeout: float) -> tuple[bytes, bytes] | None:
        self.before_get()
        for key in keys:
            if found := self.lpop(key, 1):
                return key.encode(), found[0]
        time.sleep(min(timeout, 0.01))
        return None

    def xread(self, *_: object, **__: object) -> list[object]:
        if self.faults:
            raise self.faults.pop()
        if not self.entries:
            time.sleep(0.01)
            return []
        return [[b"frames", [(b"1-0", self.entries.pop(0))]]]


class FakePipeline:
    """Several questions to a FakeRedis, asked and answered together."""

    def __init__(self, redis: FakeRedis) -> None:
        self._redis, self._asked = redis, list[Callable[[], object]]()

    def __enter__(self) -> "FakePipeline":
        return self

    def __exit__(self, *_: object) -> None: ...

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **more: self._asked.append(partial(getattr(self._redis, name), *args, **more))

    def execute(self) -> list[object]:
        if self._redis.away:
            raise RedisConnectionError("refused")
        return [ask() for ask in self._asked]
