"""Cameras on other processes and machines: frames through Redis, where only the newest are kept.

`Publisher` sends one camera's frames, `RemoteCamera` receives them and is to a site what camera.Camera is.
A Redis stream with MAXLEN 2 keeps no queue: a slow reader skips, and memory stays what it is.
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import cv2
import numpy as np
from redis import Redis
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from audience import Audience
from camera import State, rate
from overlay import draw_no_signal
from pipeline import AnnotatedFrame, encode_jpeg, encode_variant
from sender import Sender
from stream import Latest
from tracker import Track
from variants import Variant, Variants

log = logging.getLogger(__name__)

KEEP = 2  # frames in a stream
LOCK_S = 1.5  # a camera whose process has died is free after this
TICK_S = 0.25
RETRY_S = 0.5
WANTED_S = 3.0  # a web host that has died wants nothing after this
THERE_S = 10.0  # a camera that was not published for so long is no longer listed
STALL_S = 3.0
QUALITY = 85
CAMERAS = "fer:cameras"  # names with the time (Unix, s) when they were last there


def connect(url: str) -> "Redis":
    """Return a connection, to be opened when it is needed; raises ValueError for what is no URL of Redis."""
    return Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=2.0)


def clock_s(redis: "Redis") -> float:
    """Return the time of Redis's own clock (Unix, s): those of the machines may differ."""
    seconds: Any = redis.time()
    return float(seconds[0])


def frames_key(name: str) -> str:
    return f"fer:frames:{name}"


def wanted_key(name: str) -> str:
    return f"fer:wanted:{name}"


def pack(frame: AnnotatedFrame, state: State) -> dict[str, bytes]:
    """Return a frame, and what its camera does, as the fields of a stream's entry."""
    about = {
        "index": frame.index,
        "captured": time.time() - (time.monotonic() - frame.captured_at),
        "problem": frame.problem,
        "source": state.source,
        "note": state.note,
        "tracks": [
            [t.track_id, t.box, [round(float(p), 5) for p in t.probs], t.emotion, t.sure] for t in frame.tracks
        ],
    }
    return {"jpeg": frame.jpeg, "about": json.dumps(about, separators=(",", ":")).encode()}


def unpack(fields: dict[bytes, bytes]) -> tuple[AnnotatedFrame, str, str]:
    """Return what `pack` was given: the frame, and the camera's source and note."""
    about = json.loads(fields[b"about"])
    now = time.monotonic()
    captured_at = now - max(time.time() - about["captured"], 0.0)  # another machine's clock may be ahead
    tracks = [
        Track(number, tuple(box), np.array(probs, dtype=np.float32), emotion, sure, captured_at)
        for number, box, probs, emotion, sure in about["tracks"]
    ]
    frame = AnnotatedFrame(about["index"], captured_at, now, fields[b"jpeg"], tracks, problem=about["problem"])
    return frame, about["source"], about["note"]


class Camera(Protocol):
    """What is published; camera.Camera is one."""

    @property
    def annotated(self) -> Latest[AnnotatedFrame]: ...

    def viewing(self) -> AbstractContextManager[None]: ...

    def state(self) -> State: ...


class Publisher:
    """Publishes a camera under its name while a web host wants it; of several with one name, one at a time."""

    def __init__(self, camera: Camera, redis: "Redis", name: str) -> None:
        self._camera, self._redis, self._name = camera, redis, name
        self._lock = Lock(redis, f"fer:owner:{name}", timeout=LOCK_S, blocking=False, thread_local=False)
        self._problem = ""

    def run(self, ended: threading.Event) -> None:
        """Publish until ended is set, whatever happens to Redis meanwhile."""
        while not ended.is_set():
            try:
                if self._own():
                    self._report("")
                    self._publish(ended)
                else:
                    self._report(f"another process publishes {self._name}; waiting for it to end")
            except LockError:
                self._report(f"was away for too long, so {self._name} is anybody's")
            except RedisError as error:
                self._report(f"Redis does not answer: {error}")
            ended.wait(RETRY_S)
        with suppress(RedisError):
            self._lock.release()

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
                    self._lock.reacquire()
                    self._redis.zadd(CAMERAS, {self._name: clock_s(self._redis)})
                    looked_at, was_wanted = time.monotonic(), wanted
                    wanted = bool(self._redis.exists(wanted_key(self._name)))
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

    def _report(self, problem: str) -> None:
        if problem != self._problem:
            log.warning(problem) if problem else log.info("publishing %s", self._name)
            self._problem = problem


