"""Pages of other origins that show the stream, in real Chromium."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from tests.fakes.browser import PATIENCE_MS
from tests.fakes.camera import FakeCamera, FakeCrowd
from tests.fakes.documents import examples
from tests.fakes.images import picture_of, plain_image
from tests.fakes.server import serving
from tests.fakes.site import make_fake_site
from tests.fakes.waiting import until
from vision.jpeg import encode_jpeg
from web.security import Access

pytestmark = pytest.mark.browser

SHOWS = """async ([address, kind]) => {
  const settled = (part, events) => new Promise((resolve) => {
    for (const [event, answer] of Object.entries(events)) part.addEventListener(event, () => resolve(answer));
  });
  if (kind === "events") {
    const events = new EventSource(address);
    const answer = await settled(events, { message: true, error: false });
    events.close();
    return answer;
  }
  const part = document.createElement(kind);
  const answer = settled(part, { load: true, error: false });
  part.src = address;
  document.body.append(part);
  // a stream never ends, so its picture is looked at
  const seen = new Promise((resolve) => {
    setInterval(() => part.naturalWidth > 0 && resolve(true), 50);
  });
  return Promise.race([answer, seen]);
}"""
PUTS = """code => {
  const script = document.createElement("script");
  script.type = "module";
  script.textContent = code;
  document.body.append(script);
}"""
READS = "address => fetch(address).then((answer) => answer.ok, () => false)"


class Hall:
    """A page that would show a camera, as it is served by two hosts: it is of another site, and of the same."""

    def __init__(self, browser: Browser, port: int) -> None:
        self.other_site, self.same_site = f"http://localhost:{port}", f"http://127.0.0.1:{port}"
        self._page = browser.new_page()
        self._page.set_default_timeout(PATIENCE_MS)

    def run(self, origin: str, script: str, asked: object) -> Any:
        self._page.goto(origin)
        return self._page.evaluate(script, asked)

    def follow(self, origin: str, address: str) -> int:
        """Return the status of what a link on the page leads to."""
        self._page.goto(origin)
        self._page.evaluate("address => { document.querySelector('a').href = address; }", address)
        with self._page.expect_navigation() as answer:
            self._page.click("a")
        return answer.value.status if answer.value else 0

    def close(self) -> None:
        self._page.close()


@pytest.fixture
def hall(browser: Browser) -> Iterator[Hall]:
    site = Flask(__name__)
    site.add_url_rule("/", "index", lambda: "<!doctype html><title>The hall</title><a>The camera</a>")
    with serving(site) as server:
        hall = Hall(browser, server.port)
        yield hall
        hall.close()


@pytest.fixture
def show(hall: Hall) -> Iterator[Callable[..., str]]:
    """Return a function that serves a camera to these embedders and returns its address."""
    crowd = FakeCrowd()
    frame = picture_of(1, encode_jpeg(plain_image(90, 48, 64), 80))
    crowd.feed.put(frame)
    with_pictures = FakeCamera(crowd.feed)
    with_pictures.picture = frame
    servers = []

    def serve(*embedders: str) -> str:
        access = Access(embedders=embedders)
        servers.append(serving(make_fake_site(crowd, camera=with_pictures, access=access)))
        return f"http://127.0.0.1:{servers[-1].__enter__().port}"

    yield serve
    hall.close()  # or its streams would keep the server
    for server in servers:
        server.__exit__(None, None, None)
    crowd.close()


@pytest.mark.parametrize(
    ("kind", "path"), [("img", "/video_feed"), ("img", "/snapshot.jpg"), ("events", "/events")]
)
def test_a_page_shows_the_camera_if_its_origin_may_embed_it_and_no_other_page_does(
    hall: Hall, show: Callable[..., str], kind: str, path: str
) -> None:
    closed, open_to_one = show(), show(hall.other_site)
    assert hall.run(hall.other_site, SHOWS, [open_to_one + path, kind]) is True
    assert hall.run(hall.same_site, SHOWS, [open_to_one + path, kind]) is False
    for origin in (hall.other_site, hall.same_site):
        assert hall.run(origin, SHOWS, [closed + path, kind]) is False


def test_the_documented_page_prints_the_faces_as_they_come(hall: Hall, show: Callable[..., str]) -> None:
    (example,) = examples("api.md", "html")
    code = example.at(show(hall.other_site)).partition(">")[2].rpartition("<")[0]
    with hall._page.expect_console_message(lambda message: message.type == "log") as printed:
        hall.run(hall.other_site, PUTS, code)
    assert [face["emotion"] for face in printed.value.args[0].json_value()] == ["surprise"]


def test_a_page_whose_origin_may_embed_the_camera_reads_its_snapshot_and_nothing_else(
    hall: Hall, show: Callable[..., str]
) -> None:
    url = show(hall.other_site)
    assert hall.run(hall.other_site, READS, f"{url}/snapshot.jpg") is True
    assert hall.run(hall.same_site, READS, f"{url}/snapshot.jpg") is False
    assert hall.run(hall.other_site, READS, f"{url}/state") is False


def test_a_frame_shows_the_snapshot_only_where_it_may_be_embedded(hall: Hall, show: Callable[..., str]) -> None:
    closed, open_to_one = show(), show(hall.other_site)
    statuses: dict[str, int] = {}
    hall._page.on("response", lambda answer: statuses.update({answer.url: answer.status}))
    for url in (open_to_one, closed):
        hall.run(hall.other_site, SHOWS, [f"{url}/snapshot.jpg", "iframe"])
    until(lambda: hall._page.evaluate("true") and len(statuses) == 3)  # a call lets news in
    assert statuses[f"{open_to_one}/snapshot.jpg"] == 200
    assert statuses[f"{closed}/snapshot.jpg"] == 403


def test_a_link_from_anywhere_leads_to_the_camera(hall: Hall, show: Callable[..., str]) -> None:
    url = show()
    assert hall.follow(hall.other_site, f"{url}/samples/happy") == 200
    assert hall.follow(hall.same_site, f"{url}/samples/happy") == 200


def test_where_browsers_do_not_say_what_asks_the_picture_is_still_kept_from_other_pages(
    page: Page, hall: Hall, show: Callable[..., str]
) -> None:
    port = show().rpartition(":")[2]
    sent: list[dict[str, str]] = []
    page.on("request", lambda request: sent.append(request.all_headers()))
    page.goto(hall.other_site.replace("localhost", "hall.test"))
    script, address = SHOWS, f"http://camera.test:{port}/snapshot.jpg"
    assert page.evaluate(script, [address, "img"]) is False
    assert not any(name.startswith("sec-fetch") for headers in sent for name in headers)
    page.goto(address.replace("/snapshot.jpg", "/samples/happy"))
    assert page.evaluate(script, [address, "img"]) is True
