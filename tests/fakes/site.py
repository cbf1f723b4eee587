"""The real site around a camera that is none."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from flask import Blueprint, Flask

from settings import LOOPBACK
from streaming.viewable import Viewable
from tests.fakes.browser_cameras import Hall
from tests.fakes.camera import FRAME, FakeCamera, FakeCrowd, FakeSamples
from tests.fakes.images import picture_of, plain_image
from tests.fakes.server import serving
from vision.jpeg import encode_jpeg
from vision.tracker import Track
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
def fake_live_page(
    *tracks: Track, width_px: int = 640, height_px: int = 480, recorder: Recorder | None = None
) -> Iterator[str]:
    """Serve a picture of that size that stands still, with these faces; give the page's address."""
    crowd, camera = FakeCrowd(), FakeCamera()
    newest = replace(FRAME, captured_s=time.monotonic(), tracks=list(tracks))
    camera.now = replace(camera.now, newest=newest)
    site = make_fake_site(crowd, camera=camera, recorder=recorder)
    with serving(site) as server, closing(crowd):
        crowd.feed.put(picture_of(1, encode_jpeg(plain_image(90, height_px, width_px), 80)))
        yield f"http://127.0.0.1:{server.port}/"


@contextmanager
def serving_browser_cameras() -> Iterator[str]:
    """Serve a fake site that reads visitors' own cameras, by any name; give its address."""
    crowd, hall = FakeCrowd(), Hall()
    site = make_fake_site(crowd, [browser_camera_pages(hall.cameras)], access=Access())
    with serving(site) as server:
        yield f"http://127.0.0.1:{server.port}"
        hall.cameras.close()
        crowd.close()
