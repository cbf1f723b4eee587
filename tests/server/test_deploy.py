"""The proxies' configurations of deploy/, run before the real site."""

import base64
import http.client
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request

from settings import ROOT
from tests.fakes.server import Server, free_port
from tests.fakes.waiting import PATIENCE_S, until

pytestmark = pytest.mark.server

DEPLOY = ROOT / "deploy"
NAME = "faces.example.org"
SECRET = {"Authorization": "Basic " + base64.b64encode(b"me:secret").decode()}
CADDY = """{{
    admin off
    auto_https disable_redirects
    https_port {tls}
}}
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key, both in faces.pem and faces.key of the folder."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl on this machine")
    folder = tmp_path_factory.mktemp("certificate")
    files = ["-keyout", f"{folder}/faces.key", "-out", f"{folder}/faces.pem"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={NAME}", *files]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def nginx(folder: Path, certificate: Path, site: int, plain: int, tls: int) -> list[str]:
    """Write deploy/nginx.conf with other ports and places, and return the command that runs it."""
    conf = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    for old, new in (
        ("127.0.0.1:5000", f"127.0.0.1:{site}"),
        ("listen 80;", f"listen {plain};"),
        ("listen 443 ", f"listen {tls} "),
        ("/etc/ssl/", f"{certificate}/"),
        ("/var/log/nginx/", f"{folder}/"),
    ):
        assert old in conf
        conf = conf.replace(old, new)
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy"))
    around = f"daemon off; pid {folder}/pid; events {{}} http {{ {temporary}\n{conf}\n}}"
    (folder / "nginx.conf").write_text(around, encoding="utf-8")
    return ["nginx", "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]


def caddy(folder: Path, certificate: Path, site: int, plain: int, tls: int) -> list[str]:
    """Write the snippet of docs/deploy.md with other ports, and return the command that runs it."""
    del plain
    found = re.search(
        r"```\n(faces\.example\.org \{.*?\n)```", (ROOT / "docs" / "deploy.md").read_text("utf-8"), re.S
    )
    assert found
    keys = f"{NAME} {{\n    tls {certificate}/faces.pem {certificate}/faces.key"
    snippet = found[1].replace(f"{NAME} {{", keys).replace("127.0.0.1:5000", f"127.0.0.1:{site}")
    (folder / "Caddyfile").write_text(CADDY.format(tls=tls) + snippet, encoding="utf-8")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile"]


@pytest.fixture(params=[nginx, caddy])
def proxied(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    certificate: Path,
    start_server: Callable[..., Server],
) -> Iterator[int]:
    """The port at which a proxy shows a site by TLS."""
    write = request.param
    if not shutil.which(write.__name__):
        pytest.skip(f"no {write.__name__} on this machine")
    secret = ["--auth", "me:secret", "--token", "t0ken", "--proxied-as", NAME]
    server = start_server("--source", "demo", *secret)
    tls = free_port()
    command = write(tmp_path, certificate, server.port, free_port(), tls)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    try:
        until(lambda: answers(tls))
        yield tls
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@contextmanager
def connected(port: int) -> Iterator[ssl.SSLSocket]:
    trusting = ssl._create_unverified_context()
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain,
        trusting.wrap_socket(plain, server_hostname=NAME) as connection,
    ):
        yield connection


@contextmanager
def asked(port: int, path: str, method: str = "GET", **headers: str) -> Iterator[http.client.HTTPResponse]:
    with connected(port) as connection:
        http_connection = http.client.HTTPConnection(NAME, port)
        http_connection.sock = connection
        http_connection.request(method, path, headers=SECRET | headers)
        with http_connection.getresponse() as response:
            yield response


def status(port: int, path: str, method: str = "GET", **headers: str) -> int:
    with asked(port, path, method, **headers) as response:
        return response.status


def answers(port: int) -> bool:
    try:
        return status(port, "/healthz") == 200
    except OSError:
        return False


def test_a_proxy_passes_pictures_on_at_once_and_the_site_knows_its_name(proxied: int) -> None:
    delays_s: list[float] = []
    with asked(proxied, "/video_feed?fps=2") as stream:
        while len(delays_s) < 4:
            if found := re.match(rb"X-Timestamp: ([\d.]+)", stream.readline()):
                delays_s.append(time.time() - float(found[1]))
    assert min(delays_s) < 1  # one that holds them back would have several, each half a second
    with asked(proxied, "/?token=t0ken") as response:
        assert "Secure" in response.headers["Set-Cookie"]
    ours, theirs = f"https://{NAME}:{proxied}", "https://elsewhere.example"
    assert status(proxied, "/reset", "POST", Origin=ours) < 400
    assert status(proxied, "/reset", "POST", Origin=theirs) == 403


def test_a_proxy_passes_the_mirrors_socket_on(proxied: int) -> None:
    protocol = WSConnection(ConnectionType.CLIENT)
    headers = [(name.encode(), value.encode()) for name, value in SECRET.items()]
    with connected(proxied) as connection:
        connection.sendall(protocol.send(Request(f"{NAME}:{proxied}", "/mirror/socket", extra_headers=headers)))
        protocol.receive_data(connection.recv(65536))
    assert isinstance(next(protocol.events()), AcceptConnection)
