"""The site in real Chromium, with the demo as its camera."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from streaming.sender import SenderWaits
from tests.fakes.browser import DEMO, PATIENCE_MS, WIDTH, follow, show_as
from tests.fakes.camera import FRAME, FakeCamera, FakeCrowd
from tests.fakes.images import make_track, picture_of, plain_image
from tests.fakes.server import Server, running_demo, serving
from tests.fakes.site import make_fake_site
from tests.fakes.waiting import until
from vision.colours import bgr
from vision.emotions import DETAILS, EMOTIONS
from vision.jpeg import encode_jpeg
from vision.overlay import RIM_COLOUR
from vision.tracker import Track

pytestmark = pytest.mark.browser

PICTURE_HASH = """() => {
  const canvas = document.createElement("canvas");
  canvas.width = 64; canvas.height = 48;
  const pen = canvas.getContext("2d");
  pen.drawImage(document.getElementById("stream"), 0, 0, 64, 48);
  return pen.getImageData(0, 0, 64, 48).data.join("");
}"""


MIDDLE = """() => {
  const stream = document.getElementById("stream");
  if (!stream || !stream.naturalWidth) return -1;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d");
  pen.drawImage(stream, 0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data[0];
}"""


@pytest.fixture(scope="module")
def one_page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(bypass_csp=True)  # or Playwright's own wait_for_function is forbidden
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.close()


@pytest.fixture
def page(one_page: Page) -> Iterator[Page]:
    """A page that tests use one after the other, and that shows no stream beside the tests that do not."""
    yield one_page
    one_page.goto("about:blank")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One program for all tests that leave it as it was, with an empty history."""
    with running_demo(tmp_path_factory.mktemp("demo")) as server:
        yield server


def wait_for_new_picture(page: Page) -> None:
    """Wait until the stream has a picture, and then another one."""
    page.wait_for_function("document.getElementById('stream')?.naturalWidth === 640")
    before = page.evaluate(PICTURE_HASH)
    page.wait_for_function(f"before => ({PICTURE_HASH})() !== before", arg=before)


def test_the_picture_appears_and_changes_and_the_page_names_the_source(
    page: Page, start_server: Callable[..., Server]
) -> None:
    server = start_server("--source", "auto")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.url, wait_until="domcontentloaded")
    wait_for_new_picture(page)
    expect(page.locator("#headline")).to_have_text(DEMO)
    expect(page.locator("#demo")).to_contain_text("so this is the demo")
    expect(page.locator("#figures")).to_contain_text("fps")
    assert errors == []


def test_the_pages_do_nothing_that_their_own_policy_forbids(browser: Browser, demo: Server) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(demo.url, wait_until="domcontentloaded")
    expect(page.locator("#headline")).to_have_text(DEMO)
    page.goto(f"{demo.url}/samples/happy", wait_until="load")
    tone = "getComputedStyle(document.querySelector('.toned')).getPropertyValue('--tone')"
    assert page.evaluate(tone) == DETAILS["happy"].colour
    page.close()
    assert complaints == []


def test_a_sample_link_opens_its_gallery(page: Page, demo: Server) -> None:
    page.goto(demo.url, wait_until="domcontentloaded")
    follow(page, page.get_by_role("link", name="surprised", exact=True))
    expect(page.get_by_role("heading", name="surprise")).to_be_visible()
    pictures = page.locator(".gallery img")
    expect(pictures).to_have_count(6)
    page.wait_for_function("[...document.querySelectorAll('.gallery img')].every(i => i.naturalWidth === 320)")


def test_the_page_reconnects_by_itself_when_the_server_comes_back(
    browser: Browser, start_server: Callable[..., Server]
) -> None:
    flags = ("--source", "demo")
    server = start_server(*flags)
    page, screen = (browser.new_page(bypass_csp=True) for _ in range(2))
    for one, path in ((page, "/"), (screen, "/?screen")):
        one.set_default_timeout(PATIENCE_MS)
        one.goto(server.url + path, wait_until="domcontentloaded")
        wait_for_new_picture(one)
        one.clock.install()
    expect(screen.locator("#headline")).to_be_hidden()
    server.stop()
    for one in (page, screen):
        expect(one.get_by_text("does not answer")).to_be_visible()
    start_server(*flags, "--port", str(server.port))
    for one in (page, screen):
        one.clock.fast_forward(15_000)  # its longest pause
        expect(one.locator("#headline")).to_have_text(DEMO)
        wait_for_new_picture(one)
    expect(screen.locator("#headline")).to_be_hidden()  # nothing is wrong any more
    expect(screen.locator(".captions li").first).to_be_visible()
    for one in (page, screen):
        one.close()


