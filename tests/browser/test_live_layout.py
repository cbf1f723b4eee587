"""How the live page looks and is used: sizes, keyboard, screen mode, the room bar; in real Chromium."""

import re
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes.browser import DEMO, PATIENCE_MS, WIDTH, axe, follow, opened
from tests.fakes.images import make_track
from tests.fakes.recording import FakeRecorder
from tests.fakes.server import Server
from tests.fakes.site import fake_live_page
from tests.fakes.waiting import until
from vision.overlay import RIM_COLOUR

pytestmark = pytest.mark.browser

LAPTOPS = ((1280, 720), (1366, 768), (1440, 900))


@pytest.fixture(scope="module")
def demo() -> Iterator[Server]:
    """One program for all tests that leave it as it was."""
    server = Server("--source", "demo").wait_until_ready()
    yield server
    server.stop()


def bottom(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box, selector
    return box["y"] + box["height"]


@pytest.mark.parametrize("size", LAPTOPS, ids=str)
def test_on_a_laptop_the_picture_its_tools_and_its_sentence_are_visible_together(
    browser: Browser, demo: Server, size: tuple[int, int]
) -> None:
    with opened(browser, demo.url, *size) as page:
        expect(page.locator("#headline")).to_have_text(DEMO)
        expect(page.locator(".card").first).to_be_visible()
        stage = page.locator("#screen").bounding_box()
        assert stage
        assert stage["height"] > 0.7 * size[1]  # large
        assert stage["width"] / stage["height"] == pytest.approx(4 / 3, abs=0.01)
        tops = page.locator(".tools > .group > *").evaluate_all(
            "tools => tools.map((tool) => tool.getBoundingClientRect().top)"
        )
        assert max(tops) - min(tops) < 12  # one row
        for part in ("#screen", ".tools", "#headline", "#figures"):
            assert bottom(page, part) <= size[1], part
        card = page.locator(".card").first.bounding_box()
        assert card
        assert card["x"] >= stage["x"] + stage["width"]
        assert card["y"] < stage["y"] + 60


def test_the_stage_has_the_pictures_own_aspect(browser: Browser) -> None:
    with fake_live_page(width_px=640, height_px=360) as url, opened(browser, url, 1366, 768) as page:
        page.wait_for_function(
            """() => {
              const { width, height } = document.getElementById("screen").getBoundingClientRect();
              return Math.abs(width / height - 16 / 9) < 0.01;
            }"""
        )
        assert bottom(page, ".tools") <= 768


def test_on_a_phone_the_first_card_lies_under_the_picture_and_before_the_tools(
    browser: Browser, demo: Server
) -> None:
    with opened(browser, demo.url, 390, 844) as page:
        expect(page.locator(".card").first).to_be_visible()
        card = page.locator(".card").first.bounding_box()
        tools = page.locator(".tools").bounding_box()
        assert card
        assert tools
        assert 0 < card["y"] - bottom(page, "#screen") < 40
        assert card["y"] + card["height"] <= 844
        assert tools["y"] >= card["y"] + card["height"]
        assert page.evaluate(WIDTH) <= 390


def test_on_a_phone_the_tools_come_before_all_that_takes_its_time(browser: Browser) -> None:
    faces = [make_track(number, (100 * number, 10, 100 * number + 90, 100)) for number in (1, 2)]
    with fake_live_page(*faces, recorder=FakeRecorder()) as url, opened(browser, url, 390, 844) as page:
        expect(page.locator("#room")).to_be_visible()
        tools = page.locator(".tools").bounding_box()
        assert tools
        assert 0 < tools["y"] - bottom(page, ".cards") < 40
        assert bottom(page, ".tools") <= 844
        for later in ("#room", "#about-recording"):
            box = page.locator(later).bounding_box()
            assert box
            assert box["y"] > bottom(page, ".status"), later


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)], ids=str)
def test_the_note_over_the_demo_leaves_the_count_of_faces_free(
    browser: Browser, demo: Server, size: tuple[int, int]
) -> None:
    with opened(browser, demo.url, *size) as page:
        expect(page.locator("#headline")).to_have_text(DEMO)
        until(lambda: count_top(demo) is not None)
        stage, top = page.locator("#screen").bounding_box(), count_top(demo)
        assert stage
        assert top
        assert bottom(page, "#demo") <= stage["y"] + top * stage["height"] + 1


