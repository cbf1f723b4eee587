"""The documents say what is true."""

import re
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, cast

import pytest

from recording.dictionary import CSV_FIELDS, MARKER_FIELDS
from recording.history import History
from settings import ROOT, Settings, flag, variable
from tests.fakes.browser_cameras import Hall
from tests.fakes.camera import FakeCrowd
from tests.fakes.recognition import AlwaysSad, OneFace, fake_pipeline, fake_recognizer
from tests.fakes.recording import FakeRecorder
from tests.fakes.relay import FakeCameras, make_fake_wall
from tests.fakes.site import make_fake_site
from training.config import Config
from uploads.explainer import PictureExplainer
from uploads.jobs import Jobs
from uploads.results import Results
from vision.controls import Controls
from vision.live_classifier import LiveClassifier
from vision.pipeline import Pipeline
from vision.tracker import Tracker
from web.api import api_pages
from web.browser_cameras import browser_camera_pages
from web.explain import explain_pages
from web.history import history_pages
from web.limits import UploadLimiter
from web.uploads import upload_pages


def text_of(path: str) -> str:
    """Return the text of a page of the documentation."""
    return (ROOT / path).read_text(encoding="utf-8")


def table_rows(text: str) -> list[list[str]]:
    rows = [line.strip().strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in rows]


@pytest.mark.parametrize("item", fields(Settings), ids=lambda item: item.name)
def test_every_setting_is_in_the_settings_page_with_its_default(item: object) -> None:
    by_flag = {row[0].strip("`"): row for row in table_rows(text_of("docs/settings.md"))}
    field = next(candidate for candidate in fields(Settings) if candidate is item)
    row = by_flag[flag(field)]
    default = str(field.default).removeprefix(f"{ROOT}/")
    assert [cell.strip("`") for cell in row[1:3]] == [variable(field), default]


@pytest.mark.parametrize("item", fields(Settings), ids=lambda item: item.name)
def test_the_settings_page_describes_each_setting_as_the_help_does(item: "Field[Any]") -> None:
    rows = table_rows(text_of("docs/settings.md"))
    (cell,) = (row[3] for row in rows if row[0].strip("`") == flag(item))
    without_links = re.sub(r" \(\[.+?\]\(.+?\)\)", "", cell)
    assert re.sub(r"[`“”\"]", "", without_links) == re.sub(r"[`\"]", "", item.metadata["help"])


def test_the_settings_page_has_no_setting_that_is_gone() -> None:
    rows = table_rows(text_of("docs/settings.md"))
    documented = {row[0].strip("`") for row in rows if row[0].startswith("`--")}
    assert documented == {flag(field) for field in fields(Settings)}


def test_every_route_is_in_the_api_page_and_every_documented_route_exists(tmp_path: Path) -> None:
    crowd, recorder = FakeCrowd(), FakeRecorder()
    controls = Controls(Pipeline(OneFace(), LiveClassifier(AlwaysSad().predict), Tracker(0.3, 0.4), 80))
    jobs = Jobs(Results(tmp_path), fake_recognizer(), fake_pipeline, 80, blur=False)
    pages = [
        history_pages(History(str(tmp_path / "none")), recorder),
        explain_pages(cast("PictureExplainer", None), UploadLimiter()),  # it is asked nothing
        upload_pages(jobs, UploadLimiter(), max_upload_mb=1),
        api_pages(jobs, UploadLimiter()),
        browser_camera_pages(Hall().cameras),
    ]
    site = make_fake_site(crowd, pages, controls=controls, recorder=recorder)
    crowd.close()
    jobs.close()
    wall = make_fake_wall(FakeCameras(crowd))
    rules = {rule.rule for made in (site, wall) for rule in made.url_map.iter_rules()}
    routes = {rule for rule in rules if not rule.startswith("/static")}
    below = {rule for rule in routes if rule.startswith("/cameras/<camera>/")}
    documented = {row[0].strip("`") for row in table_rows(text_of("docs/api.md")) if row[0].startswith("`/")}
    assert documented == routes - {f"/cameras/<camera>{page}" for page in documented - {"/"}}
    assert len(below) > 8  # whose rows are those of the same pages of one camera


def test_the_data_dictionary_is_that_of_the_exports() -> None:
    fields = (*CSV_FIELDS, *MARKER_FIELDS)
    rows = table_rows(text_of("docs/recording.md"))
    documented = [[row[0].strip("`"), *row[1:]] for row in rows if not row[0].startswith("`/")]
    assert documented == [[it.name, it.description, it.unit or "-", it.empty] for it in fields]


def test_the_design_page_names_every_room() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    design = text_of("docs/design.md")
    assert {room for room in rooms if f"`{room}/`" not in design} == set()


def words_of_the_program() -> str:
    """Return what the program, its pages and their scripts can say, each sentence on a line of its own."""
    rooms = (
        "vision",
        "sources",
        "nn",
        "streaming",
        "server",
        "recording",
        "uploads",
        "outputs",
        "relay",
        "web",
    )
    files = [*ROOT.glob("*.py"), *(file for room in rooms for file in (ROOT / room).glob("*.py"))]
    files += [*ROOT.glob("templates/*.html"), *ROOT.glob("static/js/*.js")]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    return re.sub(r'"\s*\n\s*f?"', "", text).lower()


def symptoms(text: str) -> set[str]:
    """Return what stands in quotation marks in the first cells of the tables."""
    cells = re.findall(r"^\| (.+?) \|", text, re.MULTILINE)
    return {quote for cell in cells for quote in re.findall(r"[“\"`](.+?)[”\"`]", cell)}


def test_every_symptom_of_the_troubleshooting_page_is_in_the_programs_words() -> None:
    ours = symptoms(text_of("docs/troubleshooting.md")) - {"event=", "400 Bad Request", "make run", "ensurepip"}
    assert len(ours) > 15
    words = words_of_the_program()
    for quote in ours:
        parts = re.split(r"…|\d+|error: |lobby", quote.lower())
        assert any(part.strip() in words for part in parts if " " in part.strip()), quote


def test_the_readmes_symptoms_are_those_of_the_troubleshooting_page() -> None:
    table = text_of("README.md").split("## When something goes wrong")[1].split("\n## ")[0]
    assert len(symptoms(table)) > 3
    everything = text_of("docs/troubleshooting.md")
    assert {quote for quote in symptoms(table) if quote.strip("… ") not in everything} == set()


def test_the_training_page_has_the_settings_of_the_augmentation_with_their_defaults() -> None:
    section = text_of("docs/training.md").split("Those of the augmentation:")[1].split("\n\n- ")[0]
    documented = {row[0].strip("`"): row[1].strip("`") for row in table_rows(section)}
    defaults = {field.name: field.default for field in fields(Config)}
    assert len(documented) > 6
    assert documented == {name: str(defaults[name]).lower() for name in documented}


def test_no_page_calls_the_computer_of_the_site_this_machine() -> None:
    """A visitor's machine is another one."""
    pages = [*ROOT.glob("templates/*.html"), *ROOT.glob("static/js/*.js")]
    found = [page.name for page in pages if "this machine" in page.read_text(encoding="utf-8").lower()]
    assert found == []
