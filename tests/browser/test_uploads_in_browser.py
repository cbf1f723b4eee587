"""Pictures, ZIPs and videos in real Chromium, with fakes for detector and network."""

import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app import SAMPLES
from tests.fakes.browser import PATIENCE_MS, WIDTH, arriving, follow, visiting
from tests.fakes.camera import FakeCrowd
from tests.fakes.files import zip_of
from tests.fakes.images import bright_image, plain_image
from tests.fakes.recognition import AlwaysHappy, Gated, fake_pipeline
from tests.fakes.server import serving
from tests.fakes.site import make_fake_site
from tests.fakes.waiting import until
from uploads.jobs import Jobs
from uploads.recognizer import Recognizer
from uploads.results import Results
from vision.emotions import DETAILS
from vision.jpeg import encode_jpeg
from vision.samples import load_samples
from web.limits import UploadLimiter
from web.uploads import upload_pages

pytestmark = pytest.mark.browser

FACE = encode_jpeg(bright_image(240, 320), 90)
NOBODY = encode_jpeg(plain_image(20, 240, 320), 90)
DROP = """([selector, bytes]) => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(bytes)], "dropped.jpg", { type: "image/jpeg" }));
  const target = document.querySelector(selector);
  for (const name of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(name, { dataTransfer: files, bubbles: true, cancelable: true }));
  }
}"""

CAMERA = """
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = document.createElement("canvas");
  canvas.width = 320;
  canvas.height = 240;
  const pen = canvas.getContext("2d");
  const paint = () => {
    pen.fillStyle = "#141414";
    pen.fillRect(0, 0, 320, 240);
    pen.fillStyle = "#dddddd";
    pen.fillRect(60, 40, 120, 120);
  };
  paint();
  setInterval(paint, 50);
  window.camera = canvas.captureStream(20);
  return window.camera;
};
"""


@pytest.fixture(scope="module")
def detector() -> Gated:
    """A detector that finds a face as often as the test lets it."""
    gated = Gated()
    gated.go_on.release(1_000_000)
    return gated


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, detector: Gated) -> Iterator[str]:
    crowd = FakeCrowd()
    crowd.close()
    recognizer = Recognizer(lambda: detector, AlwaysHappy(), 0.4, threads=1)
    jobs = Jobs(Results(tmp_path_factory.mktemp("kept")), recognizer, fake_pipeline, 80, blur=False)
    pages = [upload_pages(jobs, UploadLimiter(), max_upload_mb=2, samples=load_samples(SAMPLES))]
    site = make_fake_site(crowd, pages)
    with serving(site) as server:
        yield f"http://127.0.0.1:{server.port}"
    detector.go_on.release(1_000_000)
    jobs.close()


@pytest.fixture
def open_page(browser: Browser, kept_page: Page, url: str) -> Iterator[Callable[..., Page]]:
    """Return a function that opens the upload page as a new visitor; what a browser complains of fails."""
    with visiting(browser, kept_page) as visit:
        yield lambda **options: visit(f"{url}/pictures", **options)


