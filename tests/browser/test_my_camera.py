"""The mirror in real Chromium, whose camera is a film of one of the sample faces."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from app import SAMPLES
from tests.fakes.browser import FLAGS, PATIENCE_MS, WIDTH, show_as
from tests.fakes.browser_cameras import Hall
from tests.fakes.camera import FakeCrowd
from tests.fakes.images import make_track
from tests.fakes.server import Server, serving
from tests.fakes.site import make_fake_site
from tests.fakes.waiting import until
from vision.emotions import UNSURE_COLOUR
from vision.faces import face_json
from web.browser_cameras import browser_camera_pages
from web.security import Access

pytestmark = pytest.mark.browser

FACE = SAMPLES / "surprise" / "03.jpg"
LEFT, TOP, SIDE = 60, 100, 280  # in the camera's 640x480 px
MIDDLE = """() => {
  const face = document.querySelector(".face .box")?.getBoundingClientRect();
  const stage = document.getElementById("stage").getBoundingClientRect();
  return face && (face.x + face.width / 2 - stage.x) / stage.width;
}"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera's film: the face left of the middle, moving a little."""
    path = tmp_path_factory.mktemp("camera") / "face.mjpeg"
    picture = cv2.imread(str(FACE))
    assert picture is not None
    face = cv2.resize(picture, (SIDE, SIDE * 5 // 4))
    with path.open("wb") as film:
        for step in (0, 2, 4, 2):
            image = np.full((480, 640, 3), 110, np.uint8)
            image[TOP : TOP + face.shape[0], LEFT + step : LEFT + step + SIDE] = face
            film.write(cv2.imencode(".jpg", image)[1].tobytes())
    return path


@pytest.fixture(scope="module")
def browser(chromium: str, playwright: Playwright, film: Path) -> Iterator[Browser]:
    names = "--host-resolver-rules=MAP mirror.example 127.0.0.1"
    fakes = (names, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    args = [*FLAGS, *fakes, f"--use-file-for-fake-video-capture={film}"]
    browser = playwright.chromium.launch(executable_path=chromium, args=args)
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.close()


@pytest.fixture(scope="module")
def site_url() -> Iterator[str]:
    """A site with fakes behind it, in this process."""
    crowd, hall = FakeCrowd(), Hall()
    pages = [browser_camera_pages(hall.cameras)]
    site = make_fake_site(crowd, pages, access=Access())
    with serving(site) as server:
        yield f"http://127.0.0.1:{server.port}"
        hall.cameras.close()
        crowd.close()


def figure(server: Server, name: str) -> float:
    lines = server.get("/metrics").decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def test_the_mirror_shows_the_emotion_of_the_face_before_the_visitors_camera(
    page: Page, start_server: Callable[..., Server]
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    server = start_server("--source", "demo")
    page.goto(f"{server.url}/mirror")
    expect(page.locator(".lead")).to_contain_text("nothing is stored")
    assert page.evaluate("document.getElementById('video').srcObject") is None  # nobody has allowed it yet
    page.get_by_role("button", name="Start my camera").click()
    box = page.locator(".face.tone-surprise")
    expect(box).to_contain_text("surprise")
    expect(page.locator("#headline")).to_have_text("Your mirror is on.")
    expect(page.locator(".card .says")).to_contain_text("surprise")
    until(lambda: page.evaluate(MIDDLE) == pytest.approx(1 - (LEFT + SIDE / 2) / 640, abs=0.08))  # mirrored
    assert figure(server, "fer_mirrors") == 1
    until(lambda: figure(server, "fer_mirror_frames_total") > 20)
    page.get_by_role("button", name="Stop").click()
    until(lambda: figure(server, "fer_mirrors") == 0)
    assert figure(server, "fer_failed_mirror_frames_total") == 0
    assert complaints == []
    server.stop()
    assert "Traceback" not in server.output


def mirror_of(page: Page, site_url: str, *faces: dict[str, Any]) -> None:
    """Show the mirror of a server that sees these faces in a frame of 640x480 px."""
    seen = json.dumps({"width": 640, "height": 480, "faces": faces})
    page.route_web_socket("**/mirror/socket", lambda line: line.on_message(lambda _: line.send(seen)))
    page.goto(f"{site_url}/mirror")
    page.get_by_role("button", name="Start my camera").click()
    expect(page.locator(".face")).to_have_count(len(faces))


def test_labels_are_numbered_among_several_and_stay_in_the_picture(page: Page, site_url: str) -> None:
    corners = [(2, 2, 42, 42), (598, 2, 638, 42), (2, 438, 42, 478), (598, 438, 638, 478)]
    unsure = make_track(5, (300, 200, 340, 240), sure=False)
    tracks = [*(make_track(number, box) for number, box in enumerate(corners, 1)), unsure]
    mirror_of(page, site_url, *map(face_json, tracks))
    labels = [f"{number} happy 70\u202f%" for number in range(1, 5)]
    expect(page.locator(".face")).to_have_text([*labels, "5 unsure"])
    page.wait_for_function("document.getElementById('stage').clientWidth > 300")
    stage, *labels = page.evaluate(
        "['#stage', '.face b'].flatMap(all => [...document.querySelectorAll(all)]"
        ".map(one => one.getBoundingClientRect().toJSON()))"
    )
    for label in labels:
        assert stage["left"] <= label["left"] < label["right"] <= stage["right"]
        assert stage["top"] <= label["top"] < label["bottom"] <= stage["bottom"]
    first, second, *_ = labels
    assert first["right"] == pytest.approx(stage["right"], abs=1)  # its face is at the left, for others
    assert second["left"] == pytest.approx(stage["left"] + stage["width"] * 2 / 640, abs=1)


def test_bars_are_painted_into_large_faces_only(page: Page, site_url: str) -> None:
    small, large = make_track(1, (20, 20, 90, 90)), make_track(2, (200, 100, 600, 460))
    mirror_of(page, site_url, face_json(small), face_json(large))
    meters = page.locator(".face .meter")
    expect(meters.nth(0)).to_be_hidden()
    expect(meters.nth(1)).to_be_visible()


def test_a_cards_bars_are_as_long_as_their_numbers_say_at_once(page: Page, site_url: str) -> None:
    page.goto(f"{site_url}/mirror")
    bars = page.evaluate(
        """async () => {
          const { Dashboard } = await import("/static/js/dashboard.js");
          const dashboard = new Dashboard();
          const others = { angry: 0, disgust: 0, fear: 0, sad: 0, surprise: 0 };
          const show = (happy, now) => {
            const probs = { ...others, happy, neutral: 1 - happy };
            dashboard.show([{ track_id: 1, emotion: "happy", sure: true, confidence: happy, probs }], now);
            return [...document.querySelectorAll(".card .bar")].map((bar) => [
              parseFloat(bar.lastElementChild.textContent) / 100,
              new DOMMatrix(getComputedStyle(bar, "::before").transform).a,
            ]);
          };
          return [show(0.98, 0), show(0.25, 100)];
        }"""
    )
    for shown_share, painted in (pair for shown in bars for pair in shown):
        assert painted == pytest.approx(shown_share)
    assert bars[0] != bars[1]


def test_the_last_minute_has_its_own_colour_for_unsure(page: Page, site_url: str) -> None:
    page.goto(f"{site_url}/mirror")
    face = face_json(make_track(1, (20, 20, 90, 90), sure=False))
    colour = page.evaluate(
        """async (face) => {
          const { Dashboard } = await import("/static/js/dashboard.js");
          const dashboard = new Dashboard();
          dashboard.show([face], 0);
          dashboard.show([face], 1000);
          const { width, height } = document.querySelector(".minute");
          const pen = document.querySelector(".minute").getContext("2d");
          return [...pen.getImageData(width - 1, height - 1, 1, 1).data];
        }""",
        face,
    )
    assert bytes(colour) == bytes.fromhex(UNSURE_COLOUR[1:] + "ff")


def test_a_hidden_page_frees_the_camera_and_takes_it_again_when_shown(
    page: Page, start_server: Callable[..., Server]
) -> None:
    server = start_server("--source", "demo")
    page.goto(f"{server.url}/mirror")
    page.get_by_role("button", name="Start my camera").click()
    expect(page.locator("#headline")).to_have_text("Your mirror is on.")
    track = "document.getElementById('video').srcObject.getTracks()[0]"
    held = page.evaluate_handle(track)
    show_as(page, hidden=True)
    expect(page.locator("#headline")).to_have_text("Your camera is off while this page is hidden.")
    assert held.evaluate("track => track.readyState") == "ended"
    until(lambda: figure(server, "fer_mirrors") == 0)
    show_as(page, hidden=False)
    expect(page.locator("#headline")).to_have_text("Your mirror is on.")
    assert page.evaluate(f"{track}.readyState") == "live"


def test_where_no_socket_opens_the_frames_are_posted(page: Page, start_server: Callable[..., Server]) -> None:
    server = start_server("--source", "demo")
    page.add_init_script("""WebSocket = class extends EventTarget {
      constructor() { super(); setTimeout(() => this.dispatchEvent(new CloseEvent("close", { code: 1006 }))); }
      close() {}
    }""")
    page.goto(f"{server.url}/mirror")
    page.get_by_role("button", name="Start my camera").click()
    expect(page.locator(".face.tone-surprise")).to_contain_text("surprise")


def test_the_mirror_comes_back_when_the_server_does(page: Page, start_server: Callable[..., Server]) -> None:
    flags = ("--source", "demo")
    server = start_server(*flags)
    page.goto(f"{server.url}/mirror")
    page.get_by_role("button", name="Start my camera").click()
    expect(page.locator("#headline")).to_have_text("Your mirror is on.")
    server.end()  # with an open socket
    expect(page.locator("#headline")).to_contain_text("Trying again …")
    start_server(*flags, "--port", str(server.port))
    expect(page.locator("#headline")).to_have_text("Your mirror is on.")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("NotAllowedError", "was not allowed"),
        ("NotFoundError", "No camera was found."),
        ("NotReadableError", "in use by another program"),
    ],
)
def test_without_a_camera_the_page_says_why(page: Page, site_url: str, error: str, sentence: str) -> None:
    page.add_init_script(
        f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('no', '{error}'); }}"
    )
    page.goto(f"{site_url}/mirror")
    page.get_by_role("button", name="Start my camera").click()
    expect(page.locator("#headline")).to_contain_text(sentence)
    expect(page.get_by_role("button", name="Start my camera")).to_be_enabled()


def test_on_an_insecure_page_it_says_what_is_needed(page: Page, site_url: str) -> None:
    page.goto(site_url.replace("127.0.0.1", "mirror.example") + "/mirror")
    expect(page.locator("#headline")).to_contain_text("https://")
    expect(page.get_by_role("button", name="Start my camera")).to_be_disabled()


def test_nothing_sticks_out_on_a_phone(page: Page, site_url: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{site_url}/mirror")
    page.get_by_role("button", name="Start my camera").click()
    expect(page.locator("#headline")).to_have_text("Your mirror is on.")
    assert page.evaluate(WIDTH) <= 360