class RemoteCamera:
    """A camera that a Publisher publishes: one reader for all who watch it here."""

    def __init__(self, redis: "Redis", name: str) -> None:
        self.name = name
        self._redis = redis
        self._annotated: Latest[AnnotatedFrame] = Latest()
        self._changed = threading.Condition()  # guards everything below
        self._viewers = 0
        self._closed = False
        self._source, self._note = name, ""
        self._thread: threading.Thread | None = None
        self._came_at: deque[float] = deque(maxlen=256)

    @property
    def annotated(self) -> Latest[AnnotatedFrame]:
        """The newest annotated frame, while somebody is viewing; closed with the camera."""
        return self._annotated

    @contextmanager
    def viewing(self) -> Iterator[None]:
        """Have the camera published, and its frames coming into `annotated`."""
        with self._changed:
            self._viewers += 1
            if not self._thread and not self._closed:
                self._thread = threading.Thread(target=self._follow, name=f"relay {self.name}", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._viewers -= 1

    def state(self) -> State:
        """Return what the camera does as far as it is known here."""
        newest = self._annotated.newest()
        with self._changed:
            fps = rate(self._came_at, time.monotonic())
            latency_ms = (newest.published_at - newest.captured_at) * 1000 if newest else 0.0
            problem = newest.problem if newest else ""
            running = newest is not None and not problem
            return State(self._source, self._note, running, problem, fps, latency_ms, self._viewers, newest)

    def close(self) -> None:
        """Let every viewer go and join the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._annotated.close()
        if self._thread:
            self._thread.join(3.0)

    def _follow(self) -> None:
        last: Any = "$"  # only what comes from now on
        heard_at, wanted_at = time.monotonic(), -float("inf")
        while not self._closed:
            if not self._viewers:
                self._wait_for_viewers()
                last, heard_at = "$", time.monotonic()
            try:
                if time.monotonic() - wanted_at > WANTED_S / 6:
                    self._redis.set(wanted_key(self.name), 1, px=int(WANTED_S * 1000))
                    wanted_at = time.monotonic()
                came: Any = self._redis.xread({frames_key(self.name): last}, block=int(TICK_S * 1000))
            except RedisError as error:
                self._show_no_signal("Redis, which brings the frames, does not answer.", str(error))
                last, heard_at, wanted_at = "$", time.monotonic(), -float("inf")
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, RETRY_S)
                continue
            if came:
                last, fields = came[0][1][-1]
                self._put(fields)
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > STALL_S:
                self._show_no_signal(f"{self.name} sends nothing; its process may have ended.")
                last = "$"  # a Redis that was started anew may count from further back

    def _wait_for_viewers(self) -> None:
        with self._changed:
            # the next viewer must not see a picture of long ago
            self._annotated.clear()
            self._came_at.clear()
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
            self._came_at.append(frame.published_at)
        self._annotated.put(frame)

    def _show_no_signal(self, reason: str, detail: str = "") -> None:
        newest = self._annotated.newest()
        if newest is not None and newest.problem == reason:
            return
        log.warning("no picture from %s: %s %s", self.name, reason, detail)
        now = time.monotonic()
        scene = draw_no_signal(reason)
        self._annotated.put(AnnotatedFrame(0, now, now, encode_jpeg(scene, QUALITY), problem=reason))


class UnknownError(Exception):
    """There is no camera of that name; the message says so."""


class Cameras:
    """The cameras that are published, each with its audience here."""

    def __init__(self, redis: "Redis", sender: Sender, max_viewers: int, jpeg_quality: int) -> None:
        self._redis, self._sender, self._max_viewers = redis, sender, max_viewers
        self._encode = partial(encode_from_jpeg, default_quality=jpeg_quality)
        self._lock = threading.Lock()  # guards what is below
        self._known: dict[str, tuple[RemoteCamera, Variants, Audience]] = {}

    def names(self) -> list[str]:
        """Return the names of the cameras that are there; raises RedisError."""
        self._redis.zremrangebyscore(CAMERAS, 0, clock_s(self._redis) - THERE_S)
        found: Any = self._redis.zrange(CAMERAS, 0, -1)
        return sorted(name.decode() for name in found)

    def audience(self, name: str) -> Audience:
        """Return who watches a camera here; raises UnknownError, or RedisError."""
        if name not in self._known and name not in self.names():
            raise UnknownError(f"There is no camera “{name}” here.")
        with self._lock:
            if name not in self._known:
                camera = RemoteCamera(self._redis, name)
                variants = Variants(camera.annotated, self._encode)
                audience = Audience(camera, variants, self._sender, self._max_viewers)
                self._known[name] = camera, variants, audience
            return self._known[name][2]

    def state(self, name: str) -> State | None:
        """Return what a camera does as far as it is known here: None where nobody has watched it."""
        known = self._known.get(name)
        return known[0].state() if known else None

    def close(self) -> None:
        """Let every viewer go and join every thread."""
        self._sender.close()
        for camera, variants, _ in self._known.values():
            variants.close()
            camera.close()


def encode_from_jpeg(annotated: AnnotatedFrame, variant: Variant, default_quality: int) -> AnnotatedFrame:
    """Return annotated with a JPEG of the variant's width and quality, made from the one it came with."""
    scene = cv2.imdecode(np.frombuffer(annotated.jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
    if scene is None:
        return annotated
    whole = replace(annotated, scene=scene.astype(np.uint8, copy=False))
    return encode_variant(whole, variant, default_quality)
