"""Text goes compressed to browsers that take it so, and nothing else does."""

import gzip
import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from settings import ROOT
from tests.fakes.camera import FakeCrowd
from tests.fakes.site import make_fake_site

SCRIPT = "/static/js/live.js"


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    with closing(FakeCrowd()) as crowd:
        yield make_fake_site(crowd).test_client()


def get(client: FlaskClient, path: str, accept: str = "gzip, deflate", **headers: str) -> TestResponse:
    return client.get(path, headers={"Accept-Encoding": accept, **headers}, buffered=True)


@pytest.mark.parametrize("path", ["/", "/about", SCRIPT, "/static/css/live.css", "/emotions.css"])
def test_pages_styles_and_scripts_go_compressed_to_those_who_take_it(client: FlaskClient, path: str) -> None:
    whole, small = get(client, path, accept=""), get(client, path)
    assert "Content-Encoding" not in whole.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == whole.data
    assert int(small.headers["Content-Length"]) == len(small.data) < len(whole.data) / 1.5
    for response in (whole, small):
        assert "Accept-Encoding" in response.headers["Vary"]


@pytest.mark.parametrize("accept", ["", "identity", "gzip;q=0, *;q=0", "br"])
def test_who_takes_no_gzip_gets_none(client: FlaskClient, accept: str) -> None:
    assert get(client, SCRIPT, accept).data == (ROOT / SCRIPT[1:]).read_bytes()


@pytest.mark.parametrize("path", ["/emoji/happy.png", "/snapshot.jpg", "/state", "/healthz", "/nothing"])
def test_pictures_figures_and_errors_go_as_they_are(client: FlaskClient, path: str) -> None:
    assert "Content-Encoding" not in get(client, path).headers


def test_a_browser_that_has_a_file_is_not_sent_it_again(client: FlaskClient) -> None:
    for accept in ("", "gzip"):
        etag = get(client, SCRIPT, accept).headers["ETag"]
        for again in ("", "gzip"):
            assert get(client, SCRIPT, again, **{"If-None-Match": etag}).status_code == 304


def test_a_part_of_a_file_is_a_part_of_the_file_itself(client: FlaskClient) -> None:
    part = get(client, SCRIPT, Range="bytes=3-12")
    assert (part.status_code, part.data) == (206, (ROOT / SCRIPT[1:]).read_bytes()[3:13])
    assert "Content-Encoding" not in part.headers


def test_the_live_page_is_light_as_it_is_sent(client: FlaskClient) -> None:
    page = client.get("/").text
    wanted = [path for path in re.findall(r'(?:href|src)="(/[^"]+)"', page) if path.endswith((".css", ".js"))]
    sent: dict[str, int] = {"/": len(get(client, "/").data)}
    while wanted:
        path = wanted.pop()
        if path in sent:
            continue
        sent[path] = len(get(client, path).data)
        if path.endswith(".js"):
            text = get(client, path, accept="").text
            wanted += [f"/static/js/{name}" for name in re.findall(r'from "\./([^"]+)"', text)]
    assert len(sent) > 20
    assert sum(sent.values()) < 100_000
