"""The page about the site."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from settings import ROOT, VERSION
from tests.fakes.camera import FakeCamera, FakeCrowd, FakeSamples
from tests.fakes.relay import FakeCameras, make_fake_wall
from vision.emotions import DETAILS, EMOTIONS
from web.about import read_figures
from web.security import Access
from web.shown import ShownCamera
from web.site import make_site

CARD = ROOT / "weights" / "README.md"


def client_with(card: Path | None) -> FlaskClient:
    """Return a client of a site whose network has this model card."""
    crowd = FakeCrowd()
    crowd.close()
    shown = ShownCamera(FakeCamera(), crowd.audience, None, None)
    return make_site(shown, FakeSamples(), Access(), card=card).test_client()


@pytest.fixture
def client() -> FlaskClient:
    return client_with(CARD)


def test_the_page_is_in_the_navigation_and_names_every_emotion_as_people_say_it(client: FlaskClient) -> None:
    page = client.get("/about").text
    assert '<a href="/about" aria-current="page">About</a>' in page
    for name, details in DETAILS.items():
        assert re.search(
            rf'href="/samples/{name}"><span class="round"><img [^>]+></span> {details.adjective} ', page
        )
        assert details.description in page
    assert f"version {VERSION.split()[-1]} " in page


def test_it_says_the_figures_of_the_model_card_and_no_others(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    text = CARD.read_text("utf-8")
    assert "70.2 ± 0.8 %" in text
    card.write_text(text.replace("70.2 ± 0.8 %", "51.4 ± 2.2 %").replace("sad 0.62 /", "sad 0.21 /"), "utf-8")
    page = " ".join(client_with(card).get("/about").text.split())
    assert "agrees with the label in 51% of cases, give or take 2%" in page
    assert "but only 21% of the sad and 33% of the afraid ones" in page


@pytest.mark.parametrize("text", [None, "", "# A card\n\n| **shipped** | 70.2 ± 0.8 % |\n"])
def test_without_measured_figures_it_says_none(tmp_path: Path, text: str | None) -> None:
    card = tmp_path / "README.md"
    if text is not None:
        card.write_text(text, "utf-8")
    assert read_figures(card) is None
    assert "FER2013 it agrees" not in client_with(card).get("/about").text


def test_the_shipped_card_has_a_figure_for_every_emotion() -> None:
    figures = read_figures(CARD)
    assert figures
    assert figures.recalls.keys() == set(EMOTIONS)
    assert 0.5 < figures.accuracy < 1 > 10 * figures.error


def test_a_web_host_has_the_page_too() -> None:
    crowd = FakeCrowd()
    client = make_fake_wall(FakeCameras(crowd)).test_client()
    page = client.get("/about").text
    crowd.close()
    assert "Everything stays on the computers of this site." in page
    for name in EMOTIONS:
        assert f'href="/samples/{name}"' in page
    samples = client.get("/samples/happy").text
    assert "<title>Happy faces" in samples
    assert 'href="/samples/sad"' in samples
    assert client.get("/samples/bored").status_code == 404
    assert "A picture that you send" not in page
