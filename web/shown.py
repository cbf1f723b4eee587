"""Cameras as the pages show them: the one of this process, or those that other processes publish."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError

from outputs.base import OutputStatus
from relay.cameras import Cameras, Published
from relay.errors import UnknownCameraError
from streaming.audience import Audience
from streaming.viewable import Viewable
from texts import shorten
from web.events import Events
from web.protocols import Controls, Recorder
from web.state import state_json, view_json


class ShownCamera:
    """A camera with everything that its pages need; its events are one feed for all listeners."""

    def __init__(
        self,
        camera: Viewable,
        audience: Audience,
        controls: Controls | None = None,
        recorder: Recorder | None = None,
        name: str = "camera",
        read_outputs: Callable[[], Sequence[OutputStatus]] = tuple,
    ) -> None:
        """Without controls nobody can change what is shown, without a recorder nobody can record it."""
        self.name, self._read_outputs = name, read_outputs
        self.camera, self.audience = camera, audience
        self.controls, self.recorder = controls, recorder
        self.events = Events(camera.annotated, self._message)

    def state(self) -> dict[str, Any]:
        """Return what the camera does and its newest frame shows, as JSON."""
        outputs = self._read_outputs()
        named = self.controls is not None and self.controls.open_to_all
        return state_json(self.camera.state(), self.audience.watching(), self.recorder, outputs, named=named)

    def _message(self) -> dict[str, Any]:
        view = view_json(self.controls) if self.controls else {}  # {}: its process is away
        return self.state() | ({"view": view} if view else {})


class ShownCameras(Protocol):
    """The cameras of a site by their names: an OnlyCamera or PublishedCameras."""

    def find(self, name: str) -> ShownCamera:
        """Return a camera; raises UnknownCameraError, or RedisError."""

    def summaries(self, viewer: str) -> list[dict[str, Any]]:
        """Return a line about each camera as JSON, with whether viewer watches it; raises RedisError."""


class OnlyCamera:
    """The one camera of a process that is also its site."""

    def __init__(self, camera: ShownCamera) -> None:
        self._camera = camera

    def find(self, name: str) -> ShownCamera:
        """Return the camera; raises UnknownCameraError for another name."""
        if name != self._camera.name:
            raise UnknownCameraError(
                f"There is no camera “{shorten(name)}” here; there is {self._camera.name}."
            )
        return self._camera

    def summaries(self, viewer: str) -> list[dict[str, Any]]:
        """Return one line: its name, what it shows and records, and whether viewer watches it."""
        state, watching = self._camera.camera.state(), self._camera.audience.is_watching(viewer)
        recorder = self._camera.recorder
        recording = recorder.state().summary() if recorder else None
        return [{"name": self._camera.name} | state.summary() | {"recording": recording, "watching": watching}]


class PublishedCameras:
    """The cameras that other processes publish; each is kept as long as relay.cameras.Cameras keeps it."""

    def __init__(self, cameras: Cameras) -> None:
        self._cameras = cameras
        self._lock = threading.Lock()  # guards what is below
        self._shown: WeakKeyDictionary[Published, ShownCamera] = WeakKeyDictionary()

    def find(self, name: str) -> ShownCamera:
        """Return a camera, its report new; raises UnknownCameraError, or RedisError."""
        published = self._cameras.find(name)
        with suppress(RedisError):  # its picture says so to whoever watches
            published.control.refresh()
        with self._lock:
            if published not in self._shown:
                self._shown[published] = ShownCamera(
                    published.camera,
                    published.audience,
                    published.controls,
                    published.recorder,
                    name,
                    published.control.outputs,
                )
            return self._shown[published]

    def summaries(self, viewer: str) -> list[dict[str, Any]]:
        """Return a line about each camera, as `relay.cameras.Cameras.summaries` does; raises RedisError."""
        return self._cameras.summaries(viewer)
