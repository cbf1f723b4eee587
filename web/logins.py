"""Failed logins, counted by address: of one with too many, further ones are told to wait."""

import ipaddress
import logging
import threading
import time

from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

MAX_FAILURES, WINDOW_S = 20, 60  # failed logins of one address, and the time over which they are counted
MAX_ADDRESSES = 10_000
RETRY_S = 5.0  # until Redis is asked again after it did not answer


class FailedLogins:
    """Counts failed logins in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}  # by network, with when its window began

    def add(self, address: str) -> bool:
        """Count one from this address; return whether it has had too many within WINDOW_S."""
        network, now = network_of(address), time.monotonic()
        with self._lock:
            count, began_s = self._counts.get(network, (0, now))
            if now - began_s >= WINDOW_S:
                count, began_s = 0, now
            if len(self._counts) >= MAX_ADDRESSES:
                self._counts = {known: it for known, it in self._counts.items() if now - it[1] < WINDOW_S}
            if network in self._counts or len(self._counts) < MAX_ADDRESSES:
                self._counts[network] = count + 1, began_s
        return count >= MAX_FAILURES


class SharedFailedLogins(FailedLogins):
    """Counts failed logins in Redis, for all web processes together; in this process while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        super().__init__()
        self._redis = redis
        self._retry_at_s = -float("inf")

    def add(self, address: str) -> bool:
        """Count one from this address; return whether it has had too many within WINDOW_S."""
        if time.monotonic() >= self._retry_at_s:
            try:
                return self._add_to_redis(address)
            except RedisError as error:
                self._retry_at_s = time.monotonic() + RETRY_S
                log.warning("failed logins are counted by each process alone: %s", error)
        return super().add(address)

    def _add_to_redis(self, address: str) -> bool:
        key = f"fer:failed-logins:{network_of(address)}"
        with self._redis.pipeline(transaction=True) as asked:
            asked.set(key, 0, ex=WINDOW_S, nx=True)
            asked.incr(key)
            _, count = asked.execute()
        return int(count) > MAX_FAILURES


def network_of(address: str) -> str:
    """Return what failed logins are counted by: an IPv4 address, or the /64 in which an IPv6 address lies."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address  # as of a Unix socket
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(ip), 64), strict=False))
