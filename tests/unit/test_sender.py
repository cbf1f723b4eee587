"""The sender with real sockets, each viewer's other end in the test's hands."""

import contextlib
import errno
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from streaming.latest import Latest
from streaming.multipart import browser_part, player_part
from streaming.sender import STALL_S, Sender, SenderWaits, Viewer, tune_socket
from tests.fakes.images import picture_of
from tests.fakes.waiting import PATIENCE_S, until

Connect = Callable[..., "Screen"]
QUICK = SenderWaits(repeat_s=0.15, tick_s=0.03, join_s=PATIENCE_S)
BIG = bytes(300_000)


class Screen:
    """A viewer's side of its connection."""

    def __init__(self, sender: Sender, feed: Latest[object], **options: object) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.socket = socket.create_connection(server.getsockname())
            connection, _ = server.accept()
        self.socket.settimeout(PATIENCE_S)
        self.farewells: list[str] = []
        tune_socket(connection)
        self.received = bytearray()
        self.viewer = Viewer(connection, feed, left=self.leave, **options)  # type: ignore[arg-type]
        self.prepare(connection)
        sender.add(self.viewer, b"head\r\n\r\n")

    def prepare(self, connection: socket.socket) -> None:
        """Leave the sender's side as it is."""

    def leave(self, reason: str) -> None:
        self.farewells.append(reason)

    def read_until(self, words: bytes) -> None:
        searched = 0
        while self.received.find(words, searched) < 0:
            searched = max(len(self.received) - len(words), 0)
            chunk = self.socket.recv(1_000_000)
            assert chunk, f"the connection ended before {words!r}"
            self.received += chunk

    def read_to_the_end(self) -> None:
        while chunk := self.socket.recv(65536):
            self.received += chunk


@pytest.fixture
def feed() -> Latest[object]:
    return Latest()


@pytest.fixture
def make_sender() -> Iterator[Callable[..., Sender]]:
    senders: list[Sender] = []

    def make(**waits: float) -> Sender:
        senders.append(Sender(replace(QUICK, **waits)))
        return senders[-1]

    yield make
    assert all(sender.close() for sender in senders)
    assert not [thread.name for thread in threading.enumerate() if thread.name == "sender"]


@pytest.fixture
def sender(make_sender: Callable[..., Sender]) -> Sender:
    return make_sender()


@pytest.fixture
def connect(sender: Sender, feed: Latest[object]) -> Iterator[Connect]:
    screens: list[Screen] = []

    def connect(
        ahead: bool = False, period_s: float = 0.0, to: Sender = sender, kind: type[Screen] = Screen
    ) -> Screen:
        framed = browser_part if ahead else player_part
        screens.append(kind(to, feed, framed=framed, period_s=period_s))
        return screens[-1]

    yield connect
    for screen in screens:
        screen.socket.close()


def test_every_viewer_gets_the_head_and_then_every_picture(connect: Connect, feed: Latest[object]) -> None:
    screens = [connect() for _ in range(5)]
    for number in range(3):
        feed.put(picture_of(number, b"<picture %d>" % number))
        for screen in screens:
            screen.read_until(b"<picture %d>" % number)
    assert all(screen.received.startswith(b"head\r\n\r\n--frame") for screen in screens)
    assert all(screen.received.count(b"--frame") == 3 for screen in screens)


def test_a_viewer_who_comes_later_gets_the_newest_at_once(connect: Connect, feed: Latest[object]) -> None:
    feed.put(picture_of(0, b"<old>"))
    feed.put(picture_of(1, b"<new>"))
    screen = connect()
    screen.read_until(b"<new>")
    assert b"<old>" not in screen.received


def test_a_browser_has_the_next_head_before_the_next_picture_exists(
    connect: Connect, feed: Latest[object]
) -> None:
    browser = connect(ahead=True)
    feed.put(picture_of(0, b"<picture>"))
    browser.read_until(b"<picture>\r\n--frame\r\nContent-Type: image/jpeg\r\n")


