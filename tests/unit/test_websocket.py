"""The WebSocket over a pair of real sockets; wsproto plays the visitor."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason

from server.websocket import HandshakeError, LeftError, WebSocket, shake_hands
from tests.fakes.waiting import PATIENCE_S
from tests.fakes.websocket import Visitor

MOST = 1000
SURROGATE = b"\x81\x83\0\0\0\0\xed\xa0\x80"  # a text frame whose bytes are no UTF-8


@pytest.fixture
def pair() -> Iterator[tuple[WebSocket, Visitor]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        visitor = Visitor(theirs)
        websocket = WebSocket(ours, shake_hands(visitor.environ()), linger_s=0.1)
        assert isinstance(visitor.next(), AcceptConnection)
        yield websocket, visitor


def last_words(websocket: WebSocket, visitor: Visitor) -> tuple[int, str | None]:
    """Return what the visitor is told when the connection ends at the next message."""
    threading.Timer(0, visitor.connection.shutdown, [socket.SHUT_WR]).start()
    with pytest.raises(LeftError):
        websocket.receive(PATIENCE_S, MOST)
    event = visitor.next()
    assert isinstance(event, CloseConnection)
    return event.code, event.reason


def test_messages_come_whole_and_in_order_as_bytes_or_as_text(pair: tuple[WebSocket, Visitor]) -> None:
    websocket, visitor = pair
    visitor.send(
        BytesMessage(b"one, ", message_finished=False), BytesMessage(b"still one"), BytesMessage(b"two")
    )
    assert websocket.receive(PATIENCE_S, MOST) == b"one, still one"
    assert websocket.receive(PATIENCE_S, MOST) == b"two"
    visitor.send(TextMessage("h\u00e4", message_finished=False), TextMessage("lf"))
    assert websocket.receive(PATIENCE_S, MOST) == "h\u00e4lf"
    websocket.send("seen")
    assert visitor.next() == TextMessage("seen")


def test_a_silent_visitor_is_waited_for_only_so_long(pair: tuple[WebSocket, Visitor]) -> None:
    websocket, visitor = pair
    assert websocket.receive(0.01, MOST) is None
    visitor.send(BytesMessage(b"half", message_finished=False))
    assert websocket.receive(0.01, MOST) is None
    visitor.send(BytesMessage(b"whole"))
    assert websocket.receive(PATIENCE_S, MOST) == b"halfwhole"


def test_a_visitor_that_says_goodbye_or_just_goes_has_left(pair: tuple[WebSocket, Visitor]) -> None:
    websocket, visitor = pair
    visitor.send(CloseConnection(CloseReason.NO_STATUS_RCVD))
    assert last_words(websocket, visitor) == (CloseReason.NO_STATUS_RCVD, "")
    visitor.connection.close()
    with pytest.raises(LeftError):
        websocket.receive(PATIENCE_S, MOST)
    with pytest.raises(LeftError):
        websocket.send("anybody there?")


def test_a_ping_is_answered(pair: tuple[WebSocket, Visitor]) -> None:
    websocket, visitor = pair
    visitor.send(Ping(b"there?"))
    assert websocket.receive(0.01, MOST) is None
    pong = visitor.next()
    assert isinstance(pong, Pong)
    assert pong.payload == b"there?"


@pytest.mark.parametrize(
    ("sends", "code", "sentence"),
    [
        (lambda v: v.send(BytesMessage(bytes(MOST + 1))), 1009, "A message may have 1000 bytes at most."),
        (lambda v: v.send(TextMessage("\u00e4" * MOST)), 1009, "A message may have 1000 bytes at most."),
        (
            lambda v: v.connection.sendall(SURROGATE),
            1007,
            "'utf-8' codec can't decode byte 0xed in position 0: invalid continuation byte",
        ),
        (lambda v: v.connection.sendall(b"\xff" * 200), 1002, "Invalid opcode 0xf"),
    ],
    ids=["too long", "text too long", "no text", "garbage"],
)
def test_what_is_not_understood_ends_it_with_a_sentence(
    pair: tuple[WebSocket, Visitor], sends: Callable[[Visitor], None], code: int, sentence: str
) -> None:
    websocket, visitor = pair
    sends(visitor)
    assert last_words(websocket, visitor) == (code, sentence)


def test_a_visitor_that_sends_without_end_is_held_back_and_still_told_why_it_ends(
    pair: tuple[WebSocket, Visitor],
) -> None:
    websocket, visitor = pair
    visitor.connection.setblocking(False)
    sent = 0
    with suppress(BlockingIOError):
        while sent < 10_000_000:
            sent += visitor.connection.send(visitor.protocol.send(BytesMessage(os.urandom(MOST))))
    assert sent < 4_000_000  # what the system holds; we have read nothing
    visitor.connection.settimeout(PATIENCE_S)
    received: list[Event] = []
    listener = threading.Thread(target=lambda: received.append(visitor.next()))
    listener.start()
    websocket.close(1013, "ä" * 100)
    listener.join(PATIENCE_S)
    assert received == [CloseConnection(1013, "ä" * 61)]


def test_an_ordinary_request_is_no_handshake() -> None:
    with pytest.raises(HandshakeError):
        shake_hands({"PATH_INFO": "/mirror/socket", "HTTP_HOST": "localhost"})
