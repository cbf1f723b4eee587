"""Waiting in tests: how long, and for what."""

import threading
from collections.abc import Callable

import pytest

PATIENCE_S = 120.0  # with what comes at once on an idle machine, or starts in seconds


def until(condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Wait until condition() is true; fails the test when it does not become so."""
    clock = threading.Event()
    for _ in range(int(timeout_s / 0.01)):
        if condition():
            return
        clock.wait(0.01)
    pytest.fail("what the test waited for did not happen")
