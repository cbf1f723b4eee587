"""The parts of a site are closed once, in the opposite order, even if one of them fails."""

import threading

import pytest
from flask import Flask

from server.lifetime import EXTENSION, Lifetime, close_site
from tests.fakes.waiting import PATIENCE_S


class Part:
    """Notes in `closed` that it was closed, after waiting for `go`; answers or raises `end`."""

    def __init__(self, name: str, closed: list[str], end: bool | Exception | None = None) -> None:
        self.name, self.closed, self.end = name, closed, end
        self.begun, self.go = threading.Event(), threading.Event()
        self.go.set()

    def close(self) -> bool | None:
        self.begun.set()
        assert self.go.wait(PATIENCE_S)
        self.closed.append(self.name)
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


@pytest.fixture
def closed() -> list[str]:
    return []


def own(lifetime: Lifetime, closed: list[str], **ends: bool | Exception | None) -> dict[str, Part]:
    return {name: lifetime.own(Part(name, closed, end)) for name, end in ends.items()}


def test_what_was_owned_last_is_closed_first(closed: list[str]) -> None:
    lifetime = Lifetime()
    own(lifetime, closed, history=None, camera=True, sender=None)
    assert lifetime.close()
    assert closed == ["sender", "camera", "history"]


def test_a_part_that_is_owned_is_given_back_as_it_is(closed: list[str]) -> None:
    part = Part("camera", closed)
    assert Lifetime().own(part) is part


def test_a_lifetime_without_parts_ends_well() -> None:
    assert Lifetime().close()


@pytest.mark.parametrize("holding", ["history", "camera", "sender"])
def test_a_part_that_could_not_join_its_thread_is_told_wherever_it_stands(
    closed: list[str], holding: str
) -> None:
    lifetime = Lifetime()
    own(lifetime, closed, **{name: name != holding for name in ("history", "camera", "sender")})
    assert not lifetime.close()
    assert not lifetime.close()
    assert closed == ["sender", "camera", "history"]


def test_a_part_that_raises_is_logged_and_the_others_are_closed_all_the_same(
    closed: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    lifetime = Lifetime()
    own(lifetime, closed, history=True, camera=RuntimeError("the device is gone"), sender=True)
    assert not lifetime.close()  # its threads may still run
    assert closed == ["sender", "camera", "history"]
    assert caplog.text.count("RuntimeError: the device is gone") == 1


def test_closing_twice_closes_each_part_once_and_gives_the_same_answer(closed: list[str]) -> None:
    lifetime = Lifetime()
    own(lifetime, closed, history=True, camera=True)
    assert [lifetime.close(), lifetime.close()] == [True, True]
    assert closed == ["camera", "history"]


@pytest.mark.parametrize("is_clean", [True, False])
def test_two_threads_that_close_wait_for_the_same_end_and_get_the_same_answer(
    closed: list[str], is_clean: bool
) -> None:
    lifetime = Lifetime()
    parts = own(lifetime, closed, history=is_clean, camera=True)
    parts["history"].go.clear()
    answers: list[bool] = []

    def close() -> None:
        answers.append(lifetime.close())

    closers = [threading.Thread(target=close) for _ in range(2)]
    closers[0].start()
    assert parts["history"].begun.wait(PATIENCE_S)
    closers[1].start()
    closers[1].join(0.1)
    assert answers == []  # the second waits, too
    parts["history"].go.set()
    for closer in closers:
        closer.join(PATIENCE_S)
    assert answers == [is_clean, is_clean]
    assert closed == ["camera", "history"]


def test_closing_a_site_closes_what_it_owns(closed: list[str]) -> None:
    site, lifetime = Flask("site"), Lifetime()
    own(lifetime, closed, camera=False)
    site.extensions[EXTENSION] = lifetime
    assert not close_site(site)
    assert closed == ["camera"]