def test_a_still_picture_is_sent_again_after_a_while(connect: Connect, feed: Latest[object]) -> None:
    screen = connect()
    started = time.monotonic()
    feed.put(picture_of(0, b"<still>"))
    while screen.received.count(b"<still>") < 2:
        screen.received += screen.socket.recv(65536)
    assert time.monotonic() - started > 0.9 * QUICK.repeat_s


def test_a_viewer_at_a_lower_rate_gets_the_newest_of_each_period(
    connect: Connect, feed: Latest[object]
) -> None:
    started = time.monotonic()  # the periods begin with the connection
    slow, fast = connect(period_s=0.1), connect()
    for number in range(40):
        feed.put(picture_of(number, b"<%d>" % number))
        fast.read_until(b"<%d>" % number)
        time.sleep(0.01)
    slow.read_until(b"<39>")
    periods = (time.monotonic() - started) / 0.1
    assert 3 <= slow.received.count(b"--frame") <= periods + 2


def test_a_stalled_viewer_costs_the_others_nothing_and_resumes_with_the_newest(
    sender: Sender, connect: Connect, feed: Latest[object]
) -> None:
    stalled = [connect() for _ in range(16)]
    normal = [connect() for _ in range(16)]
    for number in range(60):
        feed.put(picture_of(number, BIG + b"<%d>" % number))
        for screen in normal:
            screen.received.clear()
            screen.read_until(b"<%d>" % number)
    stalled[0].read_until(b"<59>")
    # what both kernels held when it stalled, and then the newest
    assert stalled[0].received.count(b"--frame") < 40
    until(lambda: sender.skipped_pictures > 20)


def test_a_viewer_that_takes_nothing_is_closed(
    make_sender: Callable[..., Sender], connect: Connect, feed: Latest[object]
) -> None:
    sender = make_sender(stall_s=0.5)  # `normal` may be kept waiting, too
    stalled, normal = connect(to=sender), connect(to=sender)
    numbers = iter(range(10_000))

    def publish_until(done: Callable[[], object]) -> None:
        while not done():
            number = next(numbers)
            feed.put(picture_of(number, BIG + b"<%d>" % number))
            normal.received.clear()
            normal.read_until(b"<%d>" % number)
            time.sleep(0.01)

    publish_until(lambda: stalled.farewells)
    assert stalled.farewells == ["it took nothing for 0.5 s"]
    assert normal.farewells == []


def test_nothing_to_send_is_no_stall(
    make_sender: Callable[..., Sender], connect: Connect, feed: Latest[object]
) -> None:
    patient = connect(to=make_sender(stall_s=0.05))
    time.sleep(0.15)
    feed.put(picture_of(0, b"<at last>"))
    patient.read_until(b"<at last>")


def test_a_viewer_that_leaves_in_mid_picture_hurts_nobody(connect: Connect, feed: Latest[object]) -> None:
    leaver, stayer = connect(), connect()
    feed.put(picture_of(0, bytes(20_000_000)))
    assert leaver.socket.recv(1000)
    leaver.socket.close()
    until(lambda: leaver.farewells)
    feed.put(picture_of(1, b"<next>"))
    stayer.read_until(b"<next>")


def test_garbage_is_ignored_and_a_flood_of_it_ends_the_viewer(connect: Connect, feed: Latest[object]) -> None:
    chatty, flooder = connect(), connect()
    chatty.socket.sendall(b"GET / HTTP/1.1\r\n\r\n\0\xff")
    with contextlib.suppress(OSError):  # it is cut off in the middle
        flooder.socket.sendall(bytes(10_000_000))
    until(lambda: flooder.farewells == ["it sends more than a request"])
    feed.put(picture_of(0, b"<picture>"))
    chatty.read_until(b"<picture>")


def test_a_picture_that_cannot_be_framed_ends_no_thread(
    connect: Connect, feed: Latest[object], caplog: pytest.LogCaptureFixture
) -> None:
    unlucky = connect()
    feed.put("not a picture")
    until(lambda: unlucky.farewells == ["it cannot be served"])
    assert "cannot be served" in caplog.text
    feed.put(picture_of(0, b"<picture>"))
    connect().read_until(b"<picture>")