def count_top(server: Server) -> float | None:
    """Return where the dark ground of the face count begins bottom left, as a share of the picture's height."""
    image = cv2.imdecode(np.frombuffer(server.get("/snapshot.jpg"), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    is_dark = np.abs(image[:, 12:60].astype(int) - RIM_COLOUR).max(axis=-1) < 16
    dark = is_dark.mean(axis=1) > 0.3
    rows = np.flatnonzero(dark[-60:])
    return float((len(dark) - 60 + rows[0]) / len(dark)) if len(rows) else None


def test_nothing_sticks_out_at_320_px(browser: Browser, demo: Server) -> None:
    with opened(browser, demo.url, 320, 640) as page:
        expect(page.locator(".card").first).to_be_visible()
        assert page.evaluate(WIDTH) <= 320
        page.get_by_text("More", exact=True).click()
        assert page.evaluate(WIDTH) <= 320
        page.get_by_role("button", name="Valence and arousal").click()
        expect(page.locator(".card .circumplex").first).to_be_visible()
        assert page.evaluate(WIDTH) <= 320
        page.get_by_role("button", name="For developers").click()
        expect(page.get_by_role("dialog", name="For developers")).to_be_visible()
        assert page.evaluate(WIDTH) <= 320


def test_axe_finds_nothing_in_any_state_of_the_page(browser: Browser, demo: Server) -> None:
    with opened(browser, demo.url) as page:
        expect(page.locator(".card").first).to_be_visible()
        assert axe(page) == []
        page.get_by_text("More", exact=True).click()
        page.get_by_role("button", name="Valence and arousal").click()
        assert axe(page) == []
        page.get_by_role("button", name="For developers").click()
        assert axe(page) == []
        page.keyboard.press("Escape")  # closes the dialog,
        page.keyboard.press("Escape")  # and the panel
        page.get_by_role("button", name="Connect a camera").click()
        assert axe(page) == []
        page.keyboard.press("Escape")
        page.keyboard.press("p")
        assert axe(page) == []
        for more in ("&cards", "&circumplex"):
            page.goto(f"{demo.url}/?screen{more}", wait_until="domcontentloaded")
            expect(page.locator(".captions li").first).to_be_visible()
            assert axe(page) == []


def focus(page: Page, name: str, key: str = "Tab") -> None:
    """Press a key until the element that has that name has the focus."""
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate("document.activeElement.innerText?.trim() ?? ''") == name:
            return
    pytest.fail(f"{key} does not lead to {name!r}")


def test_everything_is_reached_by_keyboard(browser: Browser, demo: Server) -> None:
    with opened(browser, demo.url) as page:
        expect(page.locator("#headline")).to_have_text(DEMO)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        for name in ("Use my camera", "Try a picture", "Pause", "Snapshot", "Record", "Boxes"):
            focus(page, name)
        focus(page, "Bars")
        bars = page.get_by_role("switch", name="Bars")
        page.keyboard.press("Space")
        expect(bars).to_be_checked()
        page.keyboard.press("Space")
        expect(bars).not_to_be_checked()
        focus(page, "More")
        page.keyboard.press("Enter")
        focus(page, "For developers")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="For developers")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="For developers")).to_be_hidden()
        page.keyboard.press("Escape")
        expect(page.locator(".more-tools[open]")).to_have_count(0)
        assert page.evaluate("document.activeElement.innerText.trim()") == "More"


def test_from_the_demo_to_ones_own_face_is_one_click(browser: Browser, demo: Server) -> None:
    with opened(browser, demo.url) as page:
        page.get_by_role("link", name="Use my camera").click()
        expect(page).to_have_url(re.compile(r"/camera\?start$"))


