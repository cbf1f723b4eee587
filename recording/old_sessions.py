"""Deletes old sessions as --keep-days says, while the computer's clock can be right.

A Raspberry Pi has no clock of its own: it may begin in 1970, and leap to today once the network is there.
"""

import logging
import time
from collections.abc import Callable

from recording.history import DAY_MS, FIRST_MS, History

log = logging.getLogger(__name__)

LAST_MS = 2_840_140_800_000  # 2060-01-01; a clock that says more was not set
MAX_LEAP_MS = 365 * DAY_MS  # ahead, while the program runs


class OldSessions:
    """The sessions of a history that ended more than keep_days ago; for one thread."""

    def __init__(
        self,
        history: History,
        keep_days: int,
        *,
        unix_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Delete nothing yet, and nothing at all if keep_days is 0; the clocks return times in s."""
        self._history, self._keep_days = history, keep_days
        self._unix_s, self._monotonic_s = unix_s, monotonic_s
        self._offset_ms: int | None = None  # of the first to the second, when it was last believed

    def delete(self) -> None:
        """Delete them, unless the clock cannot be right; raises DatabaseError."""
        if not self._keep_days:
            return
        now_unix_ms = self._believed_unix_ms()
        if now_unix_ms is None:
            log.warning("the computer's clock cannot be right, so --keep-days deletes nothing")
            return
        deleted = self._history.delete_ended_before(now_unix_ms - self._keep_days * DAY_MS, now_unix_ms)
        log.info("deleted sessions that are older than --keep-days", extra={"sessions": deleted})

    def _believed_unix_ms(self) -> int | None:
        """Return the time; None if the clock was not set, or has leapt ahead since it was last believed."""
        unix_ms = round(self._unix_s() * 1000)
        offset_ms = unix_ms - round(self._monotonic_s() * 1000)
        if not FIRST_MS <= unix_ms <= LAST_MS:
            return None
        if self._offset_ms is not None and offset_ms - self._offset_ms > MAX_LEAP_MS:
            return None
        self._offset_ms = offset_ms
        return unix_ms
