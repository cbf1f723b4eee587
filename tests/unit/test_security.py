"""Who may look, and what browsers are told."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from settings import LOOPBACK, SettingsError, read_settings
from tests.fakes.camera import FakeCrowd
from tests.fakes.site import make_fake_site
from web.credentials import Credentials, CredentialsError
from web.logins import MAX_FAILURES
from web.security import Access
from web.site import believe_proxy

SECRET = Credentials("ann:pass:word", "t0ken")
PRIVATE_PAGES = ("/", "/video_feed", "/snapshot.jpg", "/state", "/metrics", "/readyz", "/static/js/live.js")


@pytest.fixture
def crowd() -> Iterator[FakeCrowd]:
    crowd = FakeCrowd()
    yield crowd
    crowd.close()


@pytest.fixture
def client(crowd: FakeCrowd) -> FlaskClient:
    return make_fake_site(crowd, access=Access((), SECRET)).test_client()


@pytest.mark.parametrize("path", PRIVATE_PAGES)
def test_nothing_is_shown_to_who_does_not_know_the_secret(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 401
    assert response.data == b"This camera is private.\n"
    assert response.headers["WWW-Authenticate"].startswith("Basic ")


def test_healthz_is_for_everybody(client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 200


def test_the_password_opens(client: FlaskClient) -> None:
    assert client.get("/state", auth=("ann", "pass:word")).status_code == 200


@pytest.mark.parametrize(
    "auth", [("ann", "pass"), ("ann", ""), ("", ""), ("bob", "pass:word"), ("ann", "pass:wörd")]
)
def test_a_wrong_password_does_not_open(client: FlaskClient, auth: tuple[str, str]) -> None:
    assert client.get("/state", auth=auth).status_code == 401


def test_the_token_opens_as_bearer_and_in_the_address(client: FlaskClient) -> None:
    assert client.get("/state", headers={"Authorization": "Bearer t0ken"}).status_code == 200
    assert client.get("/state?token=t0ken").status_code == 200
    assert client.get("/state?token=").status_code == 401
    assert client.get("/state", headers={"Authorization": "Bearer"}).status_code == 401


def test_the_page_remembers_the_token_and_takes_it_out_of_the_address(client: FlaskClient) -> None:
    response = client.get("/?token=t0ken")
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "t0ken" not in cookie
    assert client.get("/state").status_code == 200


def test_without_a_token_no_cookie_opens(crowd: FakeCrowd) -> None:
    site = make_fake_site(crowd, access=Access((), Credentials("ann:password")))
    client = site.test_client()
    for cookie in ("", Credentials().cookie):
        client.set_cookie("fer_token", cookie)
        assert client.get("/state").status_code == 401


def test_a_secret_is_never_shown() -> None:
    assert "pass" not in repr(SECRET)
    assert "t0ken" not in repr(SECRET)


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("ann:password\n", encoding="utf-8")
    assert Credentials.read(f"@{path}", "") == Credentials("ann:password")
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(CredentialsError, match="is empty"):
        Credentials.read(f"@{path}", "")
    with pytest.raises(CredentialsError, match="cannot be read"):
        Credentials.read("", f"@{tmp_path / 'none'}")
    with pytest.raises(CredentialsError) as error:
        Credentials.read("justapassword", "")
    assert str(error.value) == "--auth must be user:password"


@pytest.mark.parametrize("argv", [["--auth", "ann:password"], ["--token", "t0ken"], ["--public"]])
def test_another_address_needs_a_secret_or_the_word_public(argv: list[str]) -> None:
    assert read_settings(["--host", "0.0.0.0", *argv], {}).host == "0.0.0.0"
    with pytest.raises(SettingsError, match=r"others could watch the camera on 0\.0\.0\.0: give --auth"):
        read_settings(["--host", "0.0.0.0"], {})


def test_browsers_are_told_to_keep_other_sites_out(client: FlaskClient) -> None:
    headers = client.get("/", auth=("ann", "pass:word")).headers
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("path", ["/", "/samples/happy", "/nothing"])
def test_no_page_has_styles_or_scripts_of_its_own(client: FlaskClient, path: str) -> None:
    page = client.get(path, auth=("ann", "pass:word")).text
    assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]* src=)", page)


def test_a_request_may_not_be_large(client: FlaskClient) -> None:
    site = client.application

    @site.post("/echo")
    def echo() -> bytes:
        from flask import request

        return request.get_data()

    assert client.post("/echo", data=bytes(100_000), auth=("ann", "pass:word")).status_code == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),  # another port of this machine
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 405),
        ({"Origin": "http://localhost"}, 405),
        ({}, 405),  # curl
    ],
)
def test_another_site_can_change_nothing(client: FlaskClient, headers: dict[str, str], status: int) -> None:
    """A page that takes no POST answers 405, so whatever gets that far was let in."""
    assert client.post("/state", headers=headers, auth=("ann", "pass:word")).status_code == status


def test_after_many_wrong_tries_an_address_has_to_wait_and_the_others_do_not(client: FlaskClient) -> None:
    for _ in range(MAX_FAILURES):
        assert client.get("/state?token=guess").status_code == 401
    answer = client.get("/state?token=guess")
    assert (answer.status_code, answer.text) == (429, "Too many wrong attempts; wait a minute.\n")
    assert int(answer.headers["Retry-After"]) == 60
    other = {"REMOTE_ADDR": "10.0.0.9"}
    assert client.get("/state?token=guess", environ_overrides=other).status_code == 401
    assert client.get("/healthz").status_code == 200


def test_the_wrong_tries_of_others_at_an_address_do_not_lock_out_the_right_ones(client: FlaskClient) -> None:
    for _ in range(MAX_FAILURES + 1):
        client.get("/state?token=guess")
    assert client.get("/state?token=guess").status_code == 429
    assert client.get("/state?token=t0ken").status_code == 200
    assert client.get("/state", auth=("ann", "pass:word")).status_code == 200
    client.set_cookie("fer_token", SECRET.cookie)
    assert client.get("/state").status_code == 200


def test_a_page_of_another_site_cannot_use_up_its_visitors_tries(client: FlaskClient) -> None:
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}
    for _ in range(MAX_FAILURES + 1):
        assert client.get("/snapshot.jpg?token=guess", headers=embedded).status_code == 403
    assert client.get("/state?token=guess").status_code == 401


def test_a_visitor_who_says_nothing_is_not_counted(client: FlaskClient) -> None:
    for _ in range(MAX_FAILURES + 1):
        assert client.get("/state").status_code == 401
    assert client.get("/state?token=t0ken").status_code == 200


@pytest.fixture
def proxied(crowd: FakeCrowd) -> FlaskClient:
    """A site on this machine's own address, behind a proxy that shows it by TLS."""
    names = [*LOOPBACK, "faces.example.org"]
    site = make_fake_site(crowd, access=Access(names, SECRET))
    believe_proxy(site)
    client = site.test_client()
    client.environ_base |= {"HTTP_HOST": "faces.example.org", "HTTP_X_FORWARDED_PROTO": "https"}
    return client


