"""Work beside the live path."""

import threading
import time

import pytest

from tests.fakes.waiting import PATIENCE_S, until
from vision.background import BackgroundTask, InlineTask


def test_nobody_waits_for_a_call_and_its_result_is_given_once() -> None:
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


def test_what_a_call_raised_is_raised_where_its_result_is_taken() -> None:
    background: BackgroundTask[float] = InlineTask("test")
    background.start(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        background.poll()
    assert background.idle
    background.close()


def test_closing_waits_for_the_call_and_joins_the_thread() -> None:
    before = set(threading.enumerate())
    background: BackgroundTask[None] = BackgroundTask("test")
    begun, done = threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        time.sleep(0.05)
        done.set()

    background.start(call)
    assert begun.wait(PATIENCE_S)
    background.close()
    assert done.is_set()
    assert set(threading.enumerate()) <= before


def test_in_the_foreground_the_result_is_there_at_once() -> None:
    foreground: InlineTask[int] = InlineTask("test")
    foreground.start(lambda: 5)
    assert foreground.poll() == 5
    foreground.close()