def test_the_note_over_the_demo_says_how_to_connect_a_camera_and_stays_closed(
    browser: Browser, demo: Server
) -> None:
    with opened(browser, demo.url) as page:
        note = page.get_by_role("complementary", name="About this picture")
        expect(note).to_contain_text("This is a demo.")
        page.get_by_role("button", name="Connect a camera").click()
        expect(page.get_by_role("dialog", name="Connect a camera")).to_contain_text("python main.py --source 0")
        page.keyboard.press("Escape")
        note.get_by_role("button", name="Close this note").click()
        expect(note).to_be_hidden()
        page.reload(wait_until="domcontentloaded")
        expect(page.locator("#headline")).to_have_text(DEMO)
        expect(note).to_be_hidden()
    with fake_live_page() as url, opened(browser, url) as page:  # camera 0
        expect(page.locator("#headline")).to_have_text("This is camera 0 of the computer that runs this site.")
        expect(page.locator("#demo")).to_be_hidden()


def test_developers_find_every_address_and_the_newest_event(browser: Browser, demo: Server) -> None:
    with opened(browser, demo.url) as page:
        page.get_by_text("More", exact=True).click()
        page.get_by_role("button", name="For developers").click()
        for path in ("/video_feed", "/events", "/state", "/snapshot.jpg"):
            expect(page.locator("#developers").get_by_text(demo.url + path, exact=True)).to_be_visible()
        expect(page.locator("#json")).to_contain_text('"source": "demo"')
        page.locator("#developers").get_by_role("button", name="Copy").first.click()
        expect(page.locator("#developers button").first).to_have_text(re.compile("Copied|Selected"))


def test_a_card_explains_its_face(browser: Browser, demo: Server) -> None:
    with opened(browser, demo.url) as page:

        def is_explained() -> bool:
            follow(page, page.locator(".card .explain").first)
            assert re.search(r"/explain/live/\d+$", page.url)
            if page.get_by_role("heading", name="Most likely").is_visible():
                return True
            expect(page.get_by_role("alert")).to_contain_text("This face is no longer in the picture")
            page.goto(demo.url, wait_until="domcontentloaded")
            return False

        until(is_explained)


def test_who_is_about_to_ask_for_an_explanation_waits_less_and_is_told(browser: Browser, demo: Server) -> None:
    with opened(browser, demo.url) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
        warm_up = f"HEAD {demo.url}/explain"
        link = page.locator(".card .explain").first
        link.hover()
        until(lambda: page.evaluate("true") and warm_up in asked)
        page.mouse.move(0, 0)
        link.hover()
        page.evaluate("addEventListener('click', (event) => event.preventDefault())")  # as if nothing came
        page.clock.install(time=0)
        page.clock.pause_at(1)
        link.click()
        expect(page.locator("#working")).to_have_text("Looking closely …")
        assert asked.count(warm_up) == 1  # it goes on being loaded
        page.clock.fast_forward(3000)
        expect(page.locator("#working")).to_contain_text("the first one takes some seconds")


def test_screen_mode_shows_the_picture_alone_with_large_words(browser: Browser, demo: Server) -> None:
    with opened(browser, demo.url, 1920, 1080) as page:
        expect(page.locator("#headline")).to_have_text(DEMO)
        page.clock.install()
        page.keyboard.press("m")
        expect(page).to_have_url(re.compile(r"\?screen$"))
        caption = page.locator(".captions li").first
        expect(caption).to_be_visible()
        text = caption.locator("b").evaluate("words => words.getBoundingClientRect().height")
        assert text > 40
        for hidden in ("header", "footer", ".tools", ".cards", "#headline"):
            expect(page.locator(hidden)).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollHeight") <= 1080
        leave = page.get_by_role("button", name="Leave screen mode")
        expect(leave).to_be_visible()
        page.clock.fast_forward(3000)
        expect(leave).to_be_hidden()  # with the pointer
        assert page.evaluate("getComputedStyle(document.body).cursor") == "none"
        page.mouse.move(300, 300)
        expect(leave).to_be_visible()
        leave.click()
        expect(page.locator("header")).to_be_visible()
        assert "screen" not in page.url
    with opened(browser, f"{demo.url}/?screen&cards&room=0", 1920, 1080) as page:
        expect(page.locator(".card").first).to_be_visible()
        expect(page.locator("#room")).to_be_hidden()
        page.keyboard.press("Escape")
        expect(page.locator("header")).to_be_visible()