class ClosedEarly(Screen):
    """Its connection is closed before the sender has it."""

    def prepare(self, connection: socket.socket) -> None:
        connection.close()


class Ungrateful(Screen):
    """Raises when it is told that its connection has ended."""

    def leave(self, reason: str) -> None:
        super().leave(reason)
        raise RuntimeError("this viewer does not take it well")


class Full(selectors.DefaultSelector):
    """A selector without room for viewers while `full` is set."""

    full = False

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        if self.full and data is not None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().register(fileobj, events, data)


def test_a_viewer_whose_connection_is_closed_already_ends_alone(connect: Connect, feed: Latest[object]) -> None:
    before = connect()
    gone = connect(kind=ClosedEarly)
    after = connect()
    feed.put(picture_of(0, b"<picture>"))
    for screen in (before, after):
        screen.read_until(b"<picture>")
    until(lambda: gone.farewells == ["[Errno 9] Bad file descriptor"])


@pytest.mark.parametrize("way", ["it leaves", "it is sent away", "the server ends"])
def test_a_viewer_that_raises_when_it_is_told_of_its_end_ends_alone(
    sender: Sender, connect: Connect, feed: Latest[object], caplog: pytest.LogCaptureFixture, way: str
) -> None:
    bad, good = connect(kind=Ungrateful), connect()
    feed.put(picture_of(0, b"<one>"))
    for screen in (bad, good):
        screen.read_until(b"<one>")
    if way == "it leaves":
        bad.socket.close()
    elif way == "it is sent away":
        with contextlib.suppress(OSError):
            bad.socket.sendall(bytes(10_000_000))
    else:
        assert sender.close()
    until(lambda: bad.farewells)
    if way == "the server ends":
        assert good.farewells == ["the server ends"]
        assert connect(kind=Ungrateful).farewells == ["the server ends"]  # who comes later raises nothing, too
    else:
        feed.put(picture_of(1, b"<two>"))
        good.read_until(b"<two>")
    assert "RuntimeError: this viewer does not take it well" in caplog.text


def test_a_viewer_for_whom_the_selector_has_no_room_ends_alone(
    sender: Sender, connect: Connect, feed: Latest[object]
) -> None:
    selector = sender._selector = Full()
    early = connect()
    feed.put(picture_of(0, b"<one>"))
    early.read_until(b"<one>")
    selector.full = True
    unlucky = connect()
    until(lambda: unlucky.farewells == ["[Errno 28] No space left on device"])
    unlucky.read_to_the_end()
    selector.full = False
    late = connect()
    feed.put(picture_of(1, b"<two>"))
    for screen in (early, late):
        screen.read_until(b"<two>")


def test_a_feed_that_takes_no_listener_ends_its_viewers_alone(
    sender: Sender, connect: Connect, feed: Latest[object]
) -> None:
    class Unsubscribable(Latest[object]):
        def subscribe(self, listener: Callable[[], None]) -> None:
            raise RuntimeError(f"no place for {listener}")

    good = connect()
    bad = Screen(sender, Unsubscribable(), framed=player_part, period_s=0.0)
    until(lambda: bad.farewells == ["it cannot be served"])
    bad.socket.close()
    feed.put(picture_of(0, b"<picture>"))
    good.read_until(b"<picture>")


def test_closing_ends_every_connection_at_once(sender: Sender, connect: Connect, feed: Latest[object]) -> None:
    screens = [connect() for _ in range(64)]
    feed.put(picture_of(0, BIG))
    screens[0].read_until(b"--frame")
    started = time.monotonic()
    sender.close()
    assert time.monotonic() - started < STALL_S / 2  # it waits for nobody
    assert all(screen.farewells == ["the server ends"] for screen in screens)
    screens[0].read_to_the_end()


def test_who_comes_after_closing_is_sent_away(sender: Sender, connect: Connect) -> None:
    sender.close()
    assert connect().farewells == ["the server ends"]


def test_the_kernel_holds_little_of_a_stream() -> None:
    with socket.socket() as connection:
        tune_socket(connection)
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 16384
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
