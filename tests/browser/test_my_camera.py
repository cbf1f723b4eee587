"""My camera in real Chromium, whose camera is a film of one of the sample faces."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Dialog, Page, WebSocketRoute, expect

from tests.fakes.browser import PATIENCE_MS, WIDTH, axe, show_as
from tests.fakes.films import LEFT, SIDE, TOP
from tests.fakes.images import make_track
from tests.fakes.server import Server
from tests.fakes.waiting import until
from vision.emotions import DETAILS, EMOTIONS
from vision.faces import face_json

pytestmark = pytest.mark.browser

# What of a colour is painted over the video: [left, top, right, bottom] in shares of the picture, or null.
PAINTED = """colour => {
  const canvas = document.getElementById("drawing");
  if (!canvas.width || !canvas.height) return null;
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const box = [1e9, 1e9, 0, 0];
  for (let at = 0; at < pixels.length; at += 4) {
    if (pixels[at + 3] < 250 || colour.some((value, i) => Math.abs(pixels[at + i] - value) > 3)) continue;
    const [x, y] = [(at / 4) % canvas.width, Math.floor(at / 4 / canvas.width)];
    box.splice(0, 4, Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y));
  }
  return box[2] ? box.map((px, i) => px / (i % 2 ? canvas.height : canvas.width)) : null;
}"""
STAGE = "JSON.stringify(document.getElementById('stage').getBoundingClientRect())"


def figure(server: Server, name: str) -> float:
    lines = server.get("/metrics").decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def rgb(emotion: str) -> list[int]:
    return [*bytes.fromhex(DETAILS[emotion].colour[1:])]


def painted(page: Page, emotion: str) -> list[float] | None:
    """Return the box around all that has the emotion's colour over the video, in shares; None: nothing has."""
    box: list[float] | None = page.evaluate(PAINTED, rgb(emotion))
    return box


def middle(page: Page, emotion: str) -> float | None:
    box = painted(page, emotion)
    return (box[0] + box[2]) / 2 if box else None


class Answers:
    """Answers that a page gets to its frames, in place of a server's."""

    def __init__(self, page: Page, *faces: dict[str, Any]) -> None:
        self.faces = faces
        self.more: dict[str, Any] = {}
        self.texts: list[dict[str, Any]] = []
        self.frames = 0
        page.route_web_socket("**/camera/socket", self.route)

    def route(self, line: WebSocketRoute) -> None:
        line.on_message(lambda message: self.hear(line, message))

    def hear(self, line: WebSocketRoute, message: str | bytes) -> None:
        if isinstance(message, str):
            self.texts.append(json.loads(message))
        else:
            self.frames += 1
            line.send(json.dumps({"width": 640, "height": 480, "faces": self.faces} | self.more))


def start(page: Page, cameras_url: str, *faces: dict[str, Any]) -> Answers:
    """Start the camera on the page of a server that sees these faces in a frame of 640x480 px."""
    answers = Answers(page, *faces)
    page.goto(f"{cameras_url}/camera?start")
    expect(page.locator("#headline")).to_have_text("Your camera is on.")
    expect(page.locator(".card")).to_have_count(len(faces))
    return answers


def happy(box: tuple[int, int, int, int] = (100, 80, 300, 280), **more: Any) -> dict[str, Any]:
    return face_json(make_track(1, box)) | more


def hears(page: Page, condition: Callable[[], object]) -> None:
    """Wait until something is true of what the page has told the test."""
    until(lambda: page.evaluate("true") and condition())  # a call lets news in


def press(page: Page, name: str) -> None:
    page.get_by_role("switch", name=name, exact=True).click()


