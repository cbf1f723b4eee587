import re
import threading
import time
from dataclasses import replace

import pytest

from streaming.latest import Latest, follow
from streaming.multipart import part, stream_start
from tests.fakes.images import picture_of
from tests.fakes.waiting import PATIENCE_S


def test_a_late_reader_gets_only_the_newest_value() -> None:
    latest: Latest[str] = Latest()
    for letter in ("a", "b", "c"):
        latest.put(letter)
    value, version = latest.wait(0, PATIENCE_S)
    assert value == "c"
    assert latest.wait(version, 0.01) == (None, version)


def test_a_waiting_reader_is_woken_by_a_new_value() -> None:
    latest: Latest[int] = Latest()
    threading.Timer(0.05, latest.put, [7]).start()
    assert latest.wait(0, PATIENCE_S)[0] == 7


def test_a_wait_ends_at_its_timeout() -> None:
    latest: Latest[int] = Latest()
    assert latest.wait(0, 0.05) == (None, 0)


def test_closing_lets_every_reader_go() -> None:
    latest: Latest[int] = Latest()
    readers = [threading.Thread(target=latest.wait, args=(0, 2 * PATIENCE_S)) for _ in range(3)]
    for reader in readers:
        reader.start()
    latest.close()
    for reader in readers:
        reader.join(PATIENCE_S)
    assert not any(reader.is_alive() for reader in readers)


def test_a_cleared_value_is_not_given_again() -> None:
    latest: Latest[int] = Latest()
    latest.put(1)
    latest.clear()
    assert latest.newest() is None
    assert latest.wait(0, 0.01)[0] is None
    latest.put(2)
    assert latest.wait(0, 0.01)[0] == 2


def test_every_change_is_told_to_the_listeners() -> None:
    latest: Latest[int] = Latest()
    values: list[int | None] = []
    latest.subscribe(lambda: values.append(latest.newest()))
    latest.put(1)
    latest.put(2)
    latest.close()
    assert values == [1, 2, 2]


def test_a_listener_that_raises_is_logged_once_and_left_out_and_the_others_and_the_writer_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    latest: Latest[int] = Latest()
    calls: list[int | None] = []

    def fail() -> None:
        calls.append(None)
        raise RuntimeError("this listener is broken")

    latest.subscribe(lambda: calls.append(latest.newest()))
    latest.subscribe(fail)
    latest.subscribe(lambda: calls.append(latest.newest()))
    for number in (1, 2):
        latest.put(number)
    latest.close()
    assert calls == [1, None, 1, 2, 2, 2, 2]
    assert caplog.text.count("RuntimeError: this listener is broken") == 1


def test_who_follows_at_a_slower_rate_gets_the_newest_each_time() -> None:
    latest: Latest[int] = Latest()
    latest.put(0)
    follower = follow(latest, period_s=0.05)
    got = [next(follower)]
    for number in range(1, 4):
        latest.put(number)
    got.append(next(follower))
    latest.close()
    assert [*got, *follower] == [0, 3]


def test_what_stands_still_is_repeated() -> None:
    latest: Latest[str] = Latest()
    latest.put("still")
    follower = follow(latest, repeat_s=0.02)
    assert [next(follower) for _ in range(3)] == ["still"] * 3
    latest.close()


def test_for_browsers_the_next_parts_head_follows_each_picture_at_once() -> None:
    head = rb"--frame\r\nContent-Type: image/jpeg\r\nX-Timestamp: (\d+\.\d{6})\r\nX-Sequence: (\d+)\r\n\r\n"
    stream = stream_start(ahead=True) + part(picture_of(4, b"one"), ahead=True)
    found = re.fullmatch(head + rb"one\r\n" + head, stream)
    assert found
    assert abs(float(found[3]) - time.time()) < 5
    assert (found[2], found[4]) == (b"0", b"5")


def test_for_others_each_head_says_its_own_pictures_length_time_and_number() -> None:
    assert stream_start(ahead=False) == b""
    old = replace(picture_of(4, b"jpeg"), captured_s=time.monotonic() - 60)
    head, _, body = part(old, ahead=False).partition(b"\r\n\r\n")
    values = dict(line.split(": ") for line in head.decode().splitlines()[1:])
    assert body == b"jpeg\r\n"
    assert (values["Content-Length"], values["X-Sequence"]) == ("4", "4")
    assert float(values["X-Timestamp"]) == pytest.approx(time.time() - 60, abs=5)
