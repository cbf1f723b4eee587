"""The live page's keys: listed, switched off, and none that cannot be undone."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.browser import DEMO
from tests.fakes.server import Server, running_demo
from tests.fakes.waiting import until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_demo(tmp_path_factory.mktemp("keys")) as server:
        yield server


def resets(server: Server) -> int:
    count: int = json.loads(server.get("/view"))["resets"]
    return count


def open_live(page: Page, server: Server) -> None:
    page.goto(server.url, wait_until="domcontentloaded")
    expect(page.locator("#headline")).to_have_text(DEMO)


def press_reset(page: Page) -> None:
    """Press the button, behind "More" if that is closed."""
    button = page.get_by_role("button", name="Reset")
    if not button.is_visible():
        page.locator("details.more-tools > summary").press("Enter")
    button.press("Enter")


def test_a_question_mark_lists_the_keys_and_no_key_acts_behind_the_list(page: Page, demo: Server) -> None:
    open_live(page, demo)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    keys = dict(
        zip(dialog.locator("dt").all_inner_texts(), dialog.locator("dd").all_inner_texts(), strict=True)
    )
    assert {key: keys[key] for key in "PSF?"} == {
        **{"P": "Pause", "S": "Snapshot", "F": "Full screen", "?": "This list"}
    }
    assert "R" not in keys
    page.keyboard.press("p")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("p")
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")


def test_keys_that_were_switched_off_stay_off_in_this_browser(page: Page, demo: Server) -> None:
    open_live(page, demo)
    expect(page.locator("#pause")).to_have_attribute("aria-keyshortcuts", "P")
    page.get_by_role("button", name="Keys").press("Enter")
    page.get_by_role("switch", name="Single-letter keys").press("Space")
    page.get_by_role("button", name="Close", exact=True).press("Enter")
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("#headline")).to_have_text(DEMO)
    assert page.locator("#pause").get_attribute("aria-keyshortcuts") is None
    expect(page.locator("#pause kbd")).to_be_hidden()
    page.locator("body").press("?")
    page.locator("body").press("p")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Keys").press("Enter")  # which leads back
    page.get_by_role("switch", name="Single-letter keys").press("Space")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")


def test_no_key_begins_the_numbers_again_and_the_button_says_that_it_did(page: Page, demo: Server) -> None:
    open_live(page, demo)
    before = resets(demo)
    page.keyboard.press("r")
    press_reset(page)
    expect(page.locator("#reset-done")).to_have_text("All faces were forgotten; numbers start at 1.")
    assert resets(demo) == before + 1  # by the button alone


def test_while_a_recording_runs_the_button_asks_first(page: Page, demo: Server) -> None:
    open_live(page, demo)
    before = resets(demo)
    page.get_by_role("button", name="Record").press("Enter")
    expect(page.locator("#screen .rec")).to_be_visible()
    question = page.get_by_role("dialog", name="Reset while recording?")
    for keep in ("Enter", "Escape"):  # the first button is the one that keeps
        press_reset(page)
        expect(question).to_be_visible()
        page.keyboard.press(keep)
        expect(question).to_be_hidden()
    assert resets(demo) == before
    press_reset(page)
    question.get_by_role("button", name="Reset").press("Enter")
    until(lambda: resets(demo) == before + 1)
    page.get_by_role("button", name="Stop recording").press("Enter")
    expect(page.locator("#screen .rec")).to_be_hidden()


def test_a_browser_that_keeps_nothing_has_keys_all_the_same(page: Page, demo: Server) -> None:
    refused = "get() { throw new DOMException('no', 'SecurityError'); }"
    page.add_init_script(f"Object.defineProperty(window, 'localStorage', {{ {refused} }})")
    open_live(page, demo)
    page.keyboard.press("p")
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")