def test_the_page_shows_the_emotion_of_the_face_before_the_visitors_camera(
    page: Page, start_server: Callable[..., Server]
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    answers: list[str | bytes] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda answer: answers.append(answer)))
    server = start_server("--source", "demo")
    page.goto(f"{server.url}/camera")
    expect(page.locator("#poster")).to_contain_text("Nothing is stored")
    assert page.evaluate("document.getElementById('video').srcObject") is None  # nobody has allowed it yet
    page.get_by_role("button", name="Start my camera").click()
    expect(page.locator(".card .says")).to_have_text("surprised")
    expect(page.locator("#headline")).to_have_text("Your camera is on.")
    expect(page.locator("#figures")).to_have_text(re.compile(r"1 face · \d+ fps · \d+ ms delay"))
    mirrored = pytest.approx(1 - (LEFT + SIDE / 2) / 640, abs=0.08)
    until(lambda: middle(page, "surprise") == mirrored)
    press(page, "Flip")
    until(lambda: middle(page, "surprise") == pytest.approx((LEFT + SIDE / 2) / 640, abs=0.08))
    assert figure(server, "fer_mirrors") == 1
    until(lambda: figure(server, "fer_mirror_frames_total") > 20)
    press(page, "Heat map")
    hears(page, lambda: any('"heat":' in str(answer) for answer in answers))
    press(page, "Heat map")
    page.get_by_role("button", name="Stop", exact=True).click()
    until(lambda: figure(server, "fer_mirrors") == 0)
    expect(page.get_by_role("button", name="Start my camera")).to_be_focused()
    assert figure(server, "fer_failed_mirror_frames_total") == 0
    ours = "willReadFrequently"  # what Chromium says of this test's looking at the canvas
    assert [complaint for complaint in complaints if ours not in complaint] == []
    server.stop()
    assert "Traceback" not in server.output


def test_the_former_address_leads_to_the_page_and_a_link_can_start_it(page: Page, cameras_url: str) -> None:
    page.goto(f"{cameras_url}/mirror?start")
    assert page.url == f"{cameras_url}/camera?start"
    expect(page.locator("#headline")).to_have_text("Your camera is on.")
    expect(page.locator("#poster")).to_be_hidden()


def test_boxes_glide_from_one_answer_to_the_next(page: Page, cameras_url: str) -> None:
    answers = start(page, cameras_url, happy((0, 80, 200, 280)))
    until(lambda: painted(page, "happy"))
    page.evaluate(
        f"""colour => {{
          const look = {PAINTED};
          window.places = [];
          const note = () => {{
            const box = look(colour);
            if (box) window.places.push((box[0] + box[2]) / 2);
            requestAnimationFrame(note);
          }};
          note();
        }}""",
        rgb("happy"),
    )
    answers.faces = (happy((440, 80, 640, 280)),)
    until(lambda: (middle(page, "happy") or 1) < 0.17)
    places: list[float] = page.evaluate("places")
    between = [place for place in places if 0.2 < place < 0.8]
    assert between  # on a slow machine too: a frame goes three quarters of the way at most
    assert between == sorted(between, reverse=True)


@pytest.mark.parametrize("scale", [1, 2])
def test_labels_stay_in_the_picture_and_are_numbered_among_several(
    page: Page, cameras_url: str, scale: int
) -> None:
    page.goto(f"{cameras_url}/camera")
    places, texts = page.evaluate(
        """async scale => {
          const { labelPlace, labelText } = await import("/static/js/paint.js");
          const corners = [[2, 2, 42, 42], [598, 2, 638, 42], [2, 438, 42, 478], [-30, 450, 20, 500]];
          const face = { track_id: 2, emotion: "fear", sure: true, confidence: 0.7 };
          return [
            corners.map((box) => labelPlace(box, 150 * scale, 30 * scale, 640, 480)),
            [labelText(face, false), labelText(face, true), labelText({ ...face, sure: false }, true)],
          ];
        }""",
        scale,
    )
    for x, y in places:
        assert 0 <= x <= 640 - 150 * scale
        assert 0 <= y <= 480 - 30 * scale
    assert texts == ["afraid 70%", "2 afraid 70%", "2 unsure"]


