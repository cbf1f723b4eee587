"""What every browser test needs."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page

from settings import ROOT
from tests.fakes.waiting import PATIENCE_S

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--host-resolver-rules=MAP *.test 127.0.0.1",  # of no secure context, as in a network without TLS
]
PATIENCE_MS = PATIENCE_S * 1000
DEMO = "This is the demo: average faces, painted by code."  # the live page's sentence about its source
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTH = "document.documentElement.scrollWidth"


@contextmanager
def opened(browser: Browser, url: str, width: int = 1280, height: int = 720) -> Iterator[Page]:
    """Open a live page of its own whose picture has come."""
    page = browser.new_page(viewport={"width": width, "height": height}, bypass_csp=True)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_function("document.getElementById('stream')?.naturalWidth > 0")
    try:
        yield page
    finally:
        page.close()


def arriving(page: Page) -> AbstractContextManager[object]:
    """Return a context in which something leads to another page; it ends when that page's scripts run."""
    return page.expect_navigation(wait_until="domcontentloaded")


def follow(page: Page, part: Locator) -> None:
    """Click what leads to another page, and wait until that page's scripts run."""
    with arriving(page):
        part.click()


def show_as(page: Page, hidden: bool) -> None:
    """Tell the page that its tab was put behind another, or back in front: headless Chromium never does."""
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


@contextmanager
def visiting(browser: Browser, kept: Page) -> Iterator[Callable[..., Page]]:
    """Give a function that opens an address as a new visitor, with options of a context of Playwright.

    The first one without options gets the kept page, without its cookies: a new page costs as much as a test.
    What the browser complains of on those pages fails at the end.
    """
    complaints: list[str] = []
    opened: list[Page] = []

    def note(news: ConsoleMessage | Error) -> None:
        complaints.append(news.text if isinstance(news, ConsoleMessage) else str(news))

    def visit(address: str, **options: object) -> Page:
        again = kept not in opened and not options
        page = kept if again else browser.new_context(**options).new_page()  # type: ignore[arg-type]
        page.context.clear_cookies()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", note)
        page.on("pageerror", note)
        opened.append(page)
        page.goto(address, wait_until="domcontentloaded")  # its scripts run
        return page

    yield visit
    for page in opened:
        if page is kept:
            page.goto("about:blank")
            page.remove_listener("console", note)
            page.remove_listener("pageerror", note)
        else:
            page.context.close()
    assert complaints == []


def axe(page: Page) -> list[str]:
    """Return what axe-core finds wrong on a page, light and dark, a line each.

    The page stands still from now on, as a colour that is on its way to another one may be a bad one.
    """
    if not AXE.exists():
        pytest.skip("no axe-core in node_modules; npm ci installs it")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    faults = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found: dict[str, Any] = page.evaluate(f"axe.run({{ runOnly: {json.dumps(AXE_TAGS)} }})")
        faults += [
            f"{scheme}, {violation['id']}: {node['html'][:200]} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]
    return faults
