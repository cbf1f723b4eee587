"""A resting face that is read as sad: on the live page and on My camera it is neutral once it was measured.

Both see the same person: at rest, and laughing when the test says so.
"""

import json
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.films import give_camera, sad_at_rest, scene
from tests.fakes.http_camera import FakeHttpCamera, http_camera, stream
from tests.fakes.server import Server
from tests.fakes.waiting import until
from vision.frames import Image

pytestmark = pytest.mark.browser

CORNER = (60, 100)  # of the face in the picture
AT_REST = re.compile("neutral|unsure")  # neutral is the most probable; "unsure" may come before it is eased


class Person:
    """Somebody before a camera who is at rest, which is read as sad, until `shows` is "happy"."""

    def __init__(self, rest: Image, happy: Image) -> None:
        left, top = CORNER
        self.shows = "rest"
        self.scenes = {
            name: [scene(face, (left + step, top)) for step in (0, 2, 4, 2)]
            for name, face in (("rest", rest), ("happy", happy))
        }

    def frames(self) -> Iterator[bytes]:
        """Yield JPEGs of what the person shows, moving a little, for ever."""
        for number in count():
            yield self.scenes[self.shows][number % 4]


@pytest.fixture(scope="module")
def faces_of_one() -> tuple[Image, Image]:
    return sad_at_rest(280)


@pytest.fixture
def person(faces_of_one: tuple[Image, Image]) -> Person:
    return Person(*faces_of_one)


@pytest.fixture
def camera() -> Iterator[FakeHttpCamera]:
    with http_camera() as camera:
        yield camera


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
    expect(rest).to_have_text(re.compile(r"Relative to its own resting face since \d+:\d\d:\d\d"))
    expect(card.get_by_role("button", name="Remove")).to_be_focused()
    expect(says).to_have_text(AT_REST)
    assert card.evaluate("it => it.offsetHeight") == height


def faces(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(server.get("/state"))["faces"]
    return found


def recorded_rests(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(server.get("/history/1.json"))["RestingFaces"]["Faces"]
    return found


def test_a_face_of_the_live_page_is_read_against_its_own_rest_until_that_is_taken_back(
    page: Page, start_server: Callable[..., Server], person: Person, tmp_path: Path, camera: FakeHttpCamera
) -> None:
    camera.replies["/"] = lambda _: stream(person.frames(), pause_s=1 / 15)
    history = ("--record", "--database-url", str(tmp_path / "history.sqlite"))
    server = start_server("--source", camera.url("/"), *history)
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
    expect(card.locator(".rest [role=status]")).to_have_text(re.compile("Anna's resting face since"))
    expect(card.get_by_role("button", name="Name")).to_be_focused()
    for person.shows, said in (("happy", "happy"), ("rest", AT_REST)):
        expect(card.locator(".says")).to_have_text(said)
    card.get_by_role("button", name="Remove").click()
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
    page: Page, start_server: Callable[..., Server], person: Person
) -> None:
    give_camera(page, {name: scenes[0] for name, scenes in person.scenes.items()})
    server = start_server("--source", "demo")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{server.url}/camera?start", wait_until="domcontentloaded")
    card = page.locator(".card")
    measure(card)
    page.evaluate("show('happy')")
    expect(card.locator(".says")).to_have_text("happy")
    card.get_by_role("button", name="Remove").click()
    expect(card.get_by_role("button", name="Resting face")).to_be_visible()
    page.evaluate("show('rest')")
    expect(card.locator(".says")).to_have_text("sad")
    assert complaints == []
    server.stop()
    assert "Traceback" not in server.output
