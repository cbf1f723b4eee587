"""The login page: whom it asks, where it leads, and what a browser keeps."""

import hmac
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from settings import LOOPBACK
from tests.fakes.camera import FakeCrowd
from tests.fakes.recording import FakeRecorder
from tests.fakes.relay import FakeCameras, make_fake_wall
from tests.fakes.site import make_fake_site
from web.credentials import Credentials
from web.logins import MAX_FAILURES
from web.security import Access
from web.site import believe_proxy

BOTH = Credentials("ann:pass:word", "t0ken")
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}


@pytest.fixture
def crowd() -> Iterator[FakeCrowd]:
    crowd = FakeCrowd()
    yield crowd
    crowd.close()


def client_of(crowd: FakeCrowd, credentials: Credentials = BOTH) -> FlaskClient:
    return make_fake_site(crowd, access=Access(LOOPBACK, credentials), recorder=FakeRecorder()).test_client()


@pytest.fixture
def client(crowd: FakeCrowd) -> FlaskClient:
    return client_of(crowd)


def log_in(client: FlaskClient, wanted: str = "/", **typed: str) -> Any:
    return client.post("/login", data={"next": wanted, **typed})


@pytest.mark.parametrize("path", ["/", "/samples/happy", "/nothing", "/state"])
def test_a_person_without_the_secret_gets_a_page_that_asks_for_it(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers=BROWSER)
    assert response.status_code == 401
    assert "WWW-Authenticate" not in response.headers  # or the browser asks before it shows the page
    assert response.headers["Cache-Control"] == "no-store"
    assert f'name="next" value="{path}"' in response.text
    assert 'action="/login"' in response.text
    assert 'href="/samples' not in response.text  # nothing else is offered
    assert "All cameras" not in response.text


def test_the_form_asks_only_for_what_opens_the_site(crowd: FakeCrowd) -> None:
    for credentials, there in (
        (Credentials("ann:word"), (True, False)),
        (Credentials(token="t0ken"), (False, True)),
        (BOTH, (True, True)),
    ):
        page = client_of(crowd, credentials).get("/", headers=BROWSER).text
        assert ('name="password"' in page, 'name="token"' in page) == there


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/", "*/*"),  # curl
        ("/", ""),
        ("/state", "application/json"),
        ("/video_feed", BROWSER["Accept"]),  # opened by itself, or in VLC
        ("/snapshot.jpg", "image/avif,image/webp,*/*;q=0.8"),
        ("/events", "text/event-stream"),
        ("/api/v1/predict", BROWSER["Accept"]),
    ],
)
def test_programs_and_pictures_get_the_short_answer_as_before(
    client: FlaskClient, path: str, accept: str
) -> None:
    response = client.get(path, headers={"Accept": accept})
    assert (response.status_code, response.text) == (401, "This camera is private.\n")
    assert response.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("path", ["/state", "/video_feed", "/events", "/static/js/live.js"])
def test_a_part_of_a_page_makes_no_browser_ask_by_itself(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers={"Sec-Fetch-Site": "same-origin"})
    assert (response.status_code, response.text) == (401, "This camera is private.\n")
    assert "WWW-Authenticate" not in response.headers


@pytest.mark.parametrize("method", ["head", "get"])
@pytest.mark.parametrize(("path", "status"), [("/", 401), ("/login", 200)])
def test_the_head_of_the_page_is_that_of_the_page(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    response = getattr(client, method)(path, headers=BROWSER)
    assert (response.status_code, response.content_type) == (status, "text/html; charset=utf-8")
    assert bool(response.data) == (method == "get")


@pytest.mark.parametrize("typed", [{"user": "ann", "password": "pass:word"}, {"token": "t0ken"}])
def test_the_right_words_open_the_site_and_lead_where_one_wanted_to_go(
    client: FlaskClient, typed: dict[str, str]
) -> None:
    response = log_in(client, "/samples/happy?page=2", **typed)
    assert (response.status_code, response.location) == (303, "/samples/happy?page=2")
    cookie = response.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert not any(word in cookie for word in ("t0ken", "pass:word", "ann"))
    assert client.get("/state").status_code == 200
    assert client.get("/login").status_code == 302  # there is nothing more to ask


def test_the_cookie_stays_with_tls_where_it_came_by_tls(crowd: FakeCrowd) -> None:
    site = make_fake_site(crowd, access=Access(LOOPBACK, BOTH))
    believe_proxy(site)
    client = site.test_client()
    client.environ_base |= {"HTTP_X_FORWARDED_PROTO": "https"}
    assert "Secure" in log_in(client, token="t0ken").headers["Set-Cookie"].split("; ")
    assert "Secure" not in log_in(client_of(crowd), token="t0ken").headers["Set-Cookie"].split("; ")


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"token": ""},
        {"token": "t0ken "},
        {"user": "ann", "password": ""},
        {"user": "", "password": "pass:word"},
        {"user": "ann:pass", "password": "wörd"},
        {"token": "ann:pass:word"},
        {"user": "", "password": "t0ken"},
    ],
)
def test_wrong_words_open_nothing_and_are_said_to_be_wrong(client: FlaskClient, typed: dict[str, str]) -> None:
    response = log_in(client, "/samples/happy", **typed)
    assert response.status_code == 401
    assert "That is not right; try again." in response.text
    assert 'name="next" value="/samples/happy"' in response.text
    assert "Set-Cookie" not in response.headers
    assert client.get("/state").status_code == 401