def test_screen_mode_asks_to_step_closer_when_nobody_is_there(browser: Browser) -> None:
    with fake_live_page() as url, opened(browser, f"{url}?screen") as page:
        expect(page.locator(".captions li")).to_have_count(0)
        page.clock.install()
        page.clock.fast_forward(4000)
        expect(page.get_by_text("Step closer")).to_be_visible()
    with fake_live_page(make_track(1, (10, 10, 90, 90))) as url, opened(browser, f"{url}?screen") as page:
        expect(page.locator(".captions")).to_contain_text("happy")
        expect(page.get_by_text("Step closer")).to_be_hidden()


def test_in_screen_mode_a_narrow_picture_goes_on_dim_beside_itself(browser: Browser) -> None:
    face = make_track(1, (100, 10, 190, 100))
    with fake_live_page(face) as url, opened(browser, url) as page:  # a gray picture of 4:3
        backdrop = page.locator(".backdrop")
        expect(backdrop).to_be_hidden()
        page.goto(f"{url}?screen", wait_until="domcontentloaded")
        expect(backdrop).to_be_visible()
        pixel = "canvas => [...canvas.getContext('2d').getImageData(1, 9, 1, 1).data]"
        until(lambda: backdrop.evaluate(pixel) == pytest.approx([90, 90, 90, 255], abs=4))
        assert backdrop.bounding_box() == page.locator("#screen").bounding_box()
        side = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
        assert side is not None
        assert 30 < side[360, 20].mean() < 75  # between black and the picture's gray


def test_the_room_bar_shows_each_emotions_share_in_all_faces(browser: Browser) -> None:
    faces = [make_track(number, (100 * number, 10, 100 * number + 90, 100), "happy") for number in (1, 2)]
    faces.append(make_track(3, (310, 10, 400, 100), "angry"))
    with fake_live_page(*faces) as url, opened(browser, url) as page:
        expect(page.locator("#room")).to_be_visible()
        happy, angry = (page.locator(f"#room .tone-{name}") for name in ("happy", "angry"))
        expect(happy.locator("span")).to_have_text("48%")  # two of 0.7 and one of 0.05, of three
        expect(angry.locator("span")).to_have_text("27%")
        grown = page.locator("#room [data-emotion]").evaluate_all(
            "shares => shares.map((share) => +share.style.getPropertyValue('--grow'))"
        )
        assert sum(grown) == pytest.approx(1, abs=0.01)
        expect(page.locator("#room .room-bar")).to_have_css("column-gap", "2px")  # a line, not a share
        expect(page.locator("#bands")).to_have_attribute("aria-label", re.compile("happy 48%"))
    with fake_live_page(faces[0]) as url, opened(browser, url) as page:
        expect(page.locator(".card")).to_have_count(1)
        expect(page.locator("#room")).to_be_hidden()  # the card says it already


def test_without_javascript_there_are_the_picture_and_a_sentence(browser: Browser) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.set_default_timeout(PATIENCE_MS)
    with fake_live_page() as url:
        page.goto(url, wait_until="domcontentloaded")
        sentence = page.locator("noscript p").first
        expect(sentence).to_have_text("This is camera 0 of the computer that runs this site.")
        expect(sentence).to_be_visible()
        expect(page.locator("noscript img")).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(0)  # nothing that would do nothing
        page.close()
