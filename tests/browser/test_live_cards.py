"""What the cards of the live page show beside the seven probabilities; in real Chromium."""

import json
import re
import time
import urllib.request

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes.browser import opened
from tests.fakes.images import make_track
from tests.fakes.recording import FakeRecorder
from tests.fakes.site import fake_live_page

pytestmark = pytest.mark.browser

# The x of each marker's line in a canvas: a column that is of the text's colour below the flags.
LINES = """canvas => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const ink = getComputedStyle(canvas).color.match(/\\d+/g).map(Number);
  const isInk = (x, y) => ink.every((value, part) => Math.abs(data[4 * (y * width + x) + part] - value) < 3);
  const columns = [...Array(width).keys()].filter((x) => {
    for (let y = 16; y < height; y++) if (!isInk(x, y)) return false;
    return true;
  });
  return columns.filter((x) => !columns.includes(x - 1)).map((x) => x / width);
}"""


def wait_for_lines(page: Page, canvas: str, count: int, upto: float = 1.0) -> list[float]:
    """Return the places (0 to 1) of so many lines, once the last one is not right of upto."""
    page.wait_for_function(
        f"([canvas, count, upto]) => {{ const found = ({LINES})(document.querySelector(canvas));"
        " return found.length === count && !(found.at(-1) > upto); }",
        arg=[canvas, count, upto],
    )
    places: list[float] = page.locator(canvas).evaluate(LINES)
    return places


def mark(url: str, label: str, time_unix_s: float) -> None:
    body = json.dumps({"label": label, "time": time_unix_s}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}markers", data=body), timeout=10) as answer:
        assert answer.status == 201


def test_markers_of_every_page_and_program_are_lines_in_the_charts_of_all_pages(browser: Browser) -> None:
    recorder = FakeRecorder()
    recorder.describe(recorder.now.about, ["stimulus on", "stimulus off"])
    recorder.start()
    faces = [make_track(number, (100 * number, 10, 100 * number + 90, 100)) for number in (1, 2)]
    chart = ".card:last-child .minute"
    with (
        fake_live_page(*faces, recorder=recorder) as url,
        opened(browser, url) as page,
        opened(browser, url) as other,
    ):
        expect(other.locator(".card")).to_have_count(2)
        wait_for_lines(other, chart, 0)
        page.get_by_role("button", name="stimulus on 1").click()
        for one in (page, other):
            wait_for_lines(one, chart, 1, upto=0.97)
        other.keyboard.press("2")
        mark(url, "from a program", time.time() - 30)
        for one in (page, other):
            places = wait_for_lines(one, chart, 3)
            assert places[0] == pytest.approx(0.5, abs=0.1)  # by the program's clock
            assert 0.8 < places[1] < places[2] <= 1
            wait_for_lines(one, "#bands", 3)
            for canvas in (chart, "#bands"):
                said = re.compile("Marked: “from a program” 3. s ago, “stimulus on” .* “stimulus off” . s ago")
                expect(one.locator(canvas)).to_have_accessible_name(said)
