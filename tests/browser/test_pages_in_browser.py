"""Pictures, results, Explain and About as one walks through them, in real Chromium with the real network."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes.browser import WIDTH, arriving, axe, follow, visiting
from tests.fakes.server import Server, free_port
from vision.emotions import DETAILS

pytestmark = pytest.mark.browser

# The pictures that are shown with other proportions than they have.
STRETCHED = """[...document.images]
  .filter((image) => image.checkVisibility() && image.naturalWidth)
  .filter((image) => getComputedStyle(image).objectFit === "fill")
  .filter((image) => {
    const shown = image.clientWidth / image.clientHeight;
    return Math.abs(shown / (image.naturalWidth / image.naturalHeight) - 1) > 0.1;
  })
  .map((image) => image.src.slice(-60))"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of the real program with the demo."""
    server = Server("--source", "demo", "--port", str(free_port()))
    yield server.wait_until_ready().url
    server.stop()
    assert "Traceback" not in server.output


@pytest.fixture
def open_page(browser: Browser, kept_page: Page, url: str) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page as a new visitor; what a browser complains of fails."""
    with visiting(browser, kept_page) as visit:
        yield lambda path, **options: visit(f"{url}{path}", **options)


def tab_to(page: Page, role: str, name: str) -> None:
    """Press Tab until an element has the focus."""
    wanted = page.get_by_role(role, name=name)  # type: ignore[arg-type]
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"Tab does not reach the {role} {name!r}")


def test_a_sample_is_read_and_explained_by_keyboard_alone_and_sent_once(open_page: Callable[..., Page]) -> None:
    page = open_page("/pictures")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    tab_to(page, "button", "happy")
    with arriving(page):
        page.keyboard.press("Enter")
    face = page.get_by_role("heading", name=re.compile(r"^happy \d+%"))
    expect(face).to_be_visible()
    share = (face.text_content() or "").split()[1]
    tab_to(page, "link", "Explain this face, number 1")
    with arriving(page):
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Most likely happy, {share}")).to_be_visible()
    assert len(sent) == 1
    tab_to(page, "link", "← Back to the result")
    page.keyboard.press("Enter")
    expect(page.locator("#face-0-1")).to_be_in_viewport()


def test_an_explanation_is_also_there_in_words_and_numbers(open_page: Callable[..., Page]) -> None:
    page = open_page("/explain")
    follow(page, page.get_by_role("navigation", name="Sample faces").get_by_role("link", name="surprised"))
    expect(page.get_by_role("heading", name="Most likely surprised")).to_be_visible()
    expect(page.get_by_alt_text(re.compile("^The network saw surprised mostly in the "))).to_be_visible()
    page.get_by_text("The same in numbers and words").click()
    rows = page.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(8)
    expect(rows.nth(1)).to_have_text(re.compile(r"surprised\s*[\d.]+%\s*mostly in the "))


def test_while_an_explanation_takes_long_the_page_says_so(open_page: Callable[..., Page]) -> None:
    page = open_page("/samples/happy", locale="en")  # a page of its own, as its clock stays stopped
    page.clock.install(time=0)
    page.clock.pause_at(1)
    page.evaluate("addEventListener('click', (event) => event.preventDefault())")  # as if nothing came
    page.get_by_role("link", name="Explain face 1").click()
    status = page.locator("#working")
    expect(status).to_have_text("Looking closely …")
    page.clock.fast_forward(3000)
    expect(status).to_contain_text("the first one takes some seconds")


def test_a_picture_is_dropped_on_the_explain_page(open_page: Callable[..., Page], url: str) -> None:
    page = open_page("/explain")
    page.evaluate(
        """async () => {
          const sample = await fetch(document.querySelector(".chips img").src);
          const files = new DataTransfer();
          files.items.add(new File([await sample.blob()], "dropped.jpg", { type: "image/jpeg" }));
          document.querySelector("footer").dispatchEvent(
            new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }),
          );
        }"""
    )
    expect(page.get_by_role("heading", name="Most likely angry")).to_be_visible()
    assert page.url == f"{url}/explain"


def test_the_page_about_the_site_leads_to_the_sample_pages(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    follow(page, page.get_by_role("link", name="About"))
    expect(page.get_by_role("heading", level=1)).to_have_text("About this site")
    for details in DETAILS.values():
        expect(page.get_by_text(details.description)).to_be_visible()
    follow(page, page.get_by_role("link", name="disgusted"))
    expect(page.get_by_role("heading", name="Disgusted")).to_be_visible()
    follow(page, page.get_by_role("link", name="afraid →"))
    expect(page.get_by_role("heading", name="Afraid")).to_be_visible()


def test_the_browser_finds_the_site_fit_to_be_installed(open_page: Callable[..., Page], url: str) -> None:
    page = open_page("/about")
    client = page.context.new_cdp_session(page)
    manifest = client.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"] == f"{url}/static/site.webmanifest"
    problems = client.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {problem["errorId"] for problem in problems} <= {"in-incognito"}  # as a test's windows are


def test_no_page_has_a_fault_that_axe_finds_or_is_wider_than_a_small_phone(
    open_page: Callable[..., Page], url: str
) -> None:
    page = open_page("/pictures", viewport={"width": 320, "height": 640})
    assert axe(page) == []
    assert page.evaluate(WIDTH) <= 320
    follow(page, page.get_by_role("button", name="sad"))
    result = page.url.removeprefix(url)
    explained = page.get_by_role("link", name="Explain this face").get_attribute("href")
    for path in (result, explained, "/results", "/pictures", "/explain", "/about", "/samples/sad"):
        page.goto(f"{url}{path}")
        page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
        assert axe(page) == [], path
        assert page.evaluate(WIDTH) <= 320, path


def test_no_picture_is_stretched(open_page: Callable[..., Page], url: str) -> None:
    page = open_page("/pictures")
    follow(page, page.get_by_role("button", name="disgusted"))
    result = page.url.removeprefix(url)
    explained = page.get_by_role("link", name="Explain this face").get_attribute("href")
    for path in (result, explained, "/results", "/pictures", "/explain", "/about", "/samples/sad"):
        page.goto(f"{url}{path}")
        assert page.evaluate(STRETCHED) == [], path


def test_the_headings_of_each_page_are_in_order_and_its_title_names_it(
    open_page: Callable[..., Page], url: str
) -> None:
    page = open_page("/pictures")
    follow(page, page.get_by_role("button", name="neutral"))
    result = page.url.removeprefix(url)
    titles = set()
    for path in (result, "/results", "/pictures", "/explain", "/explain/sad/1", "/about", "/samples/sad"):
        page.goto(f"{url}{path}")
        levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels)), (path, levels)
        titles.add(page.title())
    assert len(titles) == 7
