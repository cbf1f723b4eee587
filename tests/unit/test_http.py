"""HTTP as cameras speak it: redirects, Basic, Digest, and every failure as one sentence without a secret."""

import base64
import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.base import SourceError
from sources.http import MAX_REDIRECTS, HttpClient, NoHttpError
from sources.http_auth import Login
from tests.fakes.http_camera import FakeHttpCamera, Reply, answer, http_camera, is_digest_right


@pytest.fixture
def camera() -> Iterator[FakeHttpCamera]:
    with http_camera() as made:
        yield made


def fetch(camera: FakeHttpCamera, path: str, login: str = "") -> bytes:
    """Return the body that a client gets."""
    client = HttpClient(camera.url(path, login), "the camera")
    try:
        return client.get().read()
    finally:
        client.close()


def refuse(camera: FakeHttpCamera, path: str, login: str = "") -> str:
    """Return the sentence with which a client gives up."""
    with pytest.raises(SourceError) as error:
        fetch(camera, path, login)
    return str(error.value)


def test_a_path_and_a_query_arrive_as_they_are_and_blanks_escaped(camera: FakeHttpCamera) -> None:
    camera.replies["/a%20b/c;d=1"] = lambda _: answer(200, b"ok")
    assert fetch(camera, "/a b/c;d=1?user=x&q=%2F|#part") == b"ok"
    assert camera.requests[0].startswith("GET /a%20b/c;d=1?user=x&q=%2F%7C HTTP/1.1\r\n")
    assert "Authorization" not in camera.requests[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["/b", "b", "//127.0.0.1:{port}/b", "http://127.0.0.1:{port}/b"])
def test_redirects_are_followed(camera: FakeHttpCamera, status: int, where: str) -> None:
    location = f"Location: {where.format(port=camera.port)}"
    camera.replies |= {
        "/a": lambda _: answer(status, b"moved", [location]),
        "/b": lambda _: answer(200, b"here"),
    }
    assert fetch(camera, "/a") == b"here"


def test_an_endless_redirect_and_one_to_a_file_are_refused(camera: FakeHttpCamera) -> None:
    camera.replies |= {
        "/a": lambda _: answer(302, b"", ["Location: /a"]),
        "/file": lambda _: answer(302, b"", ["Location: file:///etc/passwd?hunter2"]),
    }
    assert refuse(camera, "/a") == "the camera redirects too many times"
    assert len(camera.requests) == MAX_REDIRECTS + 1
    assert "not the address of a camera" in refuse(camera, "/file")
    assert "hunter2" not in refuse(camera, "/file")


def test_a_password_is_not_sent_to_another_host(camera: FakeHttpCamera) -> None:
    elsewhere = f"Location: http://localhost:{camera.port}/b"
    camera.replies |= {"/a": lambda _: answer(302, b"", [elsewhere]), "/b": basic}
    assert "requires a user name and a password (401)" in refuse(camera, "/a", "admin:pa%40ss%3Aw%2Frd")
    assert not any("Authorization" in head for head in camera.requests)


def basic(head: str) -> Reply:
    """Let admin in with the password pa@ss:w/rd."""
    right = base64.b64encode(b"admin:pa@ss:w/rd").decode()
    if f"Authorization: Basic {right}\r\n" in head:
        return answer(200, b"in")
    return answer(401, b"no", ['WWW-Authenticate: Basic realm="cam"'])


@pytest.mark.parametrize("login", ["admin:pa%40ss%3Aw%2Frd", "admin:pa@ss%3aw%2frd"])
def test_basic_gets_the_password_unescaped(camera: FakeHttpCamera, login: str) -> None:
    camera.replies["/"] = basic
    assert fetch(camera, "/", login) == b"in"
    assert len(camera.requests) == 2  # the password is sent when it is asked for


def test_a_password_that_is_missing_or_wrong_is_said_and_not_repeated(camera: FakeHttpCamera) -> None:
    camera.replies["/"] = basic
    assert (
        refuse(camera, "/")
        == "the camera requires a user name and a password (401): give http://USER:PASSWORD@HOST/…"
    )
    wrong = refuse(camera, "/", "admin:hunter2")
    assert wrong.startswith(
        "the camera refuses this user name or password (401); in a password write %40 for @"
    )
    assert "hunter2" not in wrong
    assert len(camera.requests) == 3  # it is tried once


DIGESTS = {
    "as today": ('Digest realm="cam", nonce="ab,c=1", qop="auth", algorithm=MD5, opaque="x\\"y"', "md5"),
    "of 1999": ('Digest realm="cam", nonce="ab,c=1"', "md5"),
    "session": ('Digest realm="cam", nonce="ab,c=1", qop="auth,auth-int", algorithm=MD5-sess', "md5"),
    "SHA-256": ('Digest realm="cam", qop="auth", algorithm=SHA-256, nonce="ab,c=1"', "sha256"),
    "after Basic": ('Basic realm="cam", Digest realm="cam", nonce="ab,c=1", qop=auth', "md5"),
    "in lower case": ('digest REALM="cam",NONCE="ab,c=1"', "md5"),
}


