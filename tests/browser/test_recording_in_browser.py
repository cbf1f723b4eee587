"""Everybody sees that a camera is recorded, in every view of it, and what was saved."""

import json
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from recording.recorder import Recording
from tests.fakes.browser import DEMO, arriving, show_as
from tests.fakes.camera import FakeCrowd
from tests.fakes.images import picture_of, plain_image
from tests.fakes.relay import FakeCameras, make_fake_wall
from tests.fakes.server import Server, serving
from tests.fakes.waiting import until
from vision.jpeg import encode_jpeg

pytestmark = pytest.mark.browser

IN_THE_PICTURE = """([rec, picture]) => {
  const [inner, outer] = [rec, picture].map((place) => document.querySelector(place).getBoundingClientRect());
  return inner.width > 30 && inner.left >= outer.left && inner.right <= outer.right
    && inner.top >= outer.top && inner.bottom <= outer.bottom;
}"""
REC = re.compile(r"REC \d:\d\d")
TITLE = re.compile("● REC \\d:\\d\\d \N{EN DASH} .*Live facial emotions")


def test_the_keyboard_alone_records_stops_opens_and_deletes(
    page: Page, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server("--source", "demo", "--database-url", str(tmp_path / "history.sqlite"))
    page.goto(server.url, wait_until="domcontentloaded")
    expect(page.locator("#headline")).to_have_text(DEMO)
    rec = page.locator("#screen .rec")
    expect(rec).to_be_hidden()

    page.get_by_role("button", name="Record").press("Enter")
    expect(rec).to_have_text(REC)
    expect(page).to_have_title(TITLE)
    assert page.evaluate(IN_THE_PICTURE, ["#screen .rec", "#screen"])
    page.keyboard.press("f")
    until(lambda: page.evaluate("Boolean(document.fullscreenElement)"))
    assert page.evaluate("document.fullscreenElement.contains(document.querySelector('.rec'))")
    expect(rec).to_be_visible()
    page.evaluate("document.exitFullscreen()")
    until(lambda: json.loads(server.get("/state"))["recording"]["sightings"] > 10)

    page.get_by_role("button", name="Stop recording").press("Enter")
    expect(rec).to_be_hidden()
    expect(page).to_have_title("Live facial emotions")
    expect(page.locator("#saved")).to_contain_text(re.compile(r"Saved: \d+ s, \d faces?\."))
    expect(page.locator("#saved")).to_be_in_viewport()  # beside the button, however many cards there are
    page.get_by_role("link", name="CSV", exact=True).focus()
    with page.expect_download() as table:
        page.keyboard.press("Enter")
    assert len(Path(table.value.path()).read_text().splitlines()) > 10
    with arriving(page):
        page.get_by_role("link", name="Open", exact=True).press("Enter")
    expect(page.get_by_role("img", name="Mean probability of each emotion")).to_be_visible()
    with arriving(page):
        page.get_by_role("link", name="Delete").press("Enter")
    with arriving(page):
        page.get_by_role("button", name="Delete").press("Enter")
    expect(page.get_by_role("status")).to_have_text("Deleted: 1 session.")
    expect(page.get_by_text("Nothing has been recorded yet.")).to_be_visible()


def test_the_title_of_a_hidden_page_does_not_say_for_ever_that_it_is_recorded(
    page: Page, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    flags = ("--source", "demo", "--record", "--database-url", str(tmp_path / "history.sqlite"))
    server = start_server(*flags)
    page.goto(server.url, wait_until="domcontentloaded")
    expect(page).to_have_title(TITLE)
    show_as(page, hidden=True)
    page.request.post(f"{server.url}/recording", form={"on": "false"})
    expect(page).to_have_title("Live facial emotions")


def test_a_tile_of_the_wall_says_that_its_camera_is_recorded(page: Page) -> None:
    crowd = FakeCrowd()
    crowd.feed.put(picture_of(1, encode_jpeg(plain_image(90, 480, 640), 80)))
    cameras = FakeCameras(crowd)
    with serving(make_fake_wall(cameras)) as server, closing(crowd):
        page.goto(f"http://127.0.0.1:{server.port}", wait_until="domcontentloaded")
        recs = page.locator(".wall .rec")
        expect(recs).to_have_count(2)
        expect(recs.first).to_be_hidden()
        cameras.recording = Recording(True, 1, 5, 0, 0, "", 1_764_000_000_000, 66_000)
        expect(recs.first).to_have_text("REC 1:06")
        expect(page).to_have_title("● REC \N{EN DASH} All cameras \N{EN DASH} Live facial emotions")
        until(lambda: page.evaluate(IN_THE_PICTURE, [".wall .rec", ".wall img"]))  # when the picture has come
        page.goto("about:blank")
