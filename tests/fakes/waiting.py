"""Waiting in tests: how long, and for what."""

import threading
from collections.abc import Callable

import pytest

PATIENCE_S = 120.0  # with what comes at once on an idle machine, or starts in seconds


def until(condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Wait until condition() is true; fails the test when it does not become so.

    It is asked less often the longer it takes: a server that answers a hundred times a second does little else.
    """
    clock, waited_s = threading.Event(), 0.0
    while waited_s < timeout_s:
        if condition():
            return
        pause_s = min(max(waited_s / 5, 0.01), 0.1)
        clock.wait(pause_s)
        waited_s += pause_s
    pytest.fail("what the test waited for did not happen")
