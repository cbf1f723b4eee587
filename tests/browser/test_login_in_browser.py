"""A private site in a real browser: asked, let in, led on, and out again."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, expect

from settings import LOOPBACK
from tests.fakes.browser import PATIENCE_MS, WIDTH, arriving, follow
from tests.fakes.camera import FakeCrowd
from tests.fakes.images import picture_of, plain_image
from tests.fakes.server import serving
from tests.fakes.site import make_fake_site
from vision.jpeg import encode_jpeg
from web.credentials import Credentials
from web.security import Access

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(bypass_csp=True, viewport={"width": 360, "height": 740})
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.close()


@pytest.fixture
def address() -> Iterator[str]:
    """A private site's address."""
    crowd = FakeCrowd()
    crowd.feed.put(picture_of(1, encode_jpeg(plain_image(90, 480, 640), 80)))
    site = make_fake_site(crowd, access=Access(LOOPBACK, Credentials("ann:pass:word", "t0ken")))
    with serving(site) as server, closing(crowd):
        yield f"http://127.0.0.1:{server.port}"


def test_a_visitor_is_asked_let_in_led_on_and_out_again(page: Page, address: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{address}/samples/happy")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    assert page.evaluate("getComputedStyle(document.querySelector('.login form')).display") == "grid"
    assert page.evaluate(WIDTH) <= 360
    assert all("401" in complaint for complaint in complaints), complaints
    assert len(complaints) == 1  # of the page itself: its styles came
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("ann")
    page.keyboard.press("Tab")
    page.keyboard.type("guess")
    with arriving(page):
        page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("That is not right; try again.")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill("pass:word")
    with arriving(page):
        page.get_by_label("Password").press("Enter")
    assert page.url == f"{address}/samples/happy"
    follow(page, page.get_by_role("button", name="Log out"))
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.goto(address)
    page.get_by_label("Token").fill("t0ken")
    with arriving(page):
        page.get_by_label("Token").press("Enter")
    page.wait_for_function("document.getElementById('stream').naturalWidth === 640")
    page.context.clear_cookies()  # as by logging out in another tab
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.goto("about:blank")
