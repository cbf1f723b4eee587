"""Builds the site of one camera, and the site of a web host that shows many."""

from collections.abc import Sequence
from pathlib import Path

from flask import Blueprint, Flask
from prometheus_client.registry import Collector
from werkzeug.local import LocalProxy
from werkzeug.middleware.proxy_fix import ProxyFix

from recording.export import iso_time
from relay.cameras import Cameras
from settings import ROOT
from vision.samples import Samples
from web.about import about_pages
from web.cameras import cameras_pages
from web.common import common_pages
from web.compression import compress_text
from web.controls import control_pages
from web.current import current_or_none, find_by_address
from web.health import health_pages
from web.live import live_pages
from web.login import login_pages
from web.recording import recording_pages
from web.responses import limit_slow_readers, show_errors
from web.security import Access, guard
from web.shown import OnlyCamera, PublishedCameras, ShownCamera, ShownCameras
from web.times import length_of_time, of_clock
from web.video_feed import feed_pages
from web.wall import wall_pages
from web.words import add_filters

NAVIGATION = {
    "wall.index": "All cameras",
    "live.index": "Live",
    "browser_cameras.index": "My camera",
    "uploads.index": "Pictures",
    "explain.index": "Explain",
    "history.index": "Recordings",
    "about.index": "About",
}


def make_site(
    camera: ShownCamera,
    samples: Samples,
    access: Access,
    more_pages: Sequence[Blueprint] = (),
    more_figures: Sequence[Collector] = (),
    *,
    card: Path | None = None,
) -> Flask:
    """Return the site of one camera.

    Args:
        camera: The camera, whose pages lie at /.
        samples: The sample faces of each emotion.
        access: Who may look.
        more_pages: Blueprints that are served beside the camera's; those that NAVIGATION names are linked.
        more_figures: Figures beside the site's own in /metrics.
        card: The network's model card, whose figures /about shows.
    """
    site = _make(OnlyCamera(camera), camera, access, samples, card)
    for pages in (*_camera_pages(samples, more_figures), *more_pages):
        site.register_blueprint(pages)
    _link_pages(site, camera.recorder is None or camera.recorder.open_to_all)
    return site


def make_wall(
    cameras: Cameras,
    samples: Samples,
    access: Access,
    more_pages: Sequence[Blueprint] = (),
    *,
    card: Path | None = None,
) -> Flask:
    """Return the site of all cameras that other processes publish, each one's pages below /cameras/NAME/.

    Args:
        cameras: The cameras, which the site's owner closes.
        samples: The sample faces of each emotion.
        access: Who may look.
        more_pages: As in make_site.
        card: As in make_site.
    """
    site = _make(PublishedCameras(cameras), None, access, samples, card)
    for pages in _camera_pages(samples):
        site.register_blueprint(pages, url_prefix="/cameras/<camera>")
    for pages in (wall_pages(cameras, samples), *more_pages):
        site.register_blueprint(pages)
    _link_pages(site, cameras.open_to_all)
    return site


def believe_proxy(site: Flask) -> None:
    """Take the client's address, and whether it came by TLS, from the one proxy in front."""
    site.wsgi_app = ProxyFix(site.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]


def _camera_pages(samples: Samples, more_figures: Sequence[Collector] = ()) -> list[Blueprint]:
    """Return the blueprints around one camera, whichever `web.current.current` gives."""
    return [live_pages(samples), feed_pages(), control_pages(), recording_pages(), health_pages(more_figures)]


def _make(
    cameras: ShownCameras, default: ShownCamera | None, access: Access, samples: Samples, card: Path | None
) -> Flask:
    """Return a site with what both kinds have."""
    site = Flask(__name__, root_path=str(ROOT))
    guard(site, access)
    find_by_address(site, cameras, default)  # after the guard
    show_errors(site)
    site.after_request(limit_slow_readers)
    site.after_request(compress_text)
    for text_filter in (iso_time, length_of_time, of_clock):
        site.add_template_filter(text_filter)
    site.json.sort_keys = False  # type: ignore[attr-defined]  # emotions stay in FER2013's order
    site.register_blueprint(common_pages())
    site.register_blueprint(login_pages(access.credentials, access.failed_logins))
    site.register_blueprint(cameras_pages(cameras))
    site.register_blueprint(about_pages(card))
    add_filters(site)
    site.jinja_env.globals.update(sample_files=samples.files, sample_number=samples.pick)
    return site


def _link_pages(site: Flask, recordings_are_open: bool) -> None:
    """Tell the templates which pages to link, which of them is home, and the camera's name on a web host."""
    linked = site.view_functions.keys() - (() if recordings_are_open else ("history.index",))
    titles = {endpoint: title for endpoint, title in NAVIGATION.items() if endpoint in linked}
    is_wall = "wall.index" in titles

    def camera_name() -> str:
        """Return the current camera's name on a web host, else ""."""
        camera = current_or_none() if is_wall else None
        return camera.name if camera else ""

    def home() -> str:
        """Return the endpoint that the site's name leads to."""
        return "wall.index" if is_wall and not camera_name() else "live.index"

    def sample_page() -> str:
        """Return the endpoint of the sample faces."""
        return "wall.sample_page" if home() == "wall.index" else "live.sample_page"

    def navigation() -> list[tuple[str, str]]:
        """Return the endpoint and the title of each page that is linked."""
        own = titles | {"live.index": camera_name()} if is_wall else titles
        return [(endpoint, title) for endpoint, title in own.items() if title]

    site.jinja_env.globals.update(navigation=LocalProxy(navigation), home=home, sample_page=sample_page)
    site.jinja_env.globals.update(camera_name=camera_name, is_wall=is_wall)