@pytest.mark.parametrize("credentials", [Credentials("ann:word"), Credentials(token="t0ken")])
def test_what_is_not_set_opens_nothing(crowd: FakeCrowd, credentials: Credentials) -> None:
    client = client_of(crowd, credentials)
    for typed in ({"token": ""}, {"user": "", "password": ""}, {}):
        assert log_in(client, **typed).status_code == 401
    for cookie in (Credentials().cookie, Credentials().password_cookie, ""):
        client.set_cookie("fer_token", cookie)
        assert client.get("/state").status_code == 401


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        r"/\evil.example",
        r"\\evil.example",
        "/\t/evil.example",
        "/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "evil.example",
        "",
        "/ü",
    ],
)
def test_it_leads_to_no_other_site(client: FlaskClient, elsewhere: str) -> None:
    response = log_in(client, elsewhere, token="t0ken")
    assert (response.status_code, response.location) == (303, "/")
    assert client.get("/login", query_string={"next": elsewhere}).location == "/"


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("/samples/happy?a=1&b=%C3%BC", "/samples/happy?a=1&amp;b=%C3%BC"),
        ("/?token=guess&x=1", "/?x=1"),
        ("//evil.example/", "/"),
        ("/%5Cevil.example", "/%5Cevil.example"),
    ],
)
def test_the_page_knows_where_one_wanted_to_go_and_keeps_no_token(
    client: FlaskClient, asked: str, wanted: str
) -> None:
    page = client.get(f"http://localhost{asked}", headers=BROWSER).text
    assert f'name="next" value="{wanted}"' in page


def test_what_changes_something_is_not_repeated_after_the_login(client: FlaskClient) -> None:
    page = client.post("/recording", data={"on": "true"}, headers=BROWSER)
    assert page.status_code == 401
    assert 'name="next" value="/"' in page.text


def test_too_many_wrong_tries_are_told_to_wait_and_the_right_one_opens_all_the_same(
    client: FlaskClient,
) -> None:
    for _ in range(MAX_FAILURES):
        assert log_in(client, token="guess").status_code == 401
    response = log_in(client, token="guess")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
    assert "Too many wrong attempts; wait a minute." in response.text
    assert client.get("/state?token=guess").status_code == 429  # both ways count together
    assert client.get("/?token=guess", headers=BROWSER).status_code == 429
    assert log_in(client, token="t0ken").status_code == 303


def test_a_page_of_another_site_logs_nobody_in_or_out(client: FlaskClient) -> None:
    for path in ("/login", "/logout"):
        headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
        assert client.post(path, data={"token": "t0ken"}, headers=headers).status_code == 403


def test_a_cookie_that_no_longer_opens_is_taken_back(client: FlaskClient) -> None:
    client.set_cookie("fer_token", "that of another token")
    response = client.get("/", headers=BROWSER)
    assert response.headers["Set-Cookie"].startswith("fer_token=; Expires=Thu, 01 Jan 1970")
    for _ in range(2 * MAX_FAILURES):
        assert client.get("/", headers=BROWSER).status_code == 401  # and no wrong try


def test_one_logs_out_where_one_logged_in(client: FlaskClient) -> None:
    assert "Log out" not in client.get("/", auth=("ann", "pass:word")).text  # a browser keeps that by itself
    log_in(client, user="ann", password="pass:word")
    assert 'action="/logout"' in client.get("/").text
    response = client.post("/logout")
    assert (response.status_code, response.location) == (303, "/login")
    assert client.get("/state").status_code == 401


def test_secrets_are_compared_in_a_time_that_tells_nothing(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared, really = list[bytes](), hmac.compare_digest

    def compare(given: bytes, right: bytes) -> bool:
        compared.append(right)
        return really(given, right)

    monkeypatch.setattr("web.credentials.hmac.compare_digest", compare)
    log_in(client, user="ann", password="guess", token="guess")
    assert compared == [b"t0ken", b"ann:pass:word"]


def test_strangers_get_the_files_that_the_page_needs_and_no_others(client: FlaskClient) -> None:
    for path in ("/static/css/site.css", "/static/icon.svg", "/emotions.css"):
        with client.get(path) as response:
            assert response.status_code == 200
    for path in ("/static/js/live.js", "/static/samples/happy/01.jpg", "/static/css/../js/live.js"):
        assert client.get(path).status_code == 401


def test_a_site_for_everybody_asks_nobody(crowd: FakeCrowd) -> None:
    client = client_of(crowd, Credentials())
    assert client.get("/login?next=/samples/happy").location == "/samples/happy"
    response = log_in(client, "/samples/happy", token="t0ken")
    assert (response.location, "Set-Cookie" in response.headers) == ("/samples/happy", False)
    client.set_cookie("fer_token", "any")
    assert "Log out" not in client.get("/").text


def test_the_wall_and_its_cameras_ask_alike(crowd: FakeCrowd) -> None:
    client = make_fake_wall(FakeCameras(crowd), access=Access(LOOPBACK, BOTH)).test_client()
    for path in ("/", "/cameras/lobby/", "/cameras/made-up/"):
        response = client.get(path, headers=BROWSER)
        assert response.status_code == 401
        assert f'name="next" value="{path}"' in response.text
    assert log_in(client, "/cameras/lobby/", token="t0ken").location == "/cameras/lobby/"
    assert client.get("/cameras/lobby/").status_code == 200