def test_a_hidden_page_frees_its_stream_and_takes_it_again_when_shown(page: Page, demo: Server) -> None:
    page.goto(demo.url, wait_until="domcontentloaded")
    wait_for_new_picture(page)
    show_as(page, hidden=True)
    until(lambda: viewers(demo) == 0)
    show_as(page, hidden=False)
    wait_for_new_picture(page)
    until(lambda: viewers(demo) == 1)


def viewers(server: Server) -> int:
    count: int = json.loads(server.get("/state"))["viewers"]
    return count


def resets(server: Server) -> int:
    count: int = json.loads(server.get("/view"))["resets"]
    return count


def test_chromium_shows_a_picture_before_the_next_one_is_sent(page: Page) -> None:
    crowd = FakeCrowd(waits=SenderWaits(repeat_s=60.0))
    site = make_fake_site(crowd)
    with serving(site) as server, closing(crowd):
        for level in (40, 200):  # the feed stands still after each
            crowd.feed.put(picture_of(level, encode_jpeg(plain_image(level, 480, 640), 90)))
            if level == 40:
                page.goto(f"http://127.0.0.1:{server.port}", wait_until="domcontentloaded")
            page.wait_for_function(f"Math.abs(({MIDDLE})() - {level}) < 5", polling=50)
        page.goto("about:blank")


def test_nothing_sticks_out_on_a_phone(page: Page, demo: Server) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(demo.url, wait_until="domcontentloaded")  # its stream never ends, and so neither its loading
    wait_for_new_picture(page)
    assert page.evaluate(WIDTH) <= 360
    for path in ("/samples/happy", "/samples/nothing"):
        page.goto(demo.url + path)
        assert page.evaluate(WIDTH) <= 360, path


@pytest.fixture
def staged() -> Iterator[tuple[str, Callable[..., None]]]:
    """The address of a live page, and a function that has its camera see faces."""
    crowd, camera = FakeCrowd(), FakeCamera()

    def see(*tracks: Track) -> None:
        camera.now = replace(camera.now, newest=replace(FRAME, tracks=list(tracks)))
        crowd.feed.put(picture_of(1, encode_jpeg(plain_image(90, 480, 640), 80)))

    with serving(make_fake_site(crowd, camera=camera)) as server, closing(crowd):
        yield f"http://127.0.0.1:{server.port}", see


def test_each_face_has_a_card_with_its_bars_in_one_order_and_its_last_minute(
    browser: Browser, staged: tuple[str, Callable[..., None]]
) -> None:
    url, see = staged
    page = browser.new_page(bypass_csp=True, viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE_MS)
    see(make_track(1, (10, 20, 110, 120)))
    page.goto(url, wait_until="domcontentloaded")
    card = page.locator(".card").first
    adjectives = [details.adjective for details in DETAILS.values()]
    expect(card.get_by_role("listitem")).to_have_count(len(DETAILS))
    expect(page.locator("#announcer")).to_contain_text(": ")
    expect(page.locator("#nobody")).to_be_hidden()
    rows = """() => [...document.querySelectorAll(".card:not(.gone)")].map((card) => {
      const rows = [...card.querySelectorAll("[data-emotion]")];
      rows.sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top);
      return {
        names: rows.map((row) => row.querySelector("b").textContent),
        shares: rows.map((row) => parseFloat(row.lastElementChild.textContent)),
        leads: rows.filter((row) => row.matches(".leads")).map((row) => row.querySelector("b").textContent),
        says: card.querySelector(".says").textContent,
      };
    })"""
    for emotion, sure in (*((name, True) for name in EMOTIONS), ("happy", False)):
        see(make_track(1, (10, 20, 110, 120), emotion, sure), make_track(2, (210, 20, 310, 120)))
        said = DETAILS[emotion].adjective if sure else "unsure"
        expect(card.get_by_role("heading")).to_contain_text(said)
        first, second = page.evaluate(rows)
        for seen in (first, second):
            assert seen["names"] == adjectives  # no row ever slides over another
            assert sum(seen["shares"]) == pytest.approx(100, abs=4)
        assert (first["says"], first["leads"]) == (said, [said] if sure else [])
        assert (second["says"], second["leads"]) == ("happy", ["happy"])
    painted = (
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)"
    )
    page.wait_for_function(f"({painted})(document.querySelector('.card .minute'))")
    expect(card.locator(".minute")).to_have_attribute("aria-label", re.compile("The last minute: .*%"))
    page.close()


