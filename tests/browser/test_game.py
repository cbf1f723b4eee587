"""The game “Show me …” in real Chromium, whose camera shows sample faces."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect

from tests.fakes.browser import PATIENCE_MS, WIDTH, axe
from tests.fakes.films import LEFT, SIDE, TOP, give_camera, sample, scene
from tests.fakes.images import make_track
from tests.fakes.server import Server
from tests.fakes.waiting import until
from vision.emotions import DETAILS
from vision.faces import face_json

pytestmark = pytest.mark.browser

ORDER = ("happy", "surprise", "angry", "sad", "disgust", "fear", "neutral")
FACE = (LEFT + 60, TOP, LEFT + SIDE + 20, TOP + 240)  # box of the film's face, as the server would see it
ADJECTIVES = [DETAILS[emotion].adjective for emotion in ORDER]
# Take so many ms of a round, one answer every 100 ms, with that probability of the emotion.
PLAY = """async ([emotion, ...parts]) => {
  const { Round } = await import("/static/js/rounds.js");
  const round = new Round(emotion, 0);
  let now = 0;
  let done = false;
  for (const [ms, prob] of parts)
    for (let probs = prob === null ? null : { [emotion]: prob }, end = now + ms; now < end; )
      done = round.hear(probs, (now += 100));
  return [round.held, done];
}"""
# Have the camera show what the page asks for.
SHOW_WHAT_IS_WANTED = """addEventListener("DOMContentLoaded", () => {
  const wanted = document.getElementById("wanted");
  new MutationObserver(() => show(wanted.textContent)).observe(wanted, { childList: true });
});"""


def hurry_until_visible(page: Page, part: Locator) -> None:
    """Wait for a part of the page, whose time runs fast while a face is held or cheered."""

    def is_visible() -> bool:
        if page.locator("#hold").get_attribute("aria-valuenow") != "0":
            page.clock.fast_forward(400)
        return part.is_visible()

    until(is_visible)


class Player:
    """A visitor who shows one emotion at a time, as the server would see it; of two faces, the larger one."""

    def __init__(self, page: Page) -> None:
        self.shows: str | None = None
        self._page = page
        page.clock.install()
        page.route_web_socket("**/camera/socket", self._route)

    def _route(self, line: WebSocketRoute) -> None:
        line.on_message(lambda message: self._hear(line, message))

    def _hear(self, line: WebSocketRoute, message: str | bytes) -> None:
        if isinstance(message, str):
            return
        faces: list[dict[str, Any]] = []
        if self.shows:
            friend = make_track(1, (10, 10, 90, 90), "neutral" if self.shows != "neutral" else "happy")
            faces = [face_json(track) for track in (friend, make_track(2, FACE, self.shows))]
        line.send(json.dumps({"width": 640, "height": 480, "faces": faces}))

    def play(self, emotion: str) -> None:
        """Show what is asked for until there is a photo of it."""
        expect(self._page.locator("#wanted")).to_have_text(DETAILS[emotion].adjective)
        self.shows = emotion
        hurry_until_visible(self._page, self._page.locator(f"#photos [data-emotion={emotion}] canvas"))

    def wait_for_the_next(self) -> None:
        """Let the time of the cheer pass."""
        self._page.clock.fast_forward(1300)


def begin(page: Page, cameras_url: str) -> Player:
    player = Player(page)
    page.goto(f"{cameras_url}/game")
    page.get_by_role("button", name="Play").click()
    return player


def test_whoever_shows_all_seven_to_the_camera_gets_the_strip(
    page: Page, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    scenes = [scene(sample(emotion, SIDE), (LEFT, TOP)) for emotion in ORDER]
    give_camera(page, dict(zip(ADJECTIVES, scenes, strict=True)))
    page.add_init_script(SHOW_WHAT_IS_WANTED)
    page.clock.install()
    server = start_server("--source", "demo")
    page.goto(f"{server.url}/game")
    expect(page.locator("#poster")).to_contain_text("Nothing is stored")
    page.get_by_role("button", name="Play").click()
    hurry_until_visible(page, page.locator("#result"))
    expect(page.locator("#result")).to_contain_text("All seven, in ")
    label = page.locator("#strip").get_attribute("aria-label")
    assert label is not None
    assert all(f"{adjective} " in label for adjective in ADJECTIVES)
    assert page.evaluate("document.getElementById('video').srcObject") is None  # the camera is free
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the strip").click()
    assert download.value.suggested_filename.startswith("my-seven-faces-")
    download.value.save_as(tmp_path / "strip.png")
    strip = cv2.imread(str(tmp_path / "strip.png"))
    assert strip is not None
    assert strip.shape[1] > strip.shape[0] > 900
    assert complaints == []


def test_each_emotion_is_asked_for_with_a_hint_and_a_skipped_one_has_no_photo(
    page: Page, cameras_url: str
) -> None:
    player = begin(page, cameras_url)
    expect(page.locator("#feedback")).to_have_text("Where are you? Step into the picture.")
    for number, emotion in enumerate(ORDER):
        expect(page.locator("#hint")).to_have_text(DETAILS[emotion].description)
        expect(page.locator("#announcer")).to_contain_text(f"Show me {DETAILS[emotion].adjective}.")
        if number < 2:
            player.play(emotion)
            player.wait_for_the_next()
        else:
            player.shows = None
            page.get_by_role("button", name="Skip this one").click()
    expect(page.locator("#result")).to_contain_text("2 of 7 faces, in ")
    expect(page.locator("#result")).to_be_focused()
    skipped = [f"{adjective} skipped" for adjective in ADJECTIVES[2:]]
    expect(page.locator("#strip")).to_have_attribute(
        "aria-label", ", ".join(["Your photo strip: happy 70%", "surprised 70%", *skipped])
    )
    page.get_by_role("button", name="Play again").click()
    expect(page.locator("#wanted")).to_have_text("happy")
    expect(page.locator("#photos canvas")).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Play")).to_be_focused()


def test_a_photo_is_of_the_largest_face_and_mirrored(page: Page, cameras_url: str) -> None:
    player = begin(page, cameras_url)
    player.play("happy")
    photo = "document.querySelector('[data-emotion=happy] canvas').toDataURL('image/png')"
    encoded = str(page.evaluate(photo)).partition(",")[2]
    image = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (400, 400, 3)
    # the film's face reaches over columns 105 to 371 of the mirrored photo; unmirrored it would from 29 on
    assert image[120:280, :70].std() < 4
    assert image[120:280, 130:350].std() > 15


ROUNDS: list[tuple[list[tuple[int, float | None]], float, bool]] = [
    ([(2000, 0.9)], 1.0, True),
    ([(1900, 0.9)], 0.95, False),
    ([(1000, 0.9), (400, 0.0)], 0.4, False),  # it empties at half the speed
    ([(1000, 0.9), (400, None), (1200, 0.9)], 1.0, True),  # a face that was away for a moment
    ([(8000, 0.4)], 0.0, False),  # below what is needed for “happy”, 0.6
    ([(21_000, 0.4)], 1.0, True),  # but after a while less is enough
    ([(60_000, 0.2)], 0.0, False),  # never less than half
]


def test_an_emotion_must_be_held_for_two_seconds_with_some_mercy(page: Page, cameras_url: str) -> None:
    page.goto(f"{cameras_url}/game")
    for parts, held, done in ROUNDS:
        assert page.evaluate(PLAY, ["happy", *parts]) == [pytest.approx(held), done], parts


def test_it_is_played_by_keyboard_alone(page: Page, cameras_url: str) -> None:
    player = Player(page)
    page.goto(f"{cameras_url}/game")
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Skip this one")).to_be_focused()
    player.play("happy")
    player.wait_for_the_next()
    for adjective in ADJECTIVES[1:]:
        expect(page.locator("#wanted")).to_have_text(adjective)
        page.keyboard.press("Enter")
    expect(page.locator("#result")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Play again")).to_be_focused()


def test_with_reduced_motion_nothing_flashes(browser: Browser, cameras_url: str) -> None:
    page = browser.new_page(reduced_motion="reduce")
    page.set_default_timeout(PATIENCE_MS)
    begin(page, cameras_url).play("happy")
    for part in ("#flash", "#photos canvas"):
        assert page.locator(part).first.evaluate("part => getComputedStyle(part).animationName") == "none"
    page.close()


@pytest.mark.parametrize("path", ["/game", "/camera"])
def test_what_happens_to_pictures_is_read_on_a_phone_without_scrolling(
    page: Page, cameras_url: str, path: str
) -> None:
    for width in (320, 360, 390):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"{cameras_url}{path}", wait_until="domcontentloaded")
        expect(page.locator(".promise")).to_contain_text("Nothing is stored")
        shown, needed = page.evaluate("[poster.clientHeight, poster.scrollHeight]")
        assert needed <= shown


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_prompt_bar_and_picture_are_seen_together(page: Page, cameras_url: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    player = begin(page, cameras_url)
    player.play("happy")
    for part in ("#stage", "#wanted", "#hold", "#skip"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 844, part
    assert page.evaluate(WIDTH) <= width
    player.wait_for_the_next()
    for adjective in ADJECTIVES[1:]:
        expect(page.locator("#wanted")).to_have_text(adjective)
        page.get_by_role("button", name="Skip this one").click()
    expect(page.locator("#end")).to_be_visible()
    assert page.evaluate(WIDTH) <= width


def test_axe_finds_nothing_wrong_in_any_state(browser: Browser, cameras_url: str) -> None:
    page = browser.new_page(bypass_csp=True)
    page.set_default_timeout(PATIENCE_MS)
    player = Player(page)
    page.goto(f"{cameras_url}/game")
    assert axe(page) == []
    page.get_by_role("button", name="Play").click()
    player.play("happy")
    player.wait_for_the_next()
    expect(page.locator("#wanted")).to_have_text("surprised")
    assert axe(page) == []
    for adjective in ADJECTIVES[1:]:
        expect(page.locator("#wanted")).to_have_text(adjective)
        page.get_by_role("button", name="Skip this one").click()
    expect(page.locator("#end")).to_be_visible()
    assert axe(page) == []
    page.close()
