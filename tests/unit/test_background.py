"""Background tasks beside the live path."""

import threading
import time

import pytest

from tests.fakes.waiting import PATIENCE_S, until
from vision.background import BackgroundTask, InlineTask


def test_a_call_runs_in_the_background_and_its_result_is_polled_once() -> None:
    background: BackgroundTask[int] = BackgroundTask("test")
    go = threading.Event()
    background.start(lambda: 7 if go.wait(PATIENCE_S) else 0)
    assert background.poll() is None
    assert not background.idle
    with pytest.raises(RuntimeError, match="not been polled"):
        background.start(lambda: 8)
    go.set()
    until(lambda: background.poll() == 7)
    assert background.poll() is None
    assert background.idle
    background.close()


def test_the_error_of_a_call_is_raised_by_poll() -> None:
    background: BackgroundTask[float] = InlineTask("test")
    background.start(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        background.poll()
    assert background.idle
    background.close()


def test_closing_waits_for_the_call_and_joins_the_thread() -> None:
    before = set(threading.enumerate())
    background: BackgroundTask[None] = BackgroundTask("test")
    started, done = threading.Event(), threading.Event()

    def call() -> None:
        started.set()
        time.sleep(0.05)
        done.set()

    background.start(call)
    assert started.wait(PATIENCE_S)
    assert background.close()
    assert done.is_set()
    assert set(threading.enumerate()) <= before


def test_closing_does_not_wait_for_ever_for_a_call_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.background.JOIN_S", 0.05)
    background: BackgroundTask[bool] = BackgroundTask("test")
    go = threading.Event()
    background.start(lambda: go.wait(PATIENCE_S))
    assert not background.close()
    go.set()
    assert background.close()


def test_an_inline_task_has_its_result_at_once() -> None:
    inline: InlineTask[int] = InlineTask("test")
    inline.start(lambda: 5)
    assert inline.poll() == 5
    inline.close()
