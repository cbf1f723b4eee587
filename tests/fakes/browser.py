"""What every browser test needs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from settings import ROOT
from tests.fakes.waiting import PATIENCE_S

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = PATIENCE_S * 1000
WIDTH = "document.documentElement.scrollWidth"


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
def visiting(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Give a function that opens an address as a new visitor, with options of a context of Playwright.

    What the browser complains of on those pages fails at the end.
    """
    complaints: list[str] = []
    opened: list[Page] = []

    def visit(address: str, **options: object) -> Page:
        page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        opened.append(page)
        return page

    yield visit
    for page in opened:
        page.context.close()
    assert complaints == []


AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe(page: Page) -> list[str]:
    """Return what axe-core finds wrong with the page as it is, a line each: the rule and the first element."""
    if not AXE.is_file():
        pytest.skip("no axe-core on this machine; npm ci installs it")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)
    return [f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in found["violations"]]
