"""Pages of other sites: what they may show of this one."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from settings import LOOPBACK, SettingsError, read_settings
from tests.fakes.camera import FRAME, FakeCrowd
from tests.fakes.site import make_fake_site
from web.security import Access

HALL = "https://hall.example.org"
STREAMS = ("/video_feed", "/video_feed/camera", "/events", "/snapshot.jpg")
IMAGE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}


@pytest.fixture
def crowd() -> Iterator[FakeCrowd]:
    crowd = FakeCrowd()
    crowd.feed.put(FRAME)
    yield crowd
    crowd.close()


@pytest.fixture
def client(crowd: FakeCrowd) -> FlaskClient:
    return make_fake_site(crowd, access=Access(LOOPBACK)).test_client()


@pytest.fixture
def embedded(crowd: FakeCrowd) -> FlaskClient:
    """A site that the pages of the hall may embed."""
    return make_fake_site(crowd, access=Access(LOOPBACK, embedders=[HALL])).test_client()


def status(client: FlaskClient, path: str, **headers: str) -> int:
    with client.get(path, headers=headers, buffered=False) as response:
        return response.status_code


@pytest.mark.parametrize("path", [*STREAMS, "/", "/state", "/static/js/live.js"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_shows_nothing_of_this_one(
    client: FlaskClient, crowd: FakeCrowd, path: str, site: str
) -> None:
    answer = client.get(path, headers=IMAGE | {"Sec-Fetch-Site": site, "Referer": "https://evil.example/"})
    assert answer.status_code == 403
    assert answer.text == "Pages of other sites may not show this (--embed).\n"
    assert crowd.viewing_now == 0


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),  # VLC, curl, OpenCV, old browsers
        ({"Referer": "https://evil.example/"}, True),  # an old browser
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, True),  # a link leads here
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "empty", "Origin": "null"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
    ],
)
def test_visitors_players_and_the_sites_own_pages_see_the_stream(
    client: FlaskClient, headers: dict[str, str], allowed: bool
) -> None:
    assert status(client, "/video_feed", **headers) == (200 if allowed else 403)


@pytest.mark.parametrize("path", [*STREAMS, "/", "/nothing", "/static/js/live.js", "/healthz"])
def test_browsers_are_told_to_keep_every_answer_from_other_origins(client: FlaskClient, path: str) -> None:
    with client.get(path, buffered=False) as answer:
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("told_by", [{"Origin": HALL}, {"Referer": f"{HALL}/screen?1"}])
def test_a_page_that_may_embed_the_streams_does(
    embedded: FlaskClient, path: str, told_by: dict[str, str]
) -> None:
    with embedded.get(path, headers=IMAGE | told_by, buffered=False) as answer:
        assert answer.status_code == 200
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert answer.headers["Access-Control-Allow-Origin"] == HALL
        assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors {HALL}")
        assert "X-Frame-Options" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/state", "/view", "/static/js/live.js", "/metrics"])
def test_a_page_that_may_embed_the_streams_gets_nothing_else(embedded: FlaskClient, path: str) -> None:
    answer = embedded.get(path, headers=IMAGE | {"Origin": HALL})
    assert answer.status_code == 403
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "told_by",
    [
        {},
        {"Origin": "null", "Referer": f"{HALL}/"},  # a frame that the hall does not trust itself
        {"Origin": f"{HALL}:8443"},
        {"Referer": "https://hall.example.org.evil.example/"},
        {"Referer": "http://hall.example.org/"},
        {"Referer": "http://["},
    ],
)
def test_other_pages_may_not_because_one_may(embedded: FlaskClient, told_by: dict[str, str]) -> None:
    assert status(embedded, "/video_feed", **IMAGE | told_by) == 403


def test_a_page_that_may_embed_the_streams_changes_nothing(embedded: FlaskClient) -> None:
    for path in ("/video_feed", "/view", "/reset"):
        assert embedded.post(path, headers=IMAGE | {"Origin": HALL}).status_code == 403


def test_what_is_no_origin_harms_nothing(client: FlaskClient) -> None:
    assert client.post("/state", headers={"Origin": "http://["}).status_code == 403


def test_origins_are_given_with_commas() -> None:
    origins = "https://hall.example.org,http://localhost:8000,http://[::1]:8000,http://10.0.0.9"
    assert read_settings(["--embed", origins], {}).embedders == origins.split(",")
    assert read_settings([], {}).embedders == []


@pytest.mark.parametrize(
    "wrong",
    [
        *("hall.example.org", "https://hall.example.org/", "https://hall.example.org/screen", "*", "null"),
        *(
            "https://Hall.example.org",
            "https://hall.example.org:443",
            "http://hall.example.org:80",
            "ws://hall",
        ),
        *("https://hall.example.org:99999", "https://hall.example.org:", "https://me:secret@hall.example.org"),
        *("https://hall.example.org;script-src", "https://a.example b.example", "https://", "https://a..b"),
    ],
)
def test_what_no_browser_sends_as_an_origin_is_refused_in_one_sentence(wrong: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_settings(["--embed", f"https://a.example,{wrong}"], {})
    assert str(error.value) == f"--embed must be origins like https://hall.example.org, not {wrong!r}"