@pytest.mark.parametrize("emotion", ["happy", "fear"])
def test_a_labels_ink_is_the_one_that_is_readable_on_its_colour(
    page: Page, cameras_url: str, emotion: str
) -> None:
    page.goto(f"{cameras_url}/camera")
    shades: list[int] = page.evaluate(
        """async emotion => {
          const { paint } = await import("/static/js/paint.js");
          const pen = document.createElement("canvas").getContext("2d");
          const face = { emotion, sure: true, confidence: 0.7, box: [0.3, 0.4, 0.6, 0.6], opacity: 1 };
          paint(pen, [face], { labels: true });
          const { data } = pen.getImageData(0, 0, pen.canvas.width, pen.canvas.height);
          const shades = [];
          for (let at = 0; at < data.length; at += 4)
            if (data[at + 3] > 250) shades.push(Math.round((data[at] + data[at + 1] + data[at + 2]) / 3));
          return shades;
        }""",
        emotion,
    )
    dark, bright = sum(shade < 10 for shade in shades), sum(shade > 245 for shade in shades)
    assert (dark > 100, bright > 100) == ((True, False) if emotion == "happy" else (False, True))


def test_a_heat_map_is_asked_for_and_drawn_where_it_is_hot(page: Page, cameras_url: str) -> None:
    heat = [[100, 0], [0, 0]]
    answers = start(page, cameras_url, happy((160, 120, 480, 360), heat=heat))
    for name in ("Boxes", "Labels"):
        press(page, name)
    opacity = """([x, y]) => {
      const { canvas } = document.getElementById("drawing").getContext("2d");
      return canvas.getContext("2d").getImageData(x * canvas.width, y * canvas.height, 1, 1).data[3];
    }"""
    assert page.evaluate(opacity, [0.7, 0.3]) == 0
    press(page, "Heat map")
    hears(page, lambda: answers.texts == [{"heat": True}])
    until(lambda: page.evaluate(opacity, [0.7, 0.3]) > 120)  # the left half of the face, mirrored
    assert page.evaluate(opacity, [0.3, 0.7]) < 20
    press(page, "Heat map")
    hears(page, lambda: answers.texts == [{"heat": True}, {"heat": False}])
    until(lambda: page.evaluate(opacity, [0.7, 0.3]) == 0)


def test_smoothing_is_this_cameras_own_and_is_told_again_after_a_restart(page: Page, cameras_url: str) -> None:
    answers = start(page, cameras_url, happy())
    page.get_by_text("More", exact=True).click()
    slider = page.get_by_label("Smoothing")
    assert slider.input_value() == "0.3"
    slider.fill("1.5")
    hears(page, lambda: answers.texts == [{"smoothing_s": 1.5}])
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Start my camera").click()
    hears(page, lambda: answers.texts == [{"smoothing_s": 1.5}] * 2)


def test_an_emoji_covers_the_face_and_a_blurred_one_is_of_few_colours(page: Page, cameras_url: str) -> None:
    start(page, cameras_url, happy((LEFT, TOP, LEFT + SIDE, TOP + SIDE)))
    colours = """async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const { canvas } = document.getElementById("drawing").getContext("2d");
      const [x, y] = [(1 - 200 / 640) * canvas.width, (240 / 480) * canvas.height];
      const { data } = canvas.getContext("2d").getImageData(x - 60, y - 60, 120, 120);
      const all = new Set();
      for (let at = 0; at < data.length; at += 4) if (data[at + 3]) all.add(data.slice(at, at + 3).join());
      return all.size;
    }"""
    assert page.evaluate(colours) == 0  # the video alone
    press(page, "Blur")
    until(lambda: 4 <= page.evaluate(colours) <= 64)
    press(page, "Emoji")
    until(lambda: page.evaluate(colours) > 200)
    press(page, "Blur")
    until(lambda: page.evaluate(colours) > 200)


