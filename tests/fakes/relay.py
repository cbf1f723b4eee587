"""Published cameras without Redis."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask
from redis.exceptions import ConnectionError as RedisConnectionError

from recording.recorder import Recording
from relay.errors import UnknownError
from relay.protocol import Report
from relay.remote import ControlClient, RemoteControls, RemoteRecorder
from settings import LOOPBACK
from streaming.viewable import Counts, State
from tests.fakes.camera import FakeCamera, FakeCrowd, FakeSamples
from tests.fakes.images import make_track
from vision.frames import AnnotatedFrame
from web.site import make_site


class FakeCameras:
    """Cameras, of which lobby is watched; Redis can be away."""

    open_to_all = True

    def __init__(self, crowd: FakeCrowd, names: Sequence[str] = ("door", "lobby")) -> None:
        self.crowd, self._names, self.away = crowd, names, False

    def names(self) -> list[str]:
        if self.away:
            raise RedisConnectionError("refused")
        return list(self._names)

    def find(self, name: str) -> "FakeCameras":
        if name not in self.names():
            raise UnknownError(f"There is no camera “{name}” here.")
        return self

    def audience(self, name: str) -> object:
        return self.find(name).crowd.audience

    def reports(self) -> dict[str, Report | None]:
        quiet = Recording(False, None, 0, 0, 0, "")
        reports = {
            "lobby": Report({}, [], quiet, [], {}, Counts(frames=7), {"one": ["", "ann"], "two": ["bob"]})
        }
        return {name: reports.get(name) for name in self.names()}

    @property
    def control(self) -> ControlClient:
        redis: Any = FakeRedis()
        return ControlClient(redis, "lobby")

    def summaries(self) -> list[dict[str, Any]]:
        newest = AnnotatedFrame(7, 1.0, 1.02, b"jpeg", [make_track(1, (1, 2, 30, 40))])
        watched = {"lobby": newest}
        states = {name: State("demo", "", True, "", 29.97, 20.0, 1, watched.get(name)) for name in self.names()}
        return [{"name": name} | state.summary() for name, state in states.items()]


def camera_site(found: Any) -> Flask:
    controls = RemoteControls(found.control, open_to_all=True)
    recorder = RemoteRecorder(found.control, open_to_all=True)
    camera = FakeCamera()
    camera.picture = found.crowd.feed.newest()
    who = camera, FakeSamples(), found.crowd.audience
    return make_site(*who, LOOPBACK, controls=controls, recorder=recorder)


class FakeRedis:
    """A Redis in a dictionary, as far as a web host asks; its stream gives `entries`, one after the other."""

    def __init__(self) -> None:
        self.names: list[bytes] = []
        self.values: dict[str, bytes] = {}
        self.hashes: dict[str, dict[bytes, bytes]] = {}
        self.entries: list[dict[bytes, bytes]] = []
        self.faults: list[Exception] = []  # of its stream, before the entries
        self.asked: list[str] = []
        self.before_get: Callable[[], None] = lambda: None

    def pipeline(self, transaction: bool) -> "FakePipeline":
        assert not transaction
        return FakePipeline(self)

    def time(self) -> tuple[int, int]:
        self.asked.append("time")
        return 1000, 0

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
        told = value if isinstance(value, bytes) else value.encode()
        self.hashes.setdefault(key, {})[field.encode()] = told

    def hincrby(self, key: str, field: str, by: int) -> None:
        self.hset(key, field, str(int(self.hashes.get(key, {}).get(field.encode(), b"0")) + by))

    def hdel(self, key: str, field: str) -> None:
        self.hashes.get(key, {}).pop(field.encode(), None)

    def xread(self, *_: object, **__: object) -> list[object]:
        if self.faults:
            raise self.faults.pop()
        if not self.entries:
            time.sleep(0.01)
            return []
        return [[b"frames", [(b"1-0", self.entries.pop(0))]]]


class FakePipeline:
    """Several questions to a FakeRedis, answered together."""

    def __init__(self, redis: FakeRedis) -> None:
        self._redis, self._answers = redis, list[object]()

    def __enter__(self) -> "FakePipeline":
        return self

    def __exit__(self, *_: object) -> None: ...

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *asked: self._answers.append(getattr(self._redis, name)(*asked))

    def execute(self) -> list[object]:
        return self._answers
