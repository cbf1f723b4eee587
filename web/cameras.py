"""Cameras by their names: which there are, each one's stream, and its own site below /cameras/NAME/."""

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from flask import Blueprint, Flask, Response, abort, jsonify
from redis.exceptions import RedisError

from relay.errors import AwayError, UnknownError
from streaming.audience import Audience
from streaming.viewable import Viewable
from web.responses import NO_STORE
from web.video_feed import name_of_viewer, send_pictures

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from relay.cameras import Cameras, Published

NO_REDIS = "Redis, which brings the frames, does not answer."
BELOW = re.compile(r"(/cameras/([\w-]{1,40}))(/.*)", re.ASCII)
CAMERA, WALL = "fer.camera", "fer.wall"  # in the requests' environ: whose site is asked, the wall's address


class Named(Protocol):
    """Cameras by their names; relay.cameras.Cameras is one."""

    def names(self) -> Sequence[str]: ...

    def audience(self, name: str) -> Audience: ...

    def summaries(self) -> list[dict[str, Any]]: ...


class OnlyCamera:
    """The one camera of a process that is also its site."""

    def __init__(self, name: str, camera: Viewable, audience: Audience) -> None:
        self._name, self._camera, self._audience = name, camera, audience

    def names(self) -> list[str]:
        return [self._name]

    def audience(self, name: str) -> Audience:
        """Return who watches it; raises UnknownError for another name."""
        if name != self._name:
            raise UnknownError(f"There is no camera “{name}” here; there is {self._name}.")
        return self._audience

    def summaries(self) -> list[dict[str, Any]]:
        """Return its name, and what viewing.State.summary says."""
        return [{"name": self._name} | self._camera.state().summary()]


def cameras_pages(cameras: Named) -> Blueprint:
    """Return the list of these cameras, and the stream of each."""
    pages = Blueprint("cameras", __name__)

    @pages.get("/cameras")
    def listing() -> tuple[Response, int, dict[str, str]]:
        viewer = name_of_viewer()

        def with_watching(about: dict[str, Any]) -> dict[str, Any]:
            return about | {"watching": cameras.audience(about["name"]).is_watching(viewer)}

        try:
            return jsonify(problem="", cameras=[*map(with_watching, cameras.summaries())]), 200, NO_STORE
        except RedisError:
            return jsonify(problem=NO_REDIS, cameras=[]), 503, NO_STORE

    @pages.get("/video_feed/<name>")
    def video_feed(name: str) -> Response:
        try:
            return send_pictures(cameras.audience(name))
        except UnknownError as error:
            abort(404, str(error))

    return pages


class CameraSites:
    """Serves each camera's own site below /cameras/NAME/, and the wall's everywhere else."""

    def __init__(
        self, wall: "WSGIApplication", cameras: "Cameras", make: "Callable[[Published], Flask]"
    ) -> None:
        self._wall, self._cameras, self._make = wall, cameras, make
        self._lock = threading.Lock()  # guards what is below
        self._sites: dict[str, Flask] = {}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ[WALL] = environ["SCRIPT_NAME"] + "/"
        if found := BELOW.fullmatch(environ["PATH_INFO"]):
            where, name, rest = found.groups()
            with suppress(UnknownError, RedisError):  # then the wall says so
                site = self._site(name)
                environ[CAMERA], environ["PATH_INFO"] = name, rest
                environ["SCRIPT_NAME"] += where
                return site(environ, start_response)
        return self._wall(environ, start_response)

    def _site(self, name: str) -> Flask:
        camera = self._cameras.find(name)
        camera.control.refresh()
        with self._lock:
            if name not in self._sites:
                site = self._sites[name] = self._make(camera)
                site.register_error_handler(AwayError, lambda error: say_away(str(error)))
                site.register_error_handler(RedisError, lambda _: say_away(NO_REDIS))
            return self._sites[name]


def say_away(sentence: str) -> Response:
    """Answer with one sentence: pages and programs ask here."""
    return Response(f"{sentence}\n", 503, NO_STORE, content_type="text/plain; charset=utf-8")