def test_a_snapshot_is_the_picture_with_what_is_drawn_over_it(page: Page, cameras_url: str) -> None:
    start(page, cameras_url, happy((LEFT, TOP, LEFT + SIDE, TOP + SIDE)))
    until(lambda: painted(page, "happy"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Snapshot").click()
    assert re.fullmatch(r"my-camera-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.jpg", download.value.suggested_filename)
    image = cv2.imread(str(download.value.path()))
    assert image is not None
    assert image.shape[:2] == (480, 640)
    near = np.abs(image[..., ::-1].astype(int) - rgb("happy")).max(axis=2) < 40
    columns = np.flatnonzero(near.any(axis=0))
    assert columns.min() == pytest.approx(640 - LEFT - SIDE, abs=8)
    assert image[:, : 640 - LEFT - SIDE - 40].std() < 3  # the ground; the face is at the right, as in a mirror


def test_a_recording_stays_in_the_page_until_it_is_saved_as_a_table(page: Page, cameras_url: str) -> None:
    answers = start(page, cameras_url, happy())
    title = page.title()
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator("#stage .rec")).to_have_text(re.compile(r"REC\s+\d:\d\d"))
    assert page.title().startswith("● REC 0:")
    expect(page.locator("#stage .rec")).not_to_have_text(re.compile(r"0:00"))
    frames = answers.frames
    hears(page, lambda: answers.frames > frames + 6)
    page.get_by_role("button", name="Stop recording").click()
    expect(page.locator("#stage .rec")).to_be_hidden()
    assert page.title() == title
    expect(page.locator("#kept")).to_contain_text(re.compile(r"Recorded: \d+ s, 1 face\."))
    with page.expect_download() as download:
        page.get_by_role("button", name="Save (CSV)").click()
    expect(page.locator("#kept")).to_be_hidden()
    assert re.fullmatch(r"my-camera-[-\dT]+\.csv", download.value.suggested_filename)
    text = download.value.path().read_bytes().decode("utf-8-sig")
    rows = [*csv.DictReader(io.StringIO(text, newline=""))]
    assert len(rows) >= 5
    first, last = rows[0], rows[-1]
    places = ("x1", "y1", "x2", "y2")
    assert [*first] == [
        "time",
        "unix_ms",
        "seconds",
        "source",
        "track_id",
        *places,
        "emotion",
        "sure",
        *EMOTIONS,
        "rest_since",
    ]
    assert first["rest_since"] == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["time"])
    assert int(last["unix_ms"]) - int(first["unix_ms"]) == pytest.approx(
        1000 * (float(last["seconds"]) - float(first["seconds"])), abs=1
    )
    assert [first[name] for name in ("track_id", *places, "emotion", "sure")] == [
        *("1", "100", "80", "300", "280", "happy", "1")
    ]
    assert first["happy"] == "0.7000"


SINCE = 1_760_000_000.25


def rested(name: str = "") -> dict[str, Any]:
    """Return a face that is read against its rest."""
    return happy(rest={"progress": 1.0, "since": SINCE, "name": name, "probs": happy()["probs"]})


def test_a_resting_face_is_asked_for_and_a_refusal_is_one_sentence(page: Page, cameras_url: str) -> None:
    page.clock.install()
    answers = start(page, cameras_url, happy())
    rest = page.locator(".card .rest [role=status]")
    answers.more = {"refusal": "Face 1 is not in the picture now."}
    page.get_by_role("button", name="Resting face").click()
    expect(rest).to_have_text("Face 1 is not in the picture now.")
    asked = {"track_id": 1, "action": "measure", "name": ""}
    hears(page, lambda: answers.texts == [{"rest": asked}])
    answers.more = {"refusal": "No more resting faces can have names."}
    page.get_by_role("button", name="Resting face").click()
    expect(rest).to_have_text("No more resting faces can have names.")
    page.clock.fast_forward(8000)
    expect(rest).to_have_text("")  # and not the refusal before it
    answers.texts.pop()
    answers.more = {"rests": ["Anna", "Ben"]}
    page.get_by_label("Whose resting face").select_option("Ben")
    page.get_by_role("button", name="Resting face").click()
    hears(page, lambda: answers.texts[1:] == [{"rest": asked | {"action": "use", "name": "Ben"}}])
    answers.faces = (rested("Ben"),)
    expect(rest).to_contain_text("Relative to Ben's resting face since")
    expect(page.get_by_label("Whose resting face")).to_be_hidden()
    page.get_by_role("button", name="Remove").click()
    hears(page, lambda: answers.texts[2:] == [{"rest": asked | {"action": "forget"}}])