@pytest.mark.parametrize(
    ("host", "status"),
    [("faces.example.org:8443", 200), ("127.0.0.1:5000", 200), ("rebound.example", 400)],
)
def test_behind_a_proxy_the_site_answers_to_its_own_names_and_no_others(
    proxied: FlaskClient, host: str, status: int
) -> None:
    assert proxied.get("/state?token=t0ken", headers={"Host": host}).status_code == status


def test_behind_a_proxy_wrong_tries_count_for_who_made_them_and_not_for_everybody(proxied: FlaskClient) -> None:
    for forged in range(MAX_FAILURES):
        headers = {"X-Forwarded-For": f"10.1.1.{forged}, 203.0.113.7"}  # the proxy's own word comes last
        assert proxied.get("/state?token=guess", headers=headers).status_code == 401
    own, other = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "203.0.113.8"}
    assert proxied.get("/state?token=guess", headers=own).status_code == 429
    assert proxied.get("/state?token=guess", headers=other).status_code == 401


def test_without_a_proxy_nobody_can_say_to_be_somebody_else(client: FlaskClient) -> None:
    for number in range(MAX_FAILURES + 1):
        answer = client.get("/state?token=guess", headers={"X-Forwarded-For": f"10.1.1.{number}"})
    assert answer.status_code == 429


def test_what_a_browser_keeps_goes_by_tls_only_where_it_came_by_tls(
    client: FlaskClient, proxied: FlaskClient
) -> None:
    assert "Secure" in proxied.get("/?token=t0ken").headers["Set-Cookie"]
    assert "Secure" not in client.get("/?token=t0ken").headers["Set-Cookie"]


def test_who_shows_the_site_by_a_proxy_needs_a_secret_too() -> None:
    argv = ["--proxied-as", "faces.example.org,.example.net"]
    assert read_settings([*argv, "--auth", "ann:password"], {}).host == "127.0.0.1"
    with pytest.raises(SettingsError, match=r"others could watch the camera on faces\.example\.org"):
        read_settings(argv, {})


def test_a_camera_process_shows_nothing_and_needs_no_secret() -> None:
    settings = read_settings(["camera", "--redis-url", "redis://localhost", "--host", "0.0.0.0"], {})
    assert settings.role == "camera"


def test_a_body_of_unsaid_length_is_for_uploads_only(client: FlaskClient) -> None:
    for path in ("/state", "/view", "/nowhere"):
        answer = client.post(path, headers={"Transfer-Encoding": "chunked"}, auth=("ann", "pass:word"))
        assert answer.status_code == 411
        assert "Content-Length" in answer.text
