"""What the cards of the live page show beside the seven probabilities; in real Chromium."""

import json
import re
import time
import urllib.request

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.fakes.browser import opened
from tests.fakes.images import make_track
from tests.fakes.recording import FakeRecorder
from tests.fakes.site import fake_live_page
from tests.fakes.waiting import until
from vision.circumplex import valence_arousal
from vision.emotions import DETAILS
from vision.tracker import Track

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


# The middle of what has a colour in a square canvas, as valence and arousal; null: nothing has it.
DOT = """(canvas, colour) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const found = [...Array(width * height).keys()].filter((at) =>
    data[4 * at + 3] > 250 && colour.every((value, part) => Math.abs(data[4 * at + part] - value) < 3));
  if (!found.length) return null;
  const mean = (value) => found.reduce((sum, at) => sum + value(at), 0) / found.length + 0.5;
  const reach = width / 2 - 10; // the dot's whole way, which keeps it in the square
  return [mean((at) => at % width) - width / 2, height / 2 - mean((at) => Math.floor(at / width))]
    .map((px) => px / reach);
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
            assert 0.1 < places[0] < 0.6  # by the program's clock, half a minute before; a busy machine is late
            assert places[0] + 0.2 < places[1] < places[2] <= 1
            wait_for_lines(one, "#bands", 3)
            for canvas in (chart, "#bands"):
                said = re.compile(
                    "Marked: “from a program” [345]. s ago, “stimulus on” .* “stimulus off” .+ s ago"
                )
                expect(one.locator(canvas)).to_have_accessible_name(said)


def test_valence_and_arousal_are_a_dot_that_is_asked_for_and_remembered(browser: Browser) -> None:
    happy, sad = make_track(1, (10, 10, 90, 90), "happy"), make_track(2, (110, 10, 190, 90), "sad")
    with fake_live_page(happy, sad) as url, opened(browser, url) as page:
        square = page.locator(".card .circumplex").first
        expect(page.locator(".card")).to_have_count(2)
        expect(square).to_be_hidden()
        page.get_by_text("More", exact=True).click()
        page.get_by_role("button", name="Valence and arousal").click()
        expect(square).to_be_visible()
        expect(square).to_contain_text("Calculated from the seven probabilities, not measured")
        picture = page.get_by_role("img", name=re.compile(r"^valence 0\.5, arousal 0\.5 .* not measured$"))
        expect(picture).to_have_count(1)
        page.reload(wait_until="domcontentloaded")
        expect(page.locator(".card")).to_have_count(2)
        for card, face in zip(page.locator(".card").all(), (happy, sad), strict=True):
            expect(card.locator(".circumplex")).to_be_visible()
            until(lambda card=card, face=face: dot(card, face) is not None)  # type: ignore[misc]
            assert dot(card, face) == pytest.approx(valence_arousal(face.probs).tolist(), abs=0.05)
        page.goto(f"{url}?screen", wait_until="domcontentloaded")
        room = page.locator(".stage .circumplex")
        expect(room).to_be_visible()
        for face in (happy, sad):
            until(lambda face=face: dot(room, face) is not None)  # type: ignore[misc]
            assert dot(room, face) == pytest.approx(valence_arousal(face.probs).tolist(), abs=0.05)
        expect(room.get_by_role("img")).to_have_accessible_name(
            re.compile("^Face 1: valence .*; Face 2: valence -0")
        )
        page.goto(url, wait_until="domcontentloaded")
        page.get_by_text("More", exact=True).click()
        page.get_by_role("button", name="Valence and arousal").click()
        expect(square).to_be_hidden()
        page.reload(wait_until="domcontentloaded")
        expect(page.locator(".card")).to_have_count(2)
        expect(square).to_be_hidden()


def dot(around: Locator, face: Track) -> list[float] | None:
    """Return the valence and arousal of the dot in the face's colour."""
    colour = [*bytes.fromhex(DETAILS[face.emotion].colour[1:])]
    found: list[float] | None = around.locator("canvas").first.evaluate(DOT, colour)
    return found
