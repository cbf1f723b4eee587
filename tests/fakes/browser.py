"""What every browser test needs."""

import pytest
from playwright.sync_api import Page

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


AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe(page: Page) -> list[str]:
    """Return what axe-core finds wrong with the page as it is, a line each: the rule and the first element."""
    if not AXE.is_file():
        pytest.skip("no axe-core on this machine; npm ci installs it")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)
    return [f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in found["violations"]]
