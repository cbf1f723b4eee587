"""Failed logins: what counts as one address, and how several processes count together."""

from typing import Any

import pytest

from tests.fakes.relay import FakeRedis
from web.logins import MAX_FAILURES, RETRY_S, WINDOW_S, FailedLogins, SharedFailedLogins, network_of


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("web.logins.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def redis() -> Any:
    return FakeRedis()


def add_until_blocked(logins: FailedLogins, address: str = "10.0.0.9") -> int:
    """Return how many failed logins the address may have."""
    return next(count for count in range(2 * MAX_FAILURES) if logins.add(address))


def test_twenty_a_minute_are_allowed_and_after_a_minute_twenty_more(clock: list[float]) -> None:
    logins = FailedLogins()
    assert add_until_blocked(logins) == MAX_FAILURES
    clock[0] += WINDOW_S - 1
    assert logins.add("10.0.0.9")
    clock[0] += 1
    assert add_until_blocked(logins) == MAX_FAILURES


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.9", "10.0.0.9"),
        ("::ffff:10.0.0.9", "10.0.0.9"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_the_addresses_that_one_subscriber_has_count_as_one(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize("shared", [False, True])
def test_a_guesser_gains_nothing_by_the_many_addresses_of_an_ipv6_network(redis: Any, shared: bool) -> None:
    logins = SharedFailedLogins(redis) if shared else FailedLogins()
    blocked = [logins.add(f"2001:db8:1:2::{number:x}") for number in range(MAX_FAILURES + 1)]
    assert blocked == [False] * MAX_FAILURES + [True]
    assert not logins.add("2001:db8:1:3::1")


def test_the_processes_of_web_hosts_count_together(redis: Any) -> None:
    processes = [SharedFailedLogins(redis) for _ in range(4)]
    blocked = [processes[number % 4].add("10.0.0.9") for number in range(40)]
    assert blocked.count(False) == MAX_FAILURES


def test_while_redis_is_away_each_process_counts_alone_and_asks_it_again_later(
    redis: Any, clock: list[float]
) -> None:
    logins = SharedFailedLogins(redis)
    redis.away = True
    assert add_until_blocked(logins) == MAX_FAILURES
    redis.away = False
    assert logins.add("10.0.0.9")
    clock[0] += RETRY_S
    assert not logins.add("10.0.0.9")
    assert redis.values == {"fer:failed-logins:10.0.0.9": b"1"}
