"""A page for which there is no place says so, by a picture and in words, and comes in when one is free."""

from contextlib import closing

import pytest
from playwright.sync_api import Browser, expect

from streaming.variants import Variant
from tests.fakes.browser import PATIENCE_MS
from tests.fakes.camera import FakeCrowd
from tests.fakes.images import picture_of, plain_image
from tests.fakes.server import serving
from tests.fakes.site import make_fake_site
from vision.jpeg import encode_jpeg

pytestmark = pytest.mark.browser


def test_a_page_without_a_place_says_so_and_gets_the_next_one(browser: Browser) -> None:
    crowd = FakeCrowd(max_viewers=1)
    crowd.feed.put(picture_of(1, encode_jpeg(plain_image(90, 48, 64), 80)))
    page = browser.new_page(bypass_csp=True)
    page.set_default_timeout(PATIENCE_MS)
    page.clock.install()
    with serving(make_fake_site(crowd)) as server, closing(crowd):
        taken = crowd.audience.admit("somebody", Variant())
        page.goto(f"http://127.0.0.1:{server.port}", wait_until="domcontentloaded")
        # the picture that says so
        page.wait_for_function("document.getElementById('stream').naturalWidth === 640")
        page.clock.fast_forward(5000)  # until it asks what became of its stream
        words = "All places are taken; this page tries again automatically …"
        expect(page.locator("#headline")).to_have_text(words)
        taken.leave("it left")
        page.clock.fast_forward(5000)  # until it tries again
        page.wait_for_function("document.getElementById('stream').naturalWidth === 64")
        page.goto("about:blank")
    page.close()
