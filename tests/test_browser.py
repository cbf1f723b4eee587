"""The site in real Chromium, with the demo as its camera."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import Server

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURE_HASH = """() => {
  const canvas = document.createElement("canvas");
  canvas.width = 64; canvas.height = 48;
  const pen = canvas.getContext("2d");
  pen.drawImage(document.getElementById("stream"), 0, 0, 64, 48);
  return pen.getImageData(0, 0, 64, 48).data.join("");
}"""


@pytest.fixture(scope="module")
def page(chromium: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(15_000)
        yield page
        browser.close()


def wait_for_new_picture(page: Page) -> None:
    """Wait until the stream has a picture, and then another one."""
    page.wait_for_function("document.getElementById('stream').naturalWidth === 640")
    before = page.evaluate(PICTURE_HASH)
    page.wait_for_function(f"before => ({PICTURE_HASH})() !== before", arg=before)


def test_the_picture_appears_and_changes_and_the_page_names_the_source(
    page: Page, start_server: Callable[..., Server], random_weights: Path
) -> None:
    server = start_server("--source", "auto", "--weights", str(random_weights))
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.url, wait_until="commit")
    wait_for_new_picture(page)
    expect(page.locator("#headline")).to_have_text("Live: demo")
    expect(page.locator("#note")).to_contain_text("so this is the demo")
    expect(page.locator("#figures")).to_contain_text("fps")
    assert errors == []


def test_a_sample_link_opens_its_gallery(
    page: Page, start_server: Callable[..., Server], random_weights: Path
) -> None:
    server = start_server("--source", "demo", "--weights", str(random_weights))
    page.goto(server.url, wait_until="commit")
    page.get_by_role("link", name="surprise", exact=True).click()
    expect(page.get_by_role("heading", name="surprise")).to_be_visible()
    pictures = page.locator(".gallery img")
    expect(pictures).to_have_count(8)
    page.wait_for_function("[...document.querySelectorAll('.gallery img')].every(i => i.naturalWidth === 192)")


def test_the_page_reconnects_by_itself_when_the_server_comes_back(
    page: Page, start_server: Callable[..., Server], random_weights: Path
) -> None:
    flags = ("--source", "demo", "--weights", str(random_weights))
    server = start_server(*flags)
    page.goto(server.url, wait_until="commit")
    wait_for_new_picture(page)
    server.stop()
    expect(page.locator("#headline")).to_contain_text("does not answer")
    start_server(*flags, "--port", str(server.port))
    expect(page.locator("#headline")).to_have_text("Live: demo")
    wait_for_new_picture(page)


def test_nothing_sticks_out_on_a_phone(
    page: Page, start_server: Callable[..., Server], random_weights: Path
) -> None:
    server = start_server("--source", "demo", "--weights", str(random_weights))
    page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/", "/samples/happy", "/samples/nothing"):
        page.goto(server.url + path, wait_until="commit")
        page.wait_for_load_state("domcontentloaded")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
