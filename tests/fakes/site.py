"""The real site around a camera that is none."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flask import Blueprint, Flask

from settings import LOOPBACK
from streaming.viewable import Viewable
from tests.fakes.browser_cameras import Hall
from tests.fakes.camera import FakeCamera, FakeCrowd, FakeSamples
from tests.fakes.server import serving
from web.browser_cameras import browser_camera_pages
from web.protocols import Controls, Recorder
from web.security import Access
from web.shown import ShownCamera
from web.site import make_site


def make_fake_site(
    crowd: FakeCrowd,
    more_pages: Sequence[Blueprint] = (),
    *,
    camera: Viewable | None = None,
    controls: Controls | None = None,
    recorder: Recorder | None = None,
    access: Access | None = None,
) -> Flask:
    """Return a site that shows a FakeCamera, or the camera that is given, to the crowd."""
    shown = ShownCamera(camera or FakeCamera(), crowd.audience, controls, recorder)
    return make_site(shown, FakeSamples(), access or Access(LOOPBACK), more_pages)


@contextmanager
def serving_browser_cameras() -> Iterator[str]:
    """Serve a fake site that reads visitors' own cameras, by any name; give its address."""
    crowd, hall = FakeCrowd(), Hall()
    site = make_fake_site(crowd, [browser_camera_pages(hall.cameras)], access=Access())
    with serving(site) as server:
        yield f"http://127.0.0.1:{server.port}"
        hall.cameras.close()
        crowd.close()