@pytest.mark.parametrize("kind", DIGESTS)
def test_digest_is_answered(camera: FakeHttpCamera, kind: str) -> None:
    challenge, hashing = DIGESTS[kind]

    def reply(head: str) -> Reply:
        if is_digest_right(head, 'ad"min', "secret", "cam", "ab,c=1", hashing):
            return answer(200, b"in")
        return answer(401, b"", [f"WWW-Authenticate: {challenge}"])

    camera.replies["/x"] = reply
    assert fetch(camera, "/x?channel=1", "ad%22min:secret") == b"in"
    assert "refuses this user name" in refuse(camera, "/x", "ad%22min:wrong")


def test_digest_counts_the_requests_with_one_nonce() -> None:
    login = Login("admin", "secret")
    assert login.answer("GET", "/") is None
    assert login.accept(['Digest realm="cam", nonce="1", qop="auth"'])
    counts = [re.findall(r"nc=(\w+)", login.answer("GET", "/") or "") for _ in range(3)]
    assert counts == [["00000001"], ["00000002"], ["00000003"]]
    assert "secret" not in repr(login)


def test_digest_is_preferred_and_what_cannot_be_answered_is_refused() -> None:
    login = Login("admin", "secret")
    assert not login.accept(["Bearer x", 'Digest realm="cam", nonce="1", algorithm=SHA-512-256'])
    assert not login.accept(['Digest realm="cam", nonce="1", qop="auth-int"', "Negotiate"])
    assert login.accept(['Basic realm="cam"', 'Digest realm="cam", nonce="1"'])
    assert str(login.answer("GET", "/")).startswith("Digest ")


@given(st.lists(st.text(st.characters(codec="ascii"), max_size=80), max_size=3))
def test_any_challenge_is_answered_or_not(headers: list[str]) -> None:
    for more in (headers, [f"Digest {header}" for header in headers]):
        login = Login("admin", "secret")
        assert login.accept(more) == (login.answer("GET", "/") is not None)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (404, "the camera has nothing at this path (404)"),
        (403, "the camera denies access to this user (403)"),
        (503, "the camera answers 503 Service Unavailable"),
        (299, "the camera answers 299"),
    ],
)
def test_other_answers_are_a_sentence(camera: FakeHttpCamera, status: int, sentence: str) -> None:
    camera.replies["/"] = lambda _: answer(status, b"x")
    assert refuse(camera, "/") == sentence


def test_what_is_no_http_is_told_apart(camera: FakeHttpCamera) -> None:
    camera.replies["/"] = lambda _: [b"RTSP/1.0 200 OK\r\n\r\n"]
    with pytest.raises(NoHttpError, match="the camera does not answer in HTTP"):
        fetch(camera, "/")


def test_a_camera_that_is_silent_or_closes_or_is_away_is_a_sentence(
    camera: FakeHttpCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.http.ANSWER_S", 0.2)
    camera.replies |= {"/silent": lambda _: [5.0], "/closes": lambda _: []}
    assert refuse(camera, "/silent") == "the camera does not answer"
    assert refuse(camera, "/closes") == "the camera closes the connection without an answer"
    for host, sentence in (("127.0.0.1:9", "refuses the connection"), ("nowhere.invalid", "cannot be found")):
        with pytest.raises(SourceError, match=sentence):
            HttpClient(f"http://{host}/", "the camera").get()


def test_a_kept_connection_serves_several_requests_and_is_replaced_when_it_was_closed(
    camera: FakeHttpCamera,
) -> None:
    camera.keeps = True
    camera.replies["/"] = lambda _: answer(200, b"ok")
    client = HttpClient(camera.url("/"), "the camera")
    assert [client.get().read() for _ in range(3)] == [b"ok"] * 3
    assert camera.connections == 1
    camera.keeps = False  # the next answer is the last of its connection
    assert [client.get().read() for _ in range(3)] == [b"ok"] * 3
    client.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://cam:0x/",
        "http://cam:99999/",
        "http://[::1/",
        "http:///x",
        "ftp://cam/",
        "http://" + "a" * 70 + "/",
    ],
)
def test_an_address_that_cannot_be_is_a_sentence(url: str) -> None:
    with pytest.raises(SourceError, match=r"^the camera (leads to|cannot be found)"):
        HttpClient(url, "the camera").get()


def test_a_certificate_of_the_cameras_own_is_used_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    make += ["-subj", "/CN=cam", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(make, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no openssl on this machine")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with http_camera() as camera:
        camera.replies["/"] = lambda _: answer(200, b"ok")
        camera.tls = context
        client = HttpClient(camera.url("/").replace("http:", "https:"), "the camera")
        assert client.get().read() == b"ok"
        client.close()
    assert caplog.text.count("the certificate of the camera cannot be verified") == 1
