"""A resting face that is read as sad: on the live page and on My camera it is neutral once it was measured.

Both see the same film: a face at rest, which then laughs.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from tests.fakes.browser import PATIENCE_MS
from tests.fakes.films import FPS, launch_with_film, sad_at_rest, write_film
from tests.fakes.server import Server
from tests.fakes.waiting import until

pytestmark = pytest.mark.browser

FILM_S = 24  # two thirds of it at rest
AT_REST = re.compile("neutral|unsure")  # neutral is the most probable; "unsure" may come before it is eased


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rest, happy = sad_at_rest(280)
    path = tmp_path_factory.mktemp("camera") / "rest.mjpeg"
    return write_film(path, [rest, rest, happy], (60, 100), FILM_S * FPS // 3)


@pytest.fixture(scope="module")
def browser(chromium: str, playwright: Playwright, film: Path) -> Iterator[Browser]:
    browser = launch_with_film(playwright, chromium, film)
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.close()


def measure(card: Locator) -> None:
    """Have the face of a card, which is read as sad, measured by the keyboard alone."""
    page = card.page
    says, rest = card.locator(".says"), card.locator(".rest [role=status]")
    expect(says).to_have_text("sad")
    height = card.evaluate("it => it.offsetHeight")
    card.get_by_role("button", name="Resting face").focus()
    page.keyboard.press("Enter")
    expect(rest).to_have_text("Look relaxed")
    expect(card.get_by_role("progressbar")).to_be_visible()
    expect(card.get_by_role("button", name="Stop")).to_be_focused()
    assert card.evaluate("it => it.offsetHeight") == height
    expect(rest).to_have_text(re.compile(r"Read against its own rest since \d+:\d\d:\d\d"))
    expect(card.get_by_role("button", name="Take back")).to_be_focused()
    expect(says).to_have_text(AT_REST)
    assert card.evaluate("it => it.offsetHeight") == height


def faces(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(server.get("/state"))["faces"]
    return found


def recorded_rests(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(server.get("/history/1.json"))["RestingFaces"]["Faces"]
    return found


def test_a_face_of_the_live_page_is_read_against_its_own_rest_until_that_is_taken_back(
    page: Page, start_server: Callable[..., Server], film: Path, tmp_path: Path
) -> None:
    server = start_server("--source", str(film), "--record", "--database-url", str(tmp_path / "history.sqlite"))
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server.url, wait_until="domcontentloaded")
    card = page.locator(".card")
    measure(card)
    (face,) = faces(server)
    assert max(face["rest"]["probs"], key=face["rest"]["probs"].get) == "sad"
    card.get_by_role("button", name="Name").click()
    page.keyboard.type("Anna")
    page.keyboard.press("Enter")
    expect(card.locator(".rest [role=status]")).to_have_text(re.compile("Read against Anna's rest since"))
    expect(card.get_by_role("button", name="Name")).to_be_focused()
    expect(card.locator(".says")).to_have_text("happy")
    expect(card.locator(".says")).to_have_text(AT_REST)
    card.get_by_role("button", name="Take back").click()
    expect(card.get_by_role("button", name="Resting face")).to_be_visible()
    expect(card.locator(".says")).to_have_text("sad")
    card.get_by_label("Whose resting face").select_option("Anna")
    card.get_by_role("button", name="Resting face").click()
    expect(card.locator(".says")).to_have_text(AT_REST)
    until(lambda: [face["name"] for face in recorded_rests(server)] == ["Anna"])
    assert complaints == []
    server.stop()
    assert "Traceback" not in server.output


def test_a_visitor_s_own_face_is_read_against_its_own_rest(
    page: Page, start_server: Callable[..., Server]
) -> None:
    server = start_server("--source", "demo")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{server.url}/camera?start", wait_until="domcontentloaded")
    card = page.locator(".card")
    measure(card)
    expect(card.locator(".says")).to_have_text("happy")
    card.get_by_role("button", name="Take back").click()
    expect(card.get_by_role("button", name="Resting face")).to_be_visible()
    expect(card.locator(".says")).to_have_text("sad")
    assert complaints == []
    server.stop()
    assert "Traceback" not in server.output
