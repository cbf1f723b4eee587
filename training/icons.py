"""Draw the site's icons as PNG from static/icon.svg, in Chromium: python -m training.icons [CHROMIUM].

Phones and desktops that install the site want pixels. The drawing lies on a ground of its own: rounded for
browsers, to the edges for systems that cut the shape themselves ("maskable", and Apple's).
"""

import argparse
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright

from settings import ROOT

SOURCE = ROOT / "static" / "icon.svg"
FOLDER = ROOT / "static" / "icons"
VIEW = 32  # side of the drawing's viewBox
PAGE = """
<body style="margin: 0">
<svg viewBox="0 0 {view} {view}" style="display: block">
  <rect width="{view}" height="{view}" rx="{radius}" fill="#f8f4ed"/>
  <g transform="translate({border} {border}) scale({share})">{drawing}</g>
</svg>
"""


class Icon(NamedTuple):
    """An icon's file name, its side in px, the share of it that the drawing fills, and the ground's radius."""

    file: str
    side_px: int
    share: float
    radius: float  # of the corners, as a share of the side


ICONS = (
    Icon("icon-192.png", 192, 0.76, 0.22),
    Icon("icon-512.png", 512, 0.76, 0.22),
    Icon("maskable-512.png", 512, 0.6, 0),  # within the circle of 80 % that no system cuts
    Icon("apple-touch-icon.png", 180, 0.72, 0),
)


def draw_icon(icon: Icon, browser: Browser) -> bytes:
    """Return an icon as PNG of side_px x side_px: the drawing on its ground."""
    page = browser.new_page(viewport={"width": icon.side_px, "height": icon.side_px})
    drawing, border = SOURCE.read_text(encoding="utf-8"), VIEW * (1 - icon.share) / 2
    page.set_content(
        PAGE.format(view=VIEW, radius=VIEW * icon.radius, border=border, share=icon.share, drawing=drawing)
    )
    png = page.screenshot(omit_background=True)
    page.close()
    return png


def main() -> None:
    """Draw every icon."""
    parser = argparse.ArgumentParser(prog="python -m training.icons", description=__doc__)
    parser.add_argument("chromium", nargs="?", metavar="CHROMIUM", help="program (default: Playwright's own)")
    args = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=args.chromium)
        for icon in ICONS:
            (FOLDER / icon.file).write_bytes(draw_icon(icon, browser))
        browser.close()


if __name__ == "__main__":
    main()
