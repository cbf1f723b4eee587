"""What every browser test needs."""

from playwright.sync_api import Page

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