def test_the_count_agrees_with_the_cards_and_numbers_stand_where_there_are_several(
    browser: Browser, staged: tuple[str, Callable[..., None]]
) -> None:
    url, see = staged
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    tracks = [make_track(number, (200 * number - 190, 20, 200 * number - 90, 120)) for number in (1, 2, 3)]
    both = """() => ({
      cards: document.querySelectorAll(".card").length,
      said: parseInt(document.getElementById("figures").textContent),
      numbers: [...document.querySelectorAll(".number")].filter((number) => number.checkVisibility()).length,
    })"""
    see(tracks[0])
    page.goto(url, wait_until="domcontentloaded")
    for count in (1, 2, 3, 1):
        see(*tracks[:count])
        expect(page.locator("#figures")).to_contain_text("1 face ·" if count == 1 else f"{count} faces ·")
        seen = page.evaluate(both)
        assert seen == {"cards": count, "said": count, "numbers": count if count > 1 else 0}
    page.close()


def test_a_part_of_the_page_that_fails_stops_no_other(browser: Browser, demo: Server) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => document.querySelector('.slider output').remove())"
    )
    page.goto(demo.url, wait_until="domcontentloaded")
    expect(page.locator(".card").first).to_be_visible()
    page.close()
    assert any("null" in complaint for complaint in complaints)


def test_a_switch_changes_the_picture_for_everybody_and_other_pages_show_it(
    browser: Browser, page: Page, demo: Server
) -> None:
    other = browser.new_page()
    other.set_default_timeout(PATIENCE_MS)
    for one in (page, other):
        one.goto(demo.url, wait_until="domcontentloaded")
        expect(one.get_by_role("switch", name="Boxes")).to_be_checked()
    page.get_by_role("switch", name="Heat map").check()
    for one in (page, other):
        one.get_by_text("More", exact=True).click()
    page.get_by_role("slider", name="Smoothing").fill("1.5")
    expect(other.get_by_role("switch", name="Heat map")).to_be_checked()
    expect(other.locator(".slider output")).to_have_text("1.5\u202fs")
    view = json.loads(demo.get("/view"))
    assert (view["heat"], view["boxes"], view["smoothing_s"]) == (True, True, 1.5)
    expect(page.locator("#refusal")).to_be_hidden()
    other.close()
    assert page.request.post(f"{demo.url}/view", data={"heat": False, "smoothing_s": 0.3}).ok  # as it was


