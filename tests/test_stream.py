import threading
import time

from stream import BOUNDARY, Latest, multipart


def test_a_late_reader_gets_only_the_newest_value() -> None:
    latest: Latest[str] = Latest()
    for letter in ("a", "b", "c"):
        latest.put(letter)
    value, version = latest.wait(0, 1)
    assert value == "c"
    assert latest.wait(version, 0.01) == (None, version)


def test_a_waiting_reader_is_woken_by_a_new_value() -> None:
    latest: Latest[int] = Latest()
    threading.Timer(0.05, latest.put, [7]).start()
    assert latest.wait(0, 5)[0] == 7


def test_a_wait_ends_at_its_timeout() -> None:
    latest: Latest[int] = Latest()
    started = time.monotonic()
    assert latest.wait(0, 0.05) == (None, 0)
    assert time.monotonic() - started < 1


def test_closing_lets_every_reader_go() -> None:
    latest: Latest[int] = Latest()
    readers = [threading.Thread(target=latest.wait, args=(0, 30)) for _ in range(3)]
    for reader in readers:
        reader.start()
    latest.close()
    for reader in readers:
        reader.join(2)
    assert not any(reader.is_alive() for reader in readers)


def test_a_cleared_value_is_not_given_again() -> None:
    latest: Latest[int] = Latest()
    latest.put(1)
    latest.clear()
    assert latest.newest() is None
    assert latest.wait(0, 0.01)[0] is None
    latest.put(2)
    assert latest.wait(0, 0.01)[0] == 2


def test_the_next_parts_head_follows_each_picture_at_once() -> None:
    parts = list(multipart([b"one", b"two"]))
    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
    assert parts == [head, b"one\r\n" + head, b"two\r\n" + head]