def choose(page: Page, *files: tuple[str, bytes]) -> None:
    """Choose files, which are sent at once, or, without a script, by the form's button."""
    payloads = [{"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in files]
    page.set_input_files("#files", payloads)  # type: ignore[arg-type]
    without_a_script = page.get_by_role("button", name="Read the faces")
    if without_a_script.is_visible():
        without_a_script.click()


def read(page: Page, *files: tuple[str, bytes]) -> None:
    """Choose files, and wait for the page about them."""
    with arriving(page):
        choose(page, *files)


def test_chosen_pictures_are_read_and_shown_with_their_bars(open_page: Callable[..., Page]) -> None:
    page = open_page()
    read(page, ("a.jpg", FACE), ("b.jpg", NOBODY))
    expect(page.get_by_role("heading", name="happy 70")).to_be_visible()
    expect(page.get_by_role("heading", name="No face was found")).to_be_visible()
    heat = page.get_by_alt_text("Where the network saw happy")
    expect(heat).to_be_visible()
    page.wait_for_load_state()
    until(lambda: heat.evaluate("image => image.naturalWidth"))
    widths = page.evaluate(
        "[...document.querySelectorAll('.bar')].map(b => parseFloat(getComputedStyle(b, '::before').width))"
    )
    assert len(widths) == 7
    assert widths == sorted(widths, reverse=True)
    follow(page, page.get_by_role("link", name="Delete"))
    follow(page, page.get_by_role("button", name="Delete"))
    expect(page.get_by_role("status").filter(has_text="Deleted: 1 result.")).to_be_visible()
    expect(page.get_by_text("Nothing yet.")).to_be_visible()


@pytest.mark.parametrize("where", ["#drop", "footer"])
def test_a_picture_is_dropped_anywhere_on_the_page(open_page: Callable[..., Page], where: str) -> None:
    page = open_page()
    page.evaluate(DROP, [where, list(FACE)])
    expect(page.get_by_role("heading", name="dropped.jpg")).to_be_visible()


def test_while_a_picture_is_dragged_over_it_the_page_says_where_to_drop_it(
    open_page: Callable[..., Page],
) -> None:
    page = open_page()
    veil = page.get_by_text("Drop it anywhere")
    drag = """name => {
      const files = new DataTransfer();
      files.items.add(new File(["x"], "a.jpg"));
      document.querySelector("h1").dispatchEvent(new DragEvent(name, { dataTransfer: files, bubbles: true }));
    }"""
    page.evaluate(drag, "dragenter")
    expect(veil).to_be_visible()
    page.evaluate(drag, "dragleave")
    expect(veil).to_be_hidden()


def test_a_picture_can_be_pasted(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.evaluate(
        """bytes => {
          const files = new DataTransfer();
          files.items.add(new File([new Uint8Array(bytes)], "pasted.jpg", { type: "image/jpeg" }));
          const paste = { clipboardData: files, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new ClipboardEvent("paste", paste));
        }""",
        list(FACE),
    )
    expect(page.get_by_role("heading", name="pasted.jpg")).to_be_visible()
    expect(page.get_by_role("heading", name="happy 70%")).to_be_visible()


def test_a_picture_is_taken_with_the_computers_camera(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(CAMERA)
    page.goto(f"{url}/pictures")
    page.get_by_role("button", name="Take a picture").click()
    shutter = page.get_by_role("button", name="Take the picture")
    expect(shutter).to_be_enabled()
    page.get_by_role("button", name="Cancel").click()
    until(lambda: page.evaluate("camera.getTracks()[0].readyState") == "ended")  # its lamp is off
    page.get_by_role("button", name="Take a picture").click()
    expect(shutter).to_be_enabled()
    shutter.click()
    expect(page.get_by_role("heading", name="camera.jpg")).to_be_visible()
    expect(page.get_by_role("heading", name="happy 70%")).to_be_visible()
    page.close()


def test_a_camera_that_is_refused_is_said_in_the_dialog(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.evaluate(
        """() => {
          navigator.mediaDevices.getUserMedia = async () => {
            throw new DOMException("no", "NotAllowedError");
          };
        }"""
    )
    page.get_by_role("button", name="Take a picture").click()
    expect(page.get_by_role("alert")).to_have_text(  # as My camera says it
        "This page is not allowed to use the camera. "
        "Allow it with the camera icon in the browser's address bar, then try again."
    )
    expect(page.get_by_role("button", name="Take the picture")).to_be_disabled()


def test_a_camera_that_is_connected_while_the_dialog_waits_for_it_is_taken(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(CAMERA)
    page.goto(f"{url}/pictures")
    page.evaluate(
        """() => {
          const { mediaDevices } = navigator;
          mediaDevices.connected = mediaDevices.getUserMedia;
          mediaDevices.getUserMedia = async () => { throw new DOMException("none", "NotFoundError"); };
        }"""
    )
    page.get_by_role("button", name="Take a picture").click()
    expect(page.get_by_role("alert")).to_have_text(
        "No camera was found. Connect one, and it starts automatically."
    )
    page.evaluate(
        """() => {
          const { mediaDevices } = navigator;
          mediaDevices.getUserMedia = mediaDevices.connected;
          mediaDevices.dispatchEvent(new Event("devicechange"));
        }"""
    )
    expect(page.get_by_role("button", name="Take the picture")).to_be_enabled()
    expect(page.get_by_role("alert")).to_be_hidden()
    page.close()


@pytest.mark.parametrize("scripted", [True, False])
def test_a_sample_is_read_by_one_click(open_page: Callable[..., Page], scripted: bool) -> None:
    page = open_page(java_script_enabled=scripted)
    follow(page, page.get_by_role("button", name="afraid"))
    expect(page.get_by_role("heading", name="afraid face 3.jpg")).to_be_visible()
    expect(page.get_by_role("heading", name="happy 70%")).to_be_visible()  # as the fake network says


def test_what_is_sent_is_shown_small_until_it_was_read(open_page: Callable[..., Page], detector: Gated) -> None:
    page = open_page()
    while detector.go_on.acquire(blocking=False):
        pass
    choose(page, ("a.jpg", FACE), ("b.jpg", NOBODY), ("c.jpg", b"no picture"))
    expect(page.locator("#thumbs li")).to_have_text(["a.jpg", "b.jpg", "c.jpg"])
    expect(page.locator("#thumbs canvas")).to_have_count(2)
    expect(page.locator("#message")).to_have_text("Reading the faces …")
    expect(page.get_by_role("progressbar")).to_be_visible()
    detector.go_on.release(1_000_000)
    expect(page.get_by_role("heading", name="a.jpg and 2 more")).to_be_visible()
    page.go_back()
    expect(page.locator("#thumbs li")).to_have_count(0)


def test_a_face_and_its_box_in_the_picture_point_at_each_other(open_page: Callable[..., Page]) -> None:
    page = open_page()
    read(page, ("a.jpg", FACE))
    face, box = page.locator("#face-0-1"), page.locator("#box-0-1")
    rect = box.locator("rect")
    page.wait_for_load_state()
    face.hover()
    expect(rect).to_have_css("stroke", "rgb(255, 255, 255)")
    page.mouse.move(0, 0)
    expect(rect).not_to_have_css("stroke", "rgb(255, 255, 255)")
    rect.hover()
    expect(face).to_have_class(re.compile("lit"))
    drawn, picture = rect.bounding_box(), page.locator(".scene img").bounding_box()
    assert drawn
    assert picture
    assert picture["x"] <= drawn["x"] < picture["x"] + picture["width"] / 2
    rect.click()
    assert page.url.endswith("#face-0-1")


def test_the_table_of_all_results_leads_to_the_right_face(open_page: Callable[..., Page]) -> None:
    page = open_page()
    read(page, ("a.jpg", FACE), ("b.jpg", FACE), ("c.jpg", NOBODY))
    expect(page.get_by_role("heading", name="a.jpg and 2 more")).to_be_visible()
    page.goto(page.url.partition("/pictures")[0] + "/results")
    follow(page, page.get_by_role("link", name="b.jpg"))
    expect(page.locator(".reading")).to_have_count(1)
    expect(page.get_by_role("region", name="b.jpg").locator("#face-1-1")).to_be_in_viewport()
    assert page.url.endswith("?picture=1#face-1-1")
    follow(page, page.get_by_role("link", name="Next"))
    expect(page.get_by_role("region", name="c.jpg")).to_be_visible()
    follow(page, page.get_by_role("link", name="All 3 pictures"))
    expect(page.locator(".reading")).to_have_count(3)


def test_a_face_of_a_video_leads_to_its_moment(open_page: Callable[..., Page], clip: bytes) -> None:
    page = open_page()
    read(page, ("clip.avi", clip))
    video = page.locator("video")
    until(lambda: video.evaluate("v => v.readyState"))
    video.evaluate("v => { v.currentTime = 0.3; }")
    page.wait_for_load_state("domcontentloaded")  # its script runs
    page.get_by_role("link", name="Show face 1 in the video").click()
    until(lambda: video.evaluate("v => v.currentTime") < 0.1)
    expect(video).to_be_focused()


def test_without_a_script_the_form_works_too(open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    read(page, ("a.jpg", FACE))
    expect(page.get_by_role("heading", name="happy 70")).to_be_visible()


@pytest.mark.parametrize("scripted", [True, False])
def test_a_picture_without_a_face_is_treated_as_one_by_a_press(
    open_page: Callable[..., Page], scripted: bool
) -> None:
    page = open_page(java_script_enabled=scripted)
    read(page, ("a.jpg", FACE), ("b.jpg", NOBODY))
    second = page.get_by_role("region", name="b.jpg")
    expect(second).to_contain_text("No face was found")
    expect(page.get_by_role("button", name="Read the whole picture")).to_have_count(1)
    follow(page, second.get_by_role("button", name="Read the whole picture as a face"))
    expect(second).to_contain_text("The whole picture was read as a face.")
    expect(second.get_by_role("heading", name="happy 70")).to_be_visible()
    expect(page.get_by_text("2 pictures, 2 faces.")).to_be_visible()
    expect(page.get_by_role("button", name="Read the whole picture")).to_have_count(0)


@pytest.mark.parametrize("scripted", [True, False])
def test_pictures_that_are_cut_to_a_face_are_sent_as_such(
    open_page: Callable[..., Page], scripted: bool
) -> None:
    page = open_page(java_script_enabled=scripted)
    page.get_by_role("checkbox", name="Each picture shows one face").check()
    read(page, ("b.jpg", NOBODY))
    expect(page.get_by_text("The whole picture was read as a face.")).to_be_visible()
    expect(page.get_by_role("heading", name="happy 70")).to_be_visible()


def test_a_jobs_progress_survives_a_reload_and_it_can_be_cancelled(
    open_page: Callable[..., Page], detector: Gated
) -> None:
    page = open_page()
    while detector.go_on.acquire(blocking=False):
        pass
    read(page, ("many.zip", zip_of(*((f"{number}.jpg", FACE) for number in range(40)))))
    expect(page.locator("#doing")).to_have_text("Getting ready …")
    detector.go_on.release(20)
    expect(page.locator("#doing")).to_have_text("picture 16 of 40")
    page.reload()
    expect(page.locator("#doing")).to_have_text("picture 16 of 40")
    expect(page.locator("#percent")).to_contain_text("40")
    follow(page, page.get_by_role("button", name="Cancel"))
    detector.go_on.release(1_000_000)
    expect(page.get_by_text("Cancelled; these are the results so far.")).to_be_visible()
    expect(page.locator("table img").first).to_be_visible()


def test_a_videos_annotated_copy_plays_in_the_page(
    open_page: Callable[..., Page],
    clip: bytes,
) -> None:
    page = open_page()
    read(page, ("clip.avi", clip))
    video = page.locator("video")
    expect(video).to_be_visible()
    until(lambda: video.evaluate("v => v.readyState"))
    assert abs(video.evaluate("v => v.duration") - 12 / 25) < 0.1
    assert video.evaluate("v => new Promise(done => { v.onended = () => done(v.videoWidth); v.play(); })") == 64
    expect(page.locator(".stack path.tone-happy")).to_have_count(1)


def test_the_results_are_sorted_by_a_press_on_a_heading(open_page: Callable[..., Page]) -> None:
    page = open_page()
    read(page, ("b10.jpg", FACE), ("b9.jpg", FACE), ("a.jpg", NOBODY))
    expect(page.get_by_role("heading", name="b10.jpg and 2 more")).to_be_visible()
    page.goto(page.url.partition("/pictures")[0] + "/results")
    files = page.locator("tbody tr td:nth-child(3)")
    expect(files).to_have_text(["b10.jpg", "b9.jpg", "a.jpg"])
    heading = page.get_by_role("button", name="File")
    heading.focus()
    page.keyboard.press("Enter")
    expect(files).to_have_text(["a.jpg", "b9.jpg", "b10.jpg"])
    heading.click()
    expect(files).to_have_text(["b10.jpg", "b9.jpg", "a.jpg"])
    expect(page.locator("th").nth(2)).to_have_attribute("aria-sort", "descending")

    heading = page.locator("th button").nth(4)
    for way in ("ascending", "descending"):  # a sentence is no emotion, and comes last either way
        heading.click()
        expect(page.locator("th").nth(4)).to_have_attribute("aria-sort", way)
        expect(files).to_have_text(["b10.jpg", "b9.jpg", "a.jpg"])

    times = page.locator("tbody time")
    expect(times.first).not_to_contain_text("UTC")  # but the reader's own
    days = ["2026-10-02", "2026-09-03", "2026-08-01"]  # as words: Oct, Sep, Aug
    times.evaluate_all(
        """(times, days) => times.forEach((time, row) => {
          time.dateTime = days[row];
          time.textContent = new Date(days[row]).toLocaleDateString("en", { dateStyle: "medium" });
        })""",
        days,
    )
    page.get_by_role("button", name="Read").click()
    assert times.evaluate_all("times => times.map(time => time.dateTime)") == sorted(days)


def test_in_a_table_of_pictures_those_without_a_face_come_last_and_have_the_button(
    open_page: Callable[..., Page],
) -> None:
    page = open_page()
    entries = [(f"{number}.jpg", NOBODY if number == 3 else FACE) for number in range(13)]
    read(page, ("z.zip", zip_of(*entries)))
    heading = page.locator("th button").nth(2)
    last = page.locator("tbody tr").last
    for way in ("ascending", "descending"):
        heading.click()
        expect(page.locator("th").nth(3)).to_have_attribute("aria-sort", way)
        expect(last).to_contain_text("3.jpg")
    last.get_by_role("button", name="Read the whole picture as a face").click()
    expect(page.locator(".tag")).to_have_count(13)


def test_a_column_of_pictures_cannot_be_sorted(open_page: Callable[..., Page]) -> None:
    page = open_page()
    read(page, ("z.zip", zip_of(*((f"{number}.jpg", FACE) for number in range(13)))))
    expect(page.locator("th button")).to_have_text(["File", "Faces", "Emotions, the largest face first"])


def test_an_upload_that_is_too_large_is_not_sent(open_page: Callable[..., Page], tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(bytes(3_000_000))
    page = open_page()
    page.set_input_files("#files", large)
    expect(page.locator("#message")).to_have_text("large.jpg: 3 MB is too much; the limit is 2 MB.")
    expect(page.locator("#thumbs")).to_contain_text("large.jpg")
    expect(page.locator("form.upload button")).to_have_count(2)
    expect(page.locator("#send")).to_be_hidden()
    assert page.url.endswith("/pictures")


def test_on_a_phone_nothing_sticks_out_and_no_emotion_is_cut_off(
    open_page: Callable[..., Page],
    clip: bytes,
) -> None:
    page = open_page(viewport={"width": 320, "height": 740})
    pages = [page.url]
    zipped = zip_of(*((f"{'long' * 60}{number}.jpg", FACE) for number in range(13)))
    for name, data in (("x" * 200 + ".jpg", FACE), ("z.zip", zipped), ("clip.avi", clip)):
        page.goto(pages[0])
        read(page, (name, data))
        expect(page.get_by_role("link", name="Delete")).to_be_visible()
        pages.append(page.url)
    pages.append(pages[0].replace("/pictures", "/results"))
    for address in pages:
        page.goto(address)
        assert page.evaluate(WIDTH) <= 320, address
        ends = "tags => tags.map(tag => tag.getBoundingClientRect().right)"
        right = page.locator(".tag").evaluate_all(ends)
        assert all(end < 305 for end in right), address
        assert bool(right) == bool(page.locator(".listing").count())
        cut_off = "tables => tables.some(table => table.scrollWidth > table.clientWidth)"
        assert not page.locator(".listing").evaluate_all(cut_off), address


def test_a_wide_table_is_scrolled_with_the_keyboard(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 700, "height": 740})
    read(page, ("a.jpg", FACE))
    expect(page.get_by_role("heading", name="happy 70")).to_be_visible()
    page.goto(page.url.partition("/pictures")[0] + "/results")
    table = page.get_by_role("region", name="All faces")
    table.focus()
    page.keyboard.press("ArrowRight")
    until(lambda: table.evaluate("table => table.scrollLeft"))


def test_on_paper_are_the_bars_in_their_colours_and_nothing_to_press(open_page: Callable[..., Page]) -> None:
    page = open_page(color_scheme="dark")
    read(page, ("a.jpg", FACE))
    expect(page.get_by_role("heading", name="happy 70")).to_be_visible()
    paper = page.pdf(print_background=False)
    drawn = b"".join(
        map(zlib.decompress, re.findall(rb"/FlateDecode.*?stream\r?\n(.*?)endstream", paper, re.S))
    )
    happy = [int(DETAILS["happy"].colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    colours = [[float(part) for part in words.split()] for words in re.findall(rb"([\d. ]+) rg\b", drawn)]
    assert any(colour == pytest.approx(happy, abs=0.01) for colour in colours), colours
    page.emulate_media(media="print", color_scheme="dark")
    for control in ("navigation", "button"):
        expect(page.get_by_role(control)).to_have_count(0)
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(35, 29, 24)"  # on white