def has_count(server: Server) -> bool:
    """Return whether the dark ground of the face count lies bottom left in the newest picture."""
    image = cv2.imdecode(np.frombuffer(server.get("/snapshot.jpg"), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    corner = image[-30:-12, 12:72].astype(int)
    return bool((np.abs(corner - RIM_COLOUR).max(axis=-1) < 16).mean() > 0.4)


def test_the_face_count_and_the_landmarks_are_switches_too(page: Page, demo: Server) -> None:
    page.goto(demo.url, wait_until="domcontentloaded")
    page.get_by_text("More", exact=True).click()
    count, landmarks = (page.get_by_role("switch", name=name) for name in ("Face count", "Landmarks"))
    expect(count).to_be_checked()
    expect(landmarks).not_to_be_checked()
    until(lambda: has_count(demo))
    count.uncheck()
    until(lambda: not has_count(demo))
    landmarks.check()
    until(lambda: json.loads(demo.get("/view"))["landmarks"])
    assert json.loads(demo.get("/view"))["count"] is False

    def marked_faces() -> list[object]:
        return [face for face in json.loads(demo.get("/state"))["faces"] if face["landmarks"]]

    until(lambda: bool(marked_faces()))
    assert page.request.post(f"{demo.url}/view", data={"count": True, "landmarks": False}).ok  # as it was


def test_a_key_does_what_its_button_does(page: Page, demo: Server) -> None:
    page.goto(demo.url, wait_until="domcontentloaded")
    wait_for_new_picture(page)
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement?.id === 'screen'")
    page.keyboard.press("f")
    page.wait_for_function("!document.fullscreenElement")
    with page.expect_download() as saved:
        page.keyboard.press("s")
    assert re.fullmatch(r"faces-[\d-]+T[\d-]+\.jpg", saved.value.suggested_filename)
    assert saved.value.path().read_bytes().startswith(b"\xff\xd8")
    before = resets(demo)
    page.keyboard.press("Control+r")  # the browser's own, and no reset
    wait_for_new_picture(page)
    assert resets(demo) == before


def test_a_paused_page_keeps_its_picture_and_frees_its_streams(page: Page, demo: Server) -> None:
    page.goto(demo.url, wait_until="domcontentloaded")
    wait_for_new_picture(page)
    page.keyboard.press("p")
    expect(page.locator("#headline")).to_have_text("Paused")
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")
    until(lambda: viewers(demo) == 0)
    drawn = "document.getElementById('still').getContext('2d').getImageData(320, 240, 1, 1).data[3] === 255"
    assert page.evaluate(drawn)
    with page.expect_download() as saved:
        page.keyboard.press("s")
    assert saved.value.path().read_bytes().startswith(b"\xff\xd8")
    page.keyboard.press("p")
    expect(page.locator("#headline")).to_have_text(DEMO)
    wait_for_new_picture(page)


def test_where_visitors_may_not_change_the_picture_its_controls_are_not_there(
    page: Page, start_server: Callable[..., Server]
) -> None:
    flags = ("--source", "demo", "--blur", "--controls", "nobody")
    server = start_server(*flags)
    page.goto(server.url, wait_until="domcontentloaded")
    expect(page.locator("#headline")).to_have_text(DEMO)
    expect(page.locator("#controls").get_by_role("switch")).to_have_count(0)
    expect(page.get_by_role("button", name="Reset")).to_have_count(0)
    expect(page.locator("#cards .card").first).to_be_visible()  # and the page misses nothing


def test_a_session_is_recorded_seen_looked_at_and_deleted(browser: Browser, demo: Server) -> None:
    page, other = browser.new_page(), browser.new_page()
    complaints: list[str] = []
    for either in (page, other):
        either.set_default_timeout(PATIENCE_MS)
        either.on("console", lambda message: complaints.append(message.text))
        either.goto(demo.url, wait_until="domcontentloaded")
        expect(either.locator("#recording-notice")).to_be_hidden()
        expect(either.locator("#figures")).to_contain_text("fps")  # the page's script is there
    page.evaluate("document.getElementById('stream').kept = true")

    page.get_by_role("button", name="Record").click()
    for either in (page, other):
        expect(either.locator("#recording-notice")).to_contain_text("This session is being recorded")
        expect(either.locator("#recording-notice")).to_be_visible()
    until(lambda: sightings(demo) > 10)
    stop = page.get_by_role("button", name="Stop recording")
    page.route("**/recording", lambda route: route.fulfill(status=500))
    stop.press("Enter")
    expect(page.locator("#recording-problem")).to_have_text("The server did not accept that; try again.")
    written = sightings(demo)
    until(lambda: sightings(demo) > written + 10)
    expect(page.locator("#recording-problem")).to_be_visible()  # and not only until the next event
    page.unroute("**/recording")
    complaints.clear()
    page.keyboard.press("Enter")  # the focus is where it was
    for either in (page, other):
        expect(either.locator("#recording-notice")).to_be_hidden()
    assert page.evaluate("document.getElementById('stream').kept")  # the picture was not given up for it
    other.close()

    follow(page, page.get_by_role("link", name="Recordings"))
    follow(page, page.locator(".sessions a"))
    expect(page.get_by_role("img", name="Mean probability of each emotion")).to_be_visible()
    page.wait_for_load_state()
    assert page.evaluate("document.querySelector('.stack path').getBoundingClientRect().height") > 50
    assert page.evaluate(
        "getComputedStyle(document.querySelector('.stack .tone-happy')).fill"
    ) == "rgb({2}, {1}, {0})".format(*bgr(DETAILS["happy"].colour))
    expect(page.locator(".ribbons a").first).to_have_text(re.compile(r"Face \d+"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Table (CSV)").click()
    assert len(Path(download.value.path()).read_text().splitlines()) > 10
    page.set_viewport_size({"width": 360, "height": 740})
    for address in (page.url, f"{demo.url}/history", f"{page.url}/delete"):
        page.goto(address)
        assert page.evaluate(WIDTH) <= 360, address
    follow(page, page.get_by_role("button", name="Delete"))
    expect(page.get_by_text("Nothing has been recorded yet.")).to_be_visible()
    page.close()
    assert complaints == []


def sightings(server: Server) -> int:
    count: int = json.loads(server.get("/state"))["recording"]["sightings"]
    return count


def test_the_picture_recording_and_deleting_work_without_javascript(browser: Browser, demo: Server) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(demo.url, wait_until="domcontentloaded")
    picture = page.get_by_role("img", name="Live camera picture")
    expect(picture).to_have_count(1)
    until(lambda: picture.bounding_box() == page.locator("#screen").bounding_box())  # when its styles have come
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)  # nothing that would do nothing
    follow(page, page.get_by_role("button", name="Record"))
    expect(page.locator("#recording-notice")).to_be_visible()
    follow(page, page.get_by_role("button", name="Stop recording"))
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()
    page.goto(f"{demo.url}/history")
    follow(page, page.get_by_role("link", name="Delete all"))
    follow(page, page.get_by_role("button", name="Delete"))
    expect(page.get_by_text("Nothing has been recorded yet.")).to_be_visible()
    page.close()
