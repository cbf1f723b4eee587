"""Old sessions are deleted in time, and no others, whatever the computer's clock says."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from recording.history import DAY_MS, History, Session
from recording.old_sessions import OldSessions

TODAY_S = 1_790_000_000.0
DAY_S = DAY_MS / 1000
KEEP_DAYS = 7


class Clocks:
    """A computer's two clocks, in s: the one that is set, and the one that only runs on."""

    def __init__(self) -> None:
        self.unix_s, self.monotonic_s = TODAY_S, 1000.0

    def pass_days(self, days: float) -> None:
        self.unix_s += days * DAY_S
        self.monotonic_s += days * DAY_S


@pytest.fixture
def history(database_url: str) -> Iterator[History]:
    with closing(History(database_url)) as history:
        yield history


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def start(history: History, clocks: Clocks) -> Callable[[], OldSessions]:
    """Return a function that starts the program anew."""
    return lambda: OldSessions(
        history, KEEP_DAYS, unix_s=lambda: clocks.unix_s, monotonic_s=lambda: clocks.monotonic_s
    )


def record(history: History, unix_s: float, name: str) -> None:
    at_ms = round(unix_s * 1000)
    history.write(Session(at_ms), [], at_ms, name)


def names(history: History) -> set[str]:
    return {summary.source for summary in history.sessions(0, 100)}


def test_a_session_is_deleted_when_it_is_too_old(
    history: History, clocks: Clocks, start: Callable[[], OldSessions]
) -> None:
    record(history, TODAY_S - 6 * DAY_S, "young")
    record(history, TODAY_S - 8 * DAY_S, "old")
    program = start()
    program.delete()
    assert names(history) == {"young"}
    clocks.pass_days(2)
    program.delete()
    assert names(history) == set()


def test_after_months_without_power_what_is_too_old_is_deleted_at_the_start(
    history: History, clocks: Clocks, start: Callable[[], OldSessions]
) -> None:
    record(history, TODAY_S, "old")
    start().delete()
    clocks.unix_s += 200 * DAY_S
    start().delete()
    assert names(history) == set()


@pytest.mark.parametrize("unset_s", [3600.0, 946_684_800.0], ids=["1970", "2000"])
def test_a_session_from_before_the_clock_was_set_counts_from_when_it_was(
    history: History, clocks: Clocks, start: Callable[[], OldSessions], unset_s: float
) -> None:
    clocks.unix_s = unset_s
    program = start()
    record(history, unset_s + 60, "unset")
    program.delete()
    clocks.unix_s = TODAY_S  # the network is there
    program.delete()
    assert names(history) == {"unset"}
    clocks.pass_days(6)
    start().delete()  # after a start, too
    assert names(history) == {"unset"}
    clocks.pass_days(1.5)
    start().delete()
    assert names(history) == set()


def test_a_session_of_the_future_is_kept_no_longer_than_others(
    history: History, clocks: Clocks, start: Callable[[], OldSessions]
) -> None:
    record(history, TODAY_S + 30 * 365 * DAY_S, "ahead")
    program = start()
    program.delete()
    assert names(history) == {"ahead"}
    clocks.pass_days(KEEP_DAYS + 0.5)
    program.delete()
    assert names(history) == set()


def test_a_session_that_seemed_to_be_of_the_future_while_the_clock_was_behind_keeps_its_time(
    history: History, clocks: Clocks, start: Callable[[], OldSessions]
) -> None:
    record(history, TODAY_S, "right")
    clocks.unix_s = TODAY_S - 5 * DAY_S  # as it was when the computer was switched off
    start().delete()
    clocks.unix_s = TODAY_S + 6 * DAY_S
    start().delete()
    assert names(history) == {"right"}


@pytest.mark.parametrize("years", [2, 80])
def test_a_clock_that_leaps_years_ahead_deletes_nothing(
    history: History,
    clocks: Clocks,
    start: Callable[[], OldSessions],
    years: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    record(history, TODAY_S - 1 * DAY_S, "young")
    program = start()
    program.delete()
    clocks.unix_s += years * 365 * DAY_S
    program.delete()
    clocks.pass_days(1)
    program.delete()
    assert names(history) == {"young"}
    assert "clock cannot be right" in caplog.text
    clocks.unix_s -= years * 365 * DAY_S  # somebody has seen it
    clocks.pass_days(6)
    program.delete()
    assert names(history) == set()


def test_a_clock_that_was_not_set_deletes_nothing(
    history: History, clocks: Clocks, start: Callable[[], OldSessions]
) -> None:
    record(history, TODAY_S - 1 * DAY_S, "young")
    for unix_s in (0.0, 946_684_800.0, 4_102_444_800.0):
        clocks.unix_s = unix_s
        start().delete()
    assert names(history) == {"young"}


def test_without_keep_days_nothing_is_deleted(history: History, clocks: Clocks) -> None:
    record(history, TODAY_S - 999 * DAY_S, "old")
    OldSessions(history, 0, unix_s=lambda: clocks.unix_s).delete()
    assert names(history) == {"old"}
