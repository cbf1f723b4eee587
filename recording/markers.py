"""Event markers: a label at a moment of a session, by the caller's clock and by the server's."""

import math
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from recording.about import MAX_LABEL, AboutError, clean_field

CLOCKS_APART_MS = 2000  # that a caller's clock may be ahead, or behind as the session begins
MAX_MARKERS_A_SECOND = 50
MAX_MARKERS = 100_000  # in a session
MILLISECONDS_FROM = 1e11  # a larger number is no Unix time in s of these centuries


class MarkerError(ValueError):
    """A marker cannot be taken; the message is one sentence, and status that of HTTP which fits it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Marker:
    """A label at a moment of a session.

    Attributes:
        number: The marker's number in its session, from 1.
        label: Its words, on one line.
        caller_unix_ms: When it was by the caller's clock; None if the caller did not say.
        arrived_unix_ms: When it came to the server, by the clock that also times what is recorded.
    """

    number: int
    label: str
    caller_unix_ms: int | None
    arrived_unix_ms: int

    @property
    def at_unix_ms(self) -> int:
        """The marker's moment: the caller's, else its arrival."""
        return self.arrived_unix_ms if self.caller_unix_ms is None else self.caller_unix_ms


def parse_label(label: Any) -> str:
    """Return a marker's label from text or a number; raises MarkerError."""
    if isinstance(label, int | float) and not isinstance(label, bool):
        label = str(label)  # as trigger codes are
    if label is not None and not isinstance(label, str):
        raise MarkerError("label must be text, such as “stimulus on”.")
    try:
        cleaned = clean_field("label", label or "", MAX_LABEL)
    except AboutError as error:
        raise MarkerError(str(error)) from None
    if not cleaned:
        raise MarkerError("label is missing: send a few words, such as “stimulus on”.")
    return cleaned


def parse_time(value: Any) -> int | None:
    """Return Unix time in ms from a number or text in s; None for None or no text. Raises MarkerError."""
    if value is None or value == "":
        return None
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise MarkerError("time must be a number: Unix time in seconds, such as 1760000000.25.")
    if abs(seconds) >= MILLISECONDS_FROM:
        raise MarkerError("time must be Unix time in seconds; this one looks like milliseconds.")
    return round(seconds * 1000)


def check_time(at_unix_ms: int, started_unix_ms: int, now_unix_ms: int) -> None:
    """Raise MarkerError for a moment before a session's start or after now, allowing for clocks apart."""
    if at_unix_ms < started_unix_ms - CLOCKS_APART_MS:
        early_s = (started_unix_ms - at_unix_ms) / 1000
        raise MarkerError(f"time is {early_s:.1f} s before the session began, so it lies outside the session.")
    if at_unix_ms > now_unix_ms + CLOCKS_APART_MS:
        ahead_s = (at_unix_ms - now_unix_ms) / 1000
        raise MarkerError(
            f"time is {ahead_s:.1f} s ahead of the server's clock, so it lies outside the session."
        )


class MarkerRate:
    """The limit of MAX_MARKERS_A_SECOND; its owner's lock guards it."""

    def __init__(self) -> None:
        self._taken_s: deque[float] = deque(maxlen=MAX_MARKERS_A_SECOND)

    def check(self) -> None:
        """Count one more marker; raises MarkerError if there were too many in the last second."""
        now_s = time.monotonic()
        if len(self._taken_s) == MAX_MARKERS_A_SECOND and now_s - self._taken_s[0] < 1:
            raise MarkerError(
                f"More than {MAX_MARKERS_A_SECOND} markers arrived within a second; send fewer.", 429
            )
        self._taken_s.append(now_s)
