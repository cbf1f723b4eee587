"""The stream through real web servers: who holds the connection, and how it ends."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from werkzeug.serving import BaseWSGIServer

from server.gunicorn_worker import Log, close_read
from tests.fakes.camera import FakeCrowd
from tests.fakes.images import picture_of
from tests.fakes.server import ask, read_until, serving
from tests.fakes.site import make_fake_site
from tests.fakes.waiting import PATIENCE_S, until


@pytest.fixture
def crowd() -> Iterator[FakeCrowd]:
    crowd = FakeCrowd(max_viewers=3)
    yield crowd
    crowd.close()


@pytest.fixture
def server(crowd: FakeCrowd) -> Iterator[BaseWSGIServer]:
    site = make_fake_site(crowd)
    with serving(site, threaded=False) as server:  # so a viewer that kept its thread would be noticed
        yield server


def test_one_thread_serves_several_viewers_and_the_pages_between(
    server: BaseWSGIServer, crowd: FakeCrowd
) -> None:
    viewers = [ask(server) for _ in range(3)]
    for viewer in viewers:
        head = read_until(viewer, b"--frame")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nConnection: close\r\n" in head
        assert b"chunked" not in head
    for number in range(3):
        crowd.feed.put(picture_of(number, b"<%d>" % number))
        for viewer in viewers:
            read_until(viewer, b"<%d>" % number)
        with ask(server, b"GET /healthz HTTP/1.0\r\n\r\n") as page:
            read_until(page, b"ok\n")
    assert len(crowd.audience) == crowd.viewing_now == 3
    with ask(server) as fourth:
        assert b"503" in read_until(fourth, b"which is the limit")
    for viewer in viewers:
        viewer.close()
    until(lambda: crowd.viewing_now == len(crowd.audience) == 0)


def test_a_viewer_that_leaves_frees_its_seat_though_no_picture_comes(
    server: BaseWSGIServer, crowd: FakeCrowd
) -> None:
    viewer = ask(server)
    read_until(viewer, b"--frame")
    viewer.close()
    until(lambda: crowd.viewing_now == 0)


def test_when_the_sender_ends_so_do_the_connections(server: BaseWSGIServer, crowd: FakeCrowd) -> None:
    with ask(server) as viewer:
        read_until(viewer, b"--frame")
        crowd.sender.close()
        while viewer.recv(65536):
            pass
    until(lambda: crowd.viewing_now == 0)


def finished(sent_bytes: int, timeout_s: float, max_unread_bytes: int = 1 << 50) -> tuple[int, bytes]:
    """Answer somebody, close, and return how much of its bytes it got rid of, and the answer it read."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.settimeout(PATIENCE_S)
        client.connect(server.getsockname())
        connection, _ = server.accept()
        connection.sendall(b"too large")
        # a busy machine may send nothing for a while
        options = {"silence_s": PATIENCE_S, "max_unread_bytes": max_unread_bytes}
        closing = threading.Thread(target=close_read, args=(connection, timeout_s), kwargs=options)
        closing.start()
        sent, answer, part = 0, b"", bytes(100_000)
        with suppress(ConnectionError):
            while sent < sent_bytes:
                sent += client.send(part)
            client.shutdown(socket.SHUT_WR)
            answer = client.recv(100)
        closing.join(PATIENCE_S)
        assert not closing.is_alive()
        return sent, answer


def test_who_reads_the_answer_only_when_all_is_sent_gets_it() -> None:
    assert finished(20_000_000, PATIENCE_S) == (20_000_000, b"too large")


def test_who_sends_for_too_long_is_left() -> None:
    sent, _ = finished(1 << 40, 0.05)
    assert sent < 1 << 40


def test_who_sends_too_much_is_left() -> None:
    sent, _ = finished(1 << 40, PATIENCE_S, max_unread_bytes=20_000_000)
    assert 20_000_000 <= sent < 1 << 30


@pytest.mark.parametrize(("error", "is_told"), [(TimeoutError(), False), (ValueError("odd"), True)])
def test_a_reader_that_was_left_is_no_news(
    error: Exception, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log.__new__(Log)  # its __init__ gives formatters to whoever listens, pytest included
    log.error_log = logging.getLogger("test")
    try:
        raise error
    except Exception:
        log.exception("cannot answer")
    assert ("cannot answer" in caplog.text) == is_told