def test_a_face_that_goes_away_while_it_is_measured_is_said(page: Page, cameras_url: str) -> None:
    page.clock.install()
    answers = start(page, cameras_url, happy())
    answers.faces = (happy(rest={"progress": 0.4}),)
    expect(page.locator(".card .rest [role=status]")).to_have_text("Look relaxed")
    assert page.locator(".card progress").evaluate("it => it.value") == 0.4
    page.clock.fast_forward(6000)
    expect(page.locator(".card .rest [role=status]")).to_have_text(
        "Keep looking relaxed; more readings are needed"
    )
    answers.faces = ()
    expect(page.locator("#rest-news")).to_have_text("Face 1 disappeared before its resting face was measured.")


def test_a_resting_face_gets_its_name_in_the_card(page: Page, cameras_url: str) -> None:
    answers = start(page, cameras_url, rested())
    page.set_viewport_size({"width": 320, "height": 740})
    page.get_by_role("button", name="Name", exact=True).click()
    field = page.get_by_label("Name of this resting face")
    expect(field).to_be_focused()
    assert page.evaluate(WIDTH) <= 320
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    expect(page.get_by_role("button", name="Name", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type(" Anna ")
    page.keyboard.press("Enter")
    asked = {"track_id": 1, "action": "name", "name": "Anna"}
    hears(page, lambda: answers.texts == [{"rest": asked}])
    expect(field).to_be_hidden()


def test_a_page_with_an_unsaved_recording_asks_before_it_is_left(page: Page, cameras_url: str) -> None:
    answers = start(page, cameras_url, happy())
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.get_by_role("button", name="Record", exact=True).click()
    page.evaluate("location.href = '/'")
    hears(page, lambda: asked == ["beforeunload"])
    frames = answers.frames
    hears(page, lambda: answers.frames > frames + 1)  # so that there is something to lose
    page.get_by_role("button", name="Stop recording").click()
    page.evaluate("location.href = '/'")
    hears(page, lambda: asked == ["beforeunload"] * 2)
    page.get_by_role("button", name="Discard").click()
    page.evaluate("location.href = '/'")
    page.wait_for_url(f"{cameras_url}/", wait_until="commit")
    assert len(asked) == 2


def test_a_hidden_page_frees_the_camera_and_takes_it_again_when_shown(
    page: Page, start_server: Callable[..., Server]
) -> None:
    server = start_server("--source", "demo")
    page.goto(f"{server.url}/camera?start")
    expect(page.locator("#headline")).to_have_text("Your camera is on.")
    track = "document.getElementById('video').srcObject.getTracks()[0]"
    held = page.evaluate_handle(track)
    show_as(page, hidden=True)
    expect(page.locator("#title")).to_have_text("Your camera is off while this page is hidden.")
    assert held.evaluate("track => track.readyState") == "ended"
    until(lambda: figure(server, "fer_mirrors") == 0)
    show_as(page, hidden=False)
    expect(page.locator("#headline")).to_have_text("Your camera is on.")
    assert page.evaluate(f"{track}.readyState") == "live"


def test_where_no_socket_opens_the_frames_are_posted(page: Page, start_server: Callable[..., Server]) -> None:
    server = start_server("--source", "demo")
    page.add_init_script("""WebSocket = class extends EventTarget {
      constructor() { super(); setTimeout(() => this.dispatchEvent(new CloseEvent("close", { code: 1006 }))); }
      close() {}
    }""")
    page.goto(f"{server.url}/camera?start")
    expect(page.locator(".card .says")).to_have_text("surprised")
    with page.expect_request(re.compile(r"/api/v1/camera\?session=[-\d]+&heat=1$")):
        press(page, "Heat map")
    with page.expect_request(re.compile(r"&rest=measure&track_id=1&name=$")):
        page.get_by_role("button", name="Resting face").click()
    expect(page.locator(".card .rest")).to_contain_text("Look relaxed")
    expect(page.locator(".card .rest")).to_contain_text("Relative to its own resting face since")


def test_the_page_comes_back_when_the_server_does(page: Page, start_server: Callable[..., Server]) -> None:
    flags = ("--source", "demo")
    server = start_server(*flags)
    page.goto(f"{server.url}/camera?start")
    expect(page.locator("#headline")).to_have_text("Your camera is on.")
    page.clock.install()
    server.end()  # with an open socket
    expect(page.locator("#advice")).to_have_text("This page keeps trying.")
    start_server(*flags, "--port", str(server.port))
    page.clock.fast_forward(15_000)  # its longest pause
    expect(page.locator("#headline")).to_have_text("Your camera is on.")


def test_a_full_server_is_explained_and_asked_again(page: Page, cameras_url: str) -> None:
    sentence = "All 8 places for visitors' cameras are taken; try again in a minute."
    tries: list[WebSocketRoute] = []

    def refuse(line: WebSocketRoute) -> None:
        tries.append(line)
        line.on_message(lambda _: line.close(code=1013, reason=sentence))

    page.route_web_socket("**/camera/socket", refuse)
    page.goto(f"{cameras_url}/camera?start")
    expect(page.locator("#title")).to_have_text(sentence)
    expect(page.locator("#advice")).to_have_text("This page keeps trying.")
    hears(page, lambda: len(tries) > 1)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("error", "sentence", "advice"),
    [
        ("NotAllowedError", "This page is not allowed to use the camera.", "address bar"),
        ("NotFoundError", "No camera was found.", "Connect one"),
        ("NotReadableError", "in use by another program", "Close that program"),
        ("TypeError", "sends no picture", "choose another one"),
    ],
)
def test_without_a_camera_the_page_says_why_and_what_to_do_and_keeps_its_shape(
    page: Page, cameras_url: str, error: str, sentence: str, advice: str
) -> None:
    page.add_init_script(
        f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('no', '{error}'); }}"
    )
    page.goto(f"{cameras_url}/camera")
    before = page.evaluate(STAGE)
    page.get_by_role("button", name="Start my camera").click()
    expect(page.locator("#title")).to_contain_text(sentence)
    expect(page.locator("#advice")).to_contain_text(advice)
    expect(page.locator("#headline")).to_contain_text(sentence)  # which a screen reader is told
    expect(page.get_by_role("button", name="Start my camera")).to_be_enabled()
    assert page.evaluate(STAGE) == before


