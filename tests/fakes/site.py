"""The real site around a camera that is none."""

from collections.abc import Sequence

from flask import Blueprint, Flask

from settings import LOOPBACK
from streaming.viewable import Viewable
from tests.fakes.camera import FakeCamera, FakeCrowd, FakeSamples
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
