"""The real program: gunicorn, the demo source, real sockets and signals."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from nn.checkpoint import save_weights
from nn.emotion_net import EmotionNet
from nn.model_card import ModelCard
from settings import ROOT
from tests.fakes.server import Server, Viewer, assert_one_sentence, free_port, run_main
from tests.fakes.waiting import PATIENCE_S, until

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def demo() -> Iterator[Server]:
    """One program for all tests that leave it as it was."""
    server = Server("--source", "demo").wait_until_ready()
    yield server
    server.stop()


def count_annotated(server: Server) -> int:
    """Return how many frames the site has annotated; a busy machine skips some that were grabbed."""
    found = re.search(rb"^fer_frames_total (\S+)$", server.get("/metrics"), re.M)
    assert found
    return int(float(found[1]))


def test_eight_viewers_share_one_camera_and_all_get_the_full_rate(start_server: Callable[..., Server]) -> None:
    server = start_server("--source", "demo")
    viewers = [Viewer(server.port) for _ in range(8)]
    until(lambda: all(viewer.pictures > 5 for viewer in viewers))
    before = [viewer.pictures for viewer in viewers]
    first = count_annotated(server)
    until(lambda: min(viewer.pictures for viewer in viewers) > max(before) + 40)
    published = count_annotated(server) - first
    received = [viewer.pictures - count for viewer, count in zip(viewers, before, strict=True)]
    assert json.loads(server.get("/state"))["viewers"] == 8
    server.stop()
    # a ratio, because a busy machine slows camera and viewers alike; and it has them skip some
    assert min(received) >= 0.5 * published > 0
    assert server.output.count("opened demo") == 1
    for viewer in viewers:
        viewer.join(PATIENCE_S)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_within_two_seconds_with_viewers_connected(
    start_server: Callable[..., Server], number: signal.Signals
) -> None:
    server = start_server("--source", "demo")
    viewers = [Viewer(server.port) for _ in range(32)]
    until(lambda: all(viewer.pictures > 2 for viewer in viewers))
    began = time.monotonic()
    server.end(number)
    # sooner than it started, where the machine is too busy for the two seconds
    assert time.monotonic() - began < max(2.0, server.took_to_start_s)
    server.stop()
    assert "Traceback" not in server.output
    for viewer in viewers:
        viewer.join(PATIENCE_S)


def test_sighup_starts_a_new_worker_which_serves_again(start_server: Callable[..., Server]) -> None:
    server = start_server("--source", "demo")
    before = Viewer(server.port)
    until(lambda: before.pictures > 2)
    server.process.send_signal(signal.SIGHUP)
    before.join(PATIENCE_S)
    assert not before.is_alive()
    after = [Viewer(server.port)]

    def watches_again() -> bool:
        if not after[-1].is_alive():  # the old worker took it with its last breath; a page tries again too
            after.append(Viewer(server.port))
        return after[-1].pictures > 2

    until(watches_again)
    server.stop()
    for viewer in after:
        viewer.join(PATIENCE_S)
    assert "Traceback" not in server.output


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_a_closed_terminal_ends_the_program() -> None:
    ours, terminal = os.openpty()
    port = free_port()
    command = [sys.executable, str(ROOT / "main.py"), "--source", "demo"]
    process = subprocess.Popen([*command, "--port", str(port)], stdin=terminal, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert b"Live on" in process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        assert process.wait(PATIENCE_S) == 0
        process.stdout.close()
    finally:
        process.kill()
        os.close(ours)
        os.close(terminal)


def test_a_killed_worker_is_replaced_and_the_log_says_so(start_server: Callable[..., Server]) -> None:
    server = start_server("--source", "demo")
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    if not children.exists():
        pytest.skip("this system does not list a process's children")
    (worker,) = children.read_text().split()
    os.kill(int(worker), signal.SIGKILL)
    until(lambda: children.read_text().split() not in ([], [worker]))
    viewer = Viewer(server.port)
    until(lambda: viewer.pictures > 2)
    server.stop()
    viewer.join(PATIENCE_S)
    assert f'event="Worker (pid:{worker}) was sent SIGKILL!' in server.output


def test_more_than_one_worker_is_refused_in_one_sentence() -> None:
    variables = {"FER_PORT": str(free_port())}
    command = [sys.executable, "-m", "gunicorn", "--workers", "2", "main:app"]
    result = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert_one_sentence(result, "2 workers would each open the camera")


def test_a_full_disk_under_the_log_ends_nothing() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    port = free_port()
    command = [sys.executable, str(ROOT / "main.py"), "--source", "demo"]
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen([*command, "--port", str(port)], stdout=full, stderr=full)
    try:
        viewer = connect_when_ready(port)
        until(lambda: viewer.pictures > 2)
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) in (0, 120)  # 120: Python could not write its last words
    viewer.join(PATIENCE_S)


def connect_when_ready(port: int) -> Viewer:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            return Viewer(port)
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server did not start")


Ask = Callable[..., socket.socket]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Return a function that sends a request and leaves the connection open."""
    with ExitStack() as connections:

        def ask(
            port: int, request: bytes = b"GET /video_feed HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ) -> socket.socket:
            connection = connections.enter_context(
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
            )
            connection.sendall(request)
            return connection

        yield ask


def test_bad_viewers_cost_good_ones_nothing(start_server: Callable[..., Server], ask: Ask) -> None:
    server = start_server("--source", "demo")
    good = [Viewer(server.port) for _ in range(16)]
    until(lambda: all(viewer.pictures > 5 for viewer in good))
    for _ in range(16):
        ask(server.port)  # and never read
    for _ in range(8):
        ask(server.port, os.urandom(4096) + b"\r\n\r\n")
    trickle = ask(server.port)
    before = [viewer.pictures for viewer in good]
    first = count_annotated(server)
    slowest_s = 0.0
    for _ in range(4):
        for _ in range(4):
            passer_by = ask(server.port)
            passer_by.recv(2000)
            passer_by.close()  # in the middle of a picture
        trickle.recv(1)
        started = time.monotonic()
        server.get("/healthz")
        slowest_s = max(slowest_s, time.monotonic() - started)
        time.sleep(0.6)
    published = count_annotated(server) - first
    received = [viewer.pictures - count for viewer, count in zip(good, before, strict=True)]
    assert min(received) >= 0.5 * published > 0
    assert slowest_s < 8  # it takes milliseconds; gunicorn alone takes 2 s for each of the eight
    until(lambda: json.loads(server.get("/state"))["viewers"] == 16 + 16 + 1)
    server.stop()
    for viewer in good:
        viewer.join(PATIENCE_S)


def test_half_a_request_holds_nobody_up(demo: Server, ask: Ask) -> None:
    halves = [
        ask(demo.port, half)
        for half in (b"", b"GET /healthz HT", b"GET / HTTP/1.1\r\nHost: x")
        for _ in range(40)
    ]
    started = time.monotonic()
    assert demo.get("/healthz") == b"ok\n"
    assert time.monotonic() - started < 5  # for which each of gunicorn's threads would wait for one of them
    for half in halves:
        half.settimeout(PATIENCE_S)
        with suppress(ConnectionResetError):
            assert half.recv(1) == b""  # let go, unanswered

    def comes_in_halves() -> bool:
        late = ask(demo.port, b"GET /healthz HTTP/1.1\r\nHost: local")
        time.sleep(0.1)
        with suppress(OSError):  # on a busy machine it may be let go by now
            late.sendall(b"host\r\n\r\n")
            return late.recv(20).startswith(b"HTTP/1.1 200")
        return False

    until(comes_in_halves)


@pytest.mark.parametrize(
    "head",
    ["POST /explain HTTP/1.1\r\nContent-Length: 9000000", "POST /view HTTP/1.1\r\nTransfer-Encoding: chunked"],
    ids=["long", "of unsaid length"],
)
def test_bodies_that_never_end_hold_nobody_up(demo: Server, ask: Ask, head: str) -> None:
    body = "\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
    endless = [ask(demo.port, (head + body).encode()) for _ in range(130)]
    started = time.monotonic()
    assert demo.get("/healthz") == b"ok\n"
    assert time.monotonic() - started < 5  # for which gunicorn's own threads would wait for the bodies' ends
    for connection in endless:
        connection.close()
    assert demo.get("/healthz") == b"ok\n"


def test_who_sends_far_too_much_reads_why_not(start_server: Callable[..., Server]) -> None:
    flags = ("--source", "demo", "--max-upload-mb", "1")
    server = start_server(*flags)
    statuses = {"/pictures": 413, "/api/v1/predict": 413, "/explain": 413, "/nothing": 404}
    for path, status in statuses.items():
        request = Request(server.url + path, bytes(60_000_000))
        with pytest.raises(HTTPError) as answered:  # and no broken pipe: it sends all, and then reads
            urlopen(request, timeout=PATIENCE_S)
        with answered.value as answer:
            assert (path, answer.code) == (path, status)
            assert len(answer.read()) == int(answer.headers["Content-Length"])


@pytest.mark.parametrize("path", [b"/view", b"/api/v1/mirror?session=a"])
def test_half_a_body_holds_nobody_up(demo: Server, ask: Ask, path: bytes) -> None:
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30000\r\n\r\n{" % path
    halves = [ask(demo.port, head) for _ in range(160)]  # more than gunicorn has threads
    started = time.monotonic()
    late = halves[-1].recv(1000)
    assert late.startswith(b"HTTP/1.1 503")
    assert b"Retry-After" in late
    assert demo.get("/healthz") == b"ok\n"
    assert time.monotonic() - started < 5  # for which gunicorn's own threads would wait for the bodies' ends
    viewer = Viewer(demo.port)
    until(lambda: viewer.pictures > 2)
    viewer.socket.shutdown(socket.SHUT_RDWR)
    viewer.join(PATIENCE_S)


def test_gunicorn_main_app_serves_the_same_site() -> None:
    port = free_port()
    variables = {"FER_PORT": str(port), "FER_SOURCE": "demo"}
    command = [sys.executable, "-m", "gunicorn", "main:app"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **variables})
    try:
        viewer = connect_when_ready(port)
        until(lambda: viewer.pictures > 2)
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    viewer.join(PATIENCE_S)


def test_a_source_that_does_not_exist_is_one_sentence() -> None:
    result = run_main("--source", "nothing.mp4", "--port", str(free_port()))
    assert_one_sentence(result, "there is no source 'nothing.mp4'")


def test_missing_weights_are_one_sentence() -> None:
    assert_one_sentence(run_main("--weights", "none.safetensors", "--port", str(free_port())), "no weights at")


def test_truncated_weights_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "short.safetensors"
    path.write_bytes((ROOT / "weights" / "emotion.safetensors").read_bytes()[:100_000])
    assert_one_sentence(run_main("--weights", str(path), "--port", str(free_port())), "damaged")


def test_weights_of_other_classes_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_weights(path, EmotionNet(), ModelCard("emotion", classes=("cat", "dog")))
    assert_one_sentence(run_main("--weights", str(path), "--port", str(free_port())), "cat, dog")


def test_a_cascade_that_does_not_load_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_text("<xml>")
    flags = ("--detector", "haar", "--cascade", str(path), "--port", str(free_port()))
    assert_one_sentence(run_main(*flags), "not a cascade")


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_one_sentence(run_main("--port", str(port)), f"port {port}: Address already in use")


def test_an_address_of_another_machine_is_one_sentence() -> None:
    assert_one_sentence(run_main("--host", "192.0.2.1", "--port", str(free_port())), "192.0.2.1")


def test_a_setting_out_of_range_is_one_sentence() -> None:
    assert_one_sentence(run_main(FER_JPEG_QUALITY="0"), "--jpeg-quality must be from 1 to 100")


def test_another_address_without_a_password_is_refused_in_one_sentence() -> None:
    port = str(free_port())
    assert_one_sentence(run_main("--host", "0.0.0.0", "--port", port), "give --auth user:password or --token")
    command = [sys.executable, "-m", "gunicorn", "--bind", f"0.0.0.0:{port}", "main:app"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert_one_sentence(result, "others could watch the camera on 0.0.0.0")


def test_the_stream_asks_for_the_token_too_and_the_log_never_has_it(
    start_server: Callable[..., Server], ask: Ask
) -> None:
    server = start_server("--source", "demo", "--token", "t0ken")
    assert ask(server.port).recv(12) == b"HTTP/1.1 401"
    head = b"GET /video_feed?token=t0ken HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert b"Content-Security-Policy" in ask(server.port, head).recv(1000)
    server.stop()
    assert "t0ken" not in server.output


def test_the_log_level_says_how_much_is_logged(start_server: Callable[..., Server]) -> None:
    server = start_server("--source", "demo", "--log-level", "warning")
    server.get("/snapshot.jpg")
    server.stop()
    assert "level=info" not in server.output


def test_viewers_coming_and_going_leave_nothing_behind(start_server: Callable[..., Server]) -> None:
    server = start_server("--source", "demo", "--log-level", "warning")
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    if not children.exists():
        pytest.skip("this system does not list a process's children")
    worker = Path("/proc", children.read_text().split()[0])

    def come_and_go(times: int) -> None:
        for number in range(times):
            width = b"?width=320" if number % 5 == 0 else b""
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
                connection.sendall(b"GET /video_feed%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % width)
                connection.recv(65536)

    def resident_mb() -> float:
        line = next(line for line in (worker / "status").read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def descriptors() -> int:
        return len(list((worker / "fd").iterdir()))

    viewer = Viewer(server.port)
    until(lambda: viewer.pictures > 60)
    viewer.socket.close()
    come_and_go(100)  # what stays is there from now on: the network's buffers, and threads
    until(lambda: json.loads(server.get("/state"))["viewers"] == 0)
    before_mb, open_before = resident_mb(), descriptors()
    come_and_go(400)
    until(lambda: json.loads(server.get("/state"))["viewers"] == 0)
    until(lambda: descriptors() - open_before < 5)
    assert resident_mb() - before_mb < 15