def test_a_camera_that_is_connected_starts_by_itself(page: Page, cameras_url: str) -> None:
    page.add_init_script("""const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wishes) => {
        if (window.connected) return open(wishes);
        throw new DOMException("none", "NotFoundError");
      };""")
    page.goto(f"{cameras_url}/camera?start")
    expect(page.locator("#title")).to_have_text("No camera was found.")
    page.evaluate("window.connected = true; navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    expect(page.locator("#headline")).to_have_text("Your camera is on.")
    page.evaluate("document.getElementById('video').srcObject.getTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.locator("#title")).to_have_text("The camera was disconnected.")


def test_on_an_insecure_page_it_says_what_is_needed(page: Page, cameras_url: str) -> None:
    page.goto(cameras_url.replace("127.0.0.1", "camera.test") + "/camera")
    expect(page.locator("#title")).to_contain_text("https://")
    expect(page.get_by_role("button", name="Start my camera")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_sticks_out_on_a_phone_and_the_card_is_seen_at_once(
    page: Page, cameras_url: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(f"{cameras_url}/camera")
    assert page.evaluate(WIDTH) <= width
    start(page, cameras_url, happy())
    assert page.evaluate(WIDTH) <= width
    says = page.locator(".card .says").bounding_box()
    assert says is not None
    assert says["y"] + says["height"] < 740


@pytest.mark.parametrize("size", [(1280, 720), (1366, 768), (1440, 900)])
def test_picture_tools_and_card_are_seen_together(page: Page, cameras_url: str, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    start(page, cameras_url, happy())
    for part in ("#stage", "#tools", ".card"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= size[1], part


def test_everything_can_be_done_by_keyboard(page: Page, cameras_url: str) -> None:
    Answers(page, happy())
    page.goto(f"{cameras_url}/camera")
    page.get_by_role("button", name="Start my camera").focus()
    page.keyboard.press("Enter")
    expect(
        page.get_by_role("button", name="Stop", exact=True)
    ).to_be_focused()  # the poster took its button along
    expect(page.locator("#headline")).to_have_text("Your camera is on.")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "emoji":
            break
    page.keyboard.press("Space")
    expect(page.get_by_role("switch", name="Emoji")).to_have_attribute("aria-checked", "true")
    with page.expect_download():
        page.keyboard.press("s")


def test_a_face_is_placed_by_valence_and_arousal_where_that_is_asked_for(page: Page, cameras_url: str) -> None:
    start(page, cameras_url, happy())
    picture = page.locator(".card").get_by_role("img", name=re.compile(r"^valence 0\.5, arousal 0\.5 "))
    expect(picture).to_have_count(0)
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Valence and arousal").click()
    expect(picture).to_be_visible()


def test_screen_mode_starts_by_itself_shows_large_words_and_waits_for_a_camera(
    page: Page, cameras_url: str
) -> None:
    page.add_init_script("""const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      let tries = 0;
      navigator.mediaDevices.getUserMedia = async (wishes) => {
        if (tries++) return open(wishes);
        throw new DOMException("in use", "NotReadableError");
      };""")
    answers = Answers(page, happy())
    page.clock.install()
    page.goto(f"{cameras_url}/camera?screen")
    expect(page.locator("#title")).to_have_text("The camera is in use by another program.")
    page.clock.fast_forward(5000)
    expect(page.locator("#captions li")).to_have_text(["happy70%"])  # it was tried again
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    assert (stage["x"], stage["y"], stage["width"]) == (0, 0, 1280)
    expect(page.locator("#tools")).to_be_hidden()
    answers.faces = ()
    expect(page.locator("#captions li")).to_have_count(0)
    page.clock.fast_forward(4000)
    expect(page.locator("#closer")).to_be_visible()
    expect(page.locator("#closer")).to_have_text("Step closer")
    page.mouse.move(300, 300)
    page.get_by_role("button", name="Leave screen mode").click()
    expect(page.locator("#tools")).to_be_visible()


def test_axe_finds_nothing_wrong_before_while_and_after_it_is_on(browser: Browser, cameras_url: str) -> None:
    page = browser.new_page(bypass_csp=True)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{cameras_url}/camera")
    assert axe(page) == []
    answers = start(page, cameras_url, happy())
    page.get_by_role("button", name="Record", exact=True).click()
    assert axe(page) == []
    for face, words in (
        (happy(rest={"progress": 0.4}), "Look relaxed"),
        (rested("Anna"), "Anna's resting face since"),
    ):
        answers.faces = (face,)
        expect(page.locator(".card .rest")).to_contain_text(words)
        assert axe(page) == []
    page.get_by_role("button", name="Name", exact=True).click()
    assert axe(page) == []
    page.get_by_role("button", name="Stop recording").click()
    page.get_by_text("More", exact=True).click()
    assert axe(page) == []
    page.close()
    page = browser.new_page(bypass_csp=True)
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); }"
    )
    page.goto(f"{cameras_url}/camera?start")
    expect(page.locator("#title")).to_contain_text("not allowed")
    assert axe(page) == []
    page.close()
