"""Builds the site of one camera, and the site of a web host that shows many."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from flask import Blueprint, Flask
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.middleware.proxy_fix import ProxyFix

from settings import ROOT
from streaming.viewable import Viewable
from vision.samples import Samples
from web.protocols import Controls, Recorder
from web.responses import limit_slow_readers, show_error
from web.security import Credentials, guard

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from relay.cameras import Cameras, Published
    from streaming.audience import Audience


NAVIGATION = {
    "live.index": "Live",
    "explain.index": "Why?",
    "browser_cameras.index": "Mirror",
    "uploads.index": "Pictures and videos",
    "history.index": "History",
}


def make_site(
    camera: Viewable,
    samples: Samples,
    audience: "Audience",
    answers_to: Sequence[str],
    secret: Credentials | None = None,
    more_pages: Sequence[Blueprint] = (),
    controls: Controls | None = None,
    recorder: Recorder | None = None,
    more_figures: Sequence["Collector"] = (),
) -> Flask:
    """Return the site that shows this camera and these samples to this audience.

    With a secret it is shown to nobody else. Without controls nobody can change what is shown, without a
    recorder nobody can record it. more_pages are served beside them; those that NAVIGATION names are linked
    from every page. more_figures are beside the site's own in /metrics.

    It answers to requests for these host names only, or for any if there are none: a foreign page whose
    name resolves to 127.0.0.1 must not see the camera (DNS rebinding).
    """
    from web.controls import control_pages
    from web.events import event_pages
    from web.health import health_pages
    from web.live import live_pages
    from web.recording import recording_pages
    from web.video_feed import feed_pages

    site = _bare_site(answers_to, secret)
    site.register_blueprint(live_pages(camera, samples, audience, controls, recorder))
    site.register_blueprint(feed_pages(audience))
    site.register_blueprint(event_pages(camera, audience, controls, recorder))
    if controls:
        site.register_blueprint(control_pages(controls))
    site.register_blueprint(health_pages(camera, audience, more_figures))
    if recorder:
        site.register_blueprint(recording_pages(recorder))
    return _with_pages(site, more_pages, NAVIGATION, not recorder or recorder.open_to_all)


def make_wall(
    cameras: "Cameras",
    answers_to: Sequence[str],
    make_camera_site: "Callable[[Published], Flask]",
    secret: Credentials | None = None,
    more_pages: Sequence[Blueprint] = (),
) -> Flask:
    """Return the site of all cameras that others publish; see make_site.

    Below /cameras/NAME/ is the site of each, as make_camera_site makes it when it is first asked for.
    """
    from redis.exceptions import RedisError

    from web.cameras import NO_REDIS, CameraSites, cameras_pages
    from web.wall import wall_pages

    site = _bare_site(answers_to, secret)
    site.register_error_handler(RedisError, lambda _: show_error(ServiceUnavailable(NO_REDIS)))
    site.register_blueprint(cameras_pages(cameras))
    site.register_blueprint(wall_pages(cameras))
    site.wsgi_app = CameraSites(site.wsgi_app, cameras, make_camera_site)  # type: ignore[method-assign]
    return _with_pages(site, more_pages, NAVIGATION | {"live.index": "All cameras"}, cameras.open_to_all)


def believe_proxy(site: Flask) -> None:
    """Believe the one proxy in front who asks, and whether by TLS."""
    site.wsgi_app = ProxyFix(site.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]


def _bare_site(answers_to: Sequence[str], secret: Credentials | None) -> Flask:
    site = Flask(__name__, root_path=str(ROOT))
    site.config["TRUSTED_HOSTS"] = list(answers_to) or None
    guard(site, secret or Credentials())
    site.after_request(limit_slow_readers)
    site.json.sort_keys = False  # type: ignore[attr-defined]  # emotions stay in FER2013's order
    return site


def _with_pages(
    site: Flask, more_pages: Sequence[Blueprint], navigation: Mapping[str, str], recordings_are_open: bool
) -> Flask:
    for pages in more_pages:
        site.register_blueprint(pages)
    linked = site.view_functions.keys() - (() if recordings_are_open else ("history.index",))
    links = [(endpoint, name) for endpoint, name in navigation.items() if endpoint in linked]
    site.jinja_env.globals["navigation"] = links
    site.register_error_handler(HTTPException, show_error)
    return site
