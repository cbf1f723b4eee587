"""All published cameras, for one web host."""

import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from redis import Redis

from relay.errors import UnknownCameraError
from relay.protocol import CAMERAS, Report, clock_s, report_key
from relay.remote import WAITS, ControlClient, RelayWaits, RemoteCamera, RemoteControls, RemoteRecorder
from streaming.audience import Audience, Names
from streaming.sender import Sender
from streaming.variants import Variant, Variants, encode_variant
from texts import shorten
from vision.frames import AnnotatedFrame

LISTED_S = 10.0  # a camera that was not published for so long is no longer listed


@dataclass(eq=False)
class Published:
    """A camera that another process publishes, with its viewers in this process."""

    camera: RemoteCamera
    audience: Audience
    controls: RemoteControls
    recorder: RemoteRecorder
    control: ControlClient
    variants: Variants
    listed_s: float  # when it was last listed (monotonic)

    def is_gone(self) -> bool:
        """Return whether it is no longer published and nobody watches it here."""
        return time.monotonic() - self.listed_s > self.control.waits.kept_s and not self.camera.is_viewed()

    def close(self) -> bool:
        """Disconnect every viewer and join every thread; False if one did not end in time."""
        ended = self.camera.close()  # first: the variants' thread waits for its frames
        return self.variants.close() and ended


class Cameras:
    """The cameras that are published, each with its audience here; one that is gone is forgotten."""

    def __init__(
        self,
        redis: Redis,
        sender: Sender,
        max_viewers: int,
        jpeg_quality: int,
        open_to_all: bool = True,
        *,
        waits: RelayWaits = WAITS,
    ) -> None:
        """open_to_all says whether visitors may change the pictures and record."""
        self.open_to_all, self._waits = open_to_all, waits
        self._redis, self._sender, self._max_viewers = redis, sender, max_viewers
        self._encode = partial(encode_from_jpeg, default_quality=jpeg_quality)
        self._process = uuid.uuid4().hex  # this one's name among all web processes
        self._listed: tuple[list[str], float] = [], -float("inf")  # the names, and when they were read (s)
        self._lock = threading.Lock()  # guards what is below
        self._known: dict[str, Published] = {}

    def names(self) -> list[str]:
        """Return the names of the cameras that are there, or were waits.names_s ago; raises RedisError."""
        names, read_s = self._listed
        return names if time.monotonic() - read_s < self._waits.names_s else self._read_names()

    def _read_names(self) -> list[str]:
        """Ask Redis for the names; without the lock, because a Redis that does not answer takes its time."""
        self._redis.zremrangebyscore(CAMERAS, 0, clock_s(self._redis) - LISTED_S)
        found: Any = self._redis.zrange(CAMERAS, 0, -1)
        names = sorted(name.decode() for name in found)
        self._listed = names, time.monotonic()
        self._forget_all_but(names)
        return names

    def _forget_all_but(self, names: Sequence[str]) -> None:
        """Close what is gone, so that nothing is kept of a name that is not coming back."""
        with self._lock:
            for name in self._known.keys() & set(names):
                self._known[name].listed_s = time.monotonic()
            gone = [name for name in self._known.keys() - set(names) if self._known[name].is_gone()]
            forgotten = [self._known.pop(name) for name in gone]
        for known in forgotten:
            known.close()

    def find(self, name: str) -> Published:
        """Return a camera that is published, or still watched here; raises UnknownCameraError, RedisError."""
        known = self._known.get(name)
        if known and known.camera.is_viewed():
            return known
        if name not in self.names() and name not in self._read_names():  # another process may list it already
            raise UnknownCameraError(f"There is no camera “{shorten(name)}” here.")
        return self._published(name)

    def _published(self, name: str) -> Published:
        with self._lock:
            if name not in self._known:
                self._known[name] = self._make(name)
            return self._known[name]

    def _make(self, name: str) -> Published:
        control = ControlClient(self._redis, name, self._waits)
        names = Names(elsewhere=partial(control.viewers_elsewhere, self._process))
        camera = RemoteCamera(self._redis, control, self._process, names)
        variants = Variants(camera.annotated, self._encode)
        audience = Audience(camera, variants, self._sender, self._max_viewers, names)
        controls = RemoteControls(control, self.open_to_all)
        recorder = RemoteRecorder(control, self.open_to_all)
        return Published(camera, audience, controls, recorder, control, variants, time.monotonic())

    def summaries(self, viewer: str) -> list[dict[str, Any]]:
        """Return a line about each camera: its name, what its process reports, and whether viewer watches it.

        recording is as `Recording.summary` gives it, null without a report.

        Raises RedisError.
        """
        return [
            {"name": name}
            | (report.summary if report else {})
            | {"recording": report.recording.summary() if report else None}
            | {"watching": self._published(name).audience.is_watching(viewer)}
            for name, report in self.reports().items()
        ]

    def reports(self) -> dict[str, Report | None]:
        """Return each camera's report by name, all read at once; raises RedisError."""
        names = self.names()
        found: Any = self._redis.mget([report_key(name) for name in names]) if names else []
        return {
            name: self._published(name).control.receive(packed)
            for name, packed in zip(names, found, strict=True)
        }

    def close(self) -> bool:
        """Disconnect every viewer and join every thread; False if one did not end in time."""
        ended = [self._sender.close()]
        with self._lock:
            known = list(self._known.values())
        ended += [published.close() for published in known]
        return all(ended)


class Recorders:
    """The recorders of all cameras, any of which may write into the history."""

    def __init__(self, cameras: Cameras) -> None:
        """Create it for these cameras."""
        self.open_to_all = cameras.open_to_all
        self._cameras = cameras

    def unfinished(self) -> set[str]:
        """Return the keys of the sessions that run, or are not wholly written; raises RedisError."""
        reports = self._cameras.reports().values()
        return {key for report in reports if report for key in report.sessions}


def encode_from_jpeg(annotated: AnnotatedFrame, variant: Variant, default_quality: int) -> AnnotatedFrame:
    """Return annotated with a JPEG of the variant's width and quality, made from the one it came with."""
    scene = cv2.imdecode(np.frombuffer(annotated.jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
    if scene is None:
        return annotated
    whole = replace(annotated, scene=scene.astype(np.uint8, copy=False))
    return encode_variant(whole, variant, default_quality)
