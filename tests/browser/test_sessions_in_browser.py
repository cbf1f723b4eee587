"""Recordings in real Chromium: naming, marking with keys, reading a chart, and choosing a stretch of it."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from recording.about import About
from recording.history import History, Session
from recording.markers import Marker
from recording.recorder import Recorder
from tests.fakes.browser import PATIENCE_MS, WIDTH, arriving, follow
from tests.fakes.camera import FakeCrowd, Watched
from tests.fakes.images import make_track, picture_of, plain_image
from tests.fakes.server import serving
from tests.fakes.site import make_fake_site
from tests.fakes.waiting import until
from vision.jpeg import encode_jpeg
from web.history import history_pages

pytestmark = pytest.mark.browser

START_MS = 1_760_000_000_000
LONG = "x" * 120
PILOT = About("Pilot")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with closing(History(str(tmp_path / "history.sqlite"))) as history:
        yield history


@pytest.fixture
def url(history: History) -> Iterator[str]:
    """The site of a camera that stands still and is really recorded."""
    camera, crowd = Watched(), FakeCrowd()
    crowd.feed.put(picture_of(1, encode_jpeg(plain_image(100, 480, 640), 90)))
    with closing(Recorder(camera, history)) as recorder, closing(crowd):
        site = make_fake_site(crowd, [history_pages(history, recorder)], camera=camera, recorder=recorder)
        with serving(site) as server:
            yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(timezone_id="Europe/Berlin", locale="en-GB")
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Content Security" in line.text else None)
    yield page
    page.close()
    assert errors == []


def write_session(history: History, about: About = PILOT) -> int:
    """Write 100 s of one face, happy for 50 s, away for 10 s, sad then, with a marker; return its number."""
    session = Session(START_MS, about)
    seen = [
        (START_MS + ms, make_track(1, (1, 2, 30, 40), "happy" if ms < 50_000 else "sad"))
        for ms in range(0, 99_500, 500)
        if not 50_000 <= ms < 60_000
    ]
    history.write(session, seen, START_MS + 99_500, "demo", [Marker(1, "film on", START_MS + 25_200, START_MS)])
    return session.session_id or 0


def test_a_recording_is_named_and_marked_with_keys(page: Page, url: str, history: History) -> None:
    page.goto(url, wait_until="domcontentloaded")
    expect(page.locator("#marking-buttons button")).to_have_count(1)  # the page's script is there
    page.get_by_text("Name, tags and markers").click()
    page.get_by_label("Name").fill("Pilot 1")
    page.get_by_label("Tags").fill("P01, film")
    page.get_by_label("Marker labels").fill("on, off")
    page.get_by_label("Note", exact=True).fill("1 2 3")  # which marks nothing
    marking = page.locator("#marking")
    expect(marking).to_be_hidden()
    page.get_by_role("button", name="Record", exact=True).click()
    expect(marking.get_by_role("button")).to_have_text(["on 1", "off 2"])
    page.locator("body").click(position={"x": 5, "y": 5})
    page.keyboard.press("2")
    expect(page.locator("#marking-last")).to_have_text(re.compile("^1: “off” at "))
    page.keyboard.press("1")
    expect(page.locator("#marking-last")).to_have_text(re.compile("^2: “on” at "))
    page.keyboard.press("3")  # has no label
    marking.get_by_role("button", name="on 1").click()
    expect(page.locator("#marking-last")).to_have_text(re.compile("^3: “on” at "))
    page.get_by_label("Name").fill("Pilot 2")  # while it runs
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#about-answer")).to_have_text("Saved.")
    page.get_by_role("button", name="Stop recording").click()
    expect(marking).to_be_hidden()
    until(lambda: len(history.markers(1)) == 3)
    (summary,) = history.sessions(0, 9)
    assert summary.about == About("Pilot 2", "1 2 3", ("P01", "film"))
    assert [marker.label for marker in history.markers(1)] == ["off", "on", "on"]
    page.goto("about:blank")


def test_a_refused_mark_says_why(page: Page, url: str) -> None:
    page.goto(url, wait_until="domcontentloaded")
    page.get_by_role("button", name="Record", exact=True).click()
    button = page.locator("#marking").get_by_role("button")
    expect(button).to_have_text(["mark 1"])
    page.route("**/markers", lambda route: route.fulfill(status=429, json={"error": "Too many."}))
    button.click()
    expect(page.locator("#marking-last")).to_have_text("Too many.")
    page.goto("about:blank")


def test_a_moment_is_read_under_the_pointer_and_with_keys(page: Page, url: str, history: History) -> None:
    number = write_session(history)
    page.goto(f"{url}/history/{number}")
    reading, values = page.locator("#reading"), page.locator("#reading-values li")
    expect(reading).to_be_hidden()
    box = page.locator("svg.stack").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.255, middle)
    expect(page.locator("#reading-when")).to_have_text("10:53:45 (0:25)")
    expect(values.nth(3)).to_have_text("happy 70\u202f%")
    expect(page.locator("#reading-marks")).to_have_text("Markers: film on")
    page.mouse.move(box["x"] + box["width"] * 0.555, middle)
    expect(page.locator("#reading-nobody")).to_be_visible()
    slider = page.get_by_label("Moment")
    slider.focus()
    page.keyboard.press("End")
    expect(values.nth(4)).to_have_text("sad 70\u202f%")
    page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute(
        "aria-valuetext", re.compile(r"^10:54:58 \(1:38\): angry 5 %, disgusted 5 %")
    )
    follow(page, page.get_by_role("link", name="Link to this moment"))
    assert page.url.endswith(f"/history/{number}?at=1760000098#timeline")
    expect(page.locator("#reading-when")).to_have_text("10:54:58 (1:38, this second)")
    expect(values.nth(4)).to_have_text("sad 70\u202f%")


def test_a_stretch_is_chosen_by_dragging_and_with_the_moments_buttons(
    page: Page, url: str, history: History
) -> None:
    number = write_session(history)
    page.goto(f"{url}/history/{number}")
    box = page.locator("svg.stack").bounding_box()
    assert box
    left, width, y = box["x"], box["width"], box["y"] + 20
    page.mouse.move(left + 0.705 * width, y)
    page.mouse.down()
    page.mouse.move(left + 0.405 * width, y, steps=4)  # from right to left
    expect(page.locator("svg.stack .chosen")).to_have_attribute("width", "31")
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator("svg.stack .chosen")).to_have_attribute("width", "0")
    page.mouse.move(left + 0.105 * width, y)
    page.mouse.down()
    page.mouse.move(left + 0.195 * width, y, steps=4)
    with arriving(page):
        page.mouse.up()
    assert page.url.endswith("?from=10&to=20#timeline")
    expect(page.locator("#stretch")).to_contain_text("Only 0:10 to 0:20 of this session, 10 s.")
    with page.expect_download() as download:
        page.get_by_role("link", name="Table (CSV)").click()
    assert len(download.value.path().read_text("utf-8").splitlines()) == 21
    follow(page, page.get_by_role("link", name="The whole session"))
    assert page.url.endswith(f"/history/{number}#timeline")
    slider = page.get_by_label("Moment")
    for key, field in (("Home", "From this moment"), ("ArrowRight", "To this moment")):
        slider.focus()
        page.keyboard.press(key)
        page.get_by_role("button", name=field).click()
    follow(page, page.get_by_role("button", name="Show"))
    expect(page.locator("#stretch")).to_contain_text("Only 0:00 to 0:02 of this session, 2 s.")


def test_each_emotion_is_shown_by_itself(page: Page, url: str, history: History) -> None:
    page.goto(f"{url}/history/{write_session(history)}")
    expect(page.locator(".chart .each")).to_be_hidden()
    page.get_by_label("Separate").check()
    expect(page.locator(".chart .stack")).to_be_hidden()
    expect(page.locator(".chart .each svg")).to_have_count(7)
    box = page.locator(".each svg").nth(3).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.255, box["y"] + 5)
    expect(page.locator("#reading-when")).to_have_text("10:53:45 (0:25)")


def test_a_stretch_is_chosen_without_javascript(browser: Browser, url: str, history: History) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{url}/history/{write_session(history)}")
    page.get_by_label("from").fill("0:30")
    page.get_by_label("to", exact=True).fill("45")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#stretch")).to_contain_text("Only 0:30 to 0:45 of this session, 15 s.")
    page.close()


def test_long_words_make_no_page_scroll_sideways(page: Page, url: str, history: History) -> None:
    number = write_session(history, About(LONG, LONG, (LONG[:60], "P01")))
    write_session(history, About("other part"))
    with history.database.begin() as connection:  # the other part begins behind the first
        for column in ("started_ms", "ended_ms"):
            connection.exec_driver_sql(f"UPDATE sessions SET {column} = {column} + 200000 WHERE id = 2")
    page.set_viewport_size({"width": 320, "height": 700})
    for path in ("/history?q=x", f"/history/{number}?at=25&from=10&to=40", f"/history/{number}/merge"):
        page.goto(url + path)
        for details in page.locator("details > summary").all():
            details.click()
        assert page.evaluate(WIDTH) <= 320, path
    page.goto(url, wait_until="domcontentloaded")
    expect(page.locator("#marking-buttons button")).to_have_count(1)  # the page's script is there
    page.get_by_text("Name, tags and markers").click()
    page.get_by_label("Marker labels").fill(f"{LONG[:100]}, off")
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator("#marking button")).to_have_count(2)
    assert page.evaluate(WIDTH) <= 320
    page.goto("about:blank")
