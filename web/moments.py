"""Moments and stretches of a session in an address: ?at=, ?from= and ?to=."""

import math
import re
from dataclasses import dataclass

from flask import abort, request

from recording.history import Summary
from recording.markers import Marker
from texts import shorten

UNIX_FROM_S = 1e8  # larger numbers are Unix time: no session lasts for three years
CLOCK = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,4}):([0-9]{1,2}(?:\.[0-9]{1,6})?)", re.ASCII)


@dataclass(frozen=True)
class Stretch:
    """Whole seconds of a session, since it began: first to stop, without stop."""

    first: int
    stop: int

    @property
    def seconds(self) -> range:
        """The seconds."""
        return range(self.first, self.stop)

    def within(self, summary: Summary) -> range:
        """Return the stretch of that session in Unix time in ms."""
        start_ms = summary.started_unix_ms
        return range(start_ms + 1000 * self.first, start_ms + 1000 * self.stop)


def query_stretch(summary: Summary) -> Stretch | None:
    """Return the stretch, ?from= to ?to=, in whole seconds; None without both. Answers 400 to no times."""
    begin_s, end_s = query_moment("from", summary), query_moment("to", summary)
    if begin_s is None and end_s is None:
        return None
    whole_s = math.floor(length_of(summary)) + 1.0  # the second that has begun counts
    low_s, high_s = sorted((begin_s or 0.0, whole_s if end_s is None else end_s))
    first = math.floor(low_s)
    return Stretch(first, max(math.ceil(high_s), first + 1))


def query_moment(name: str, summary: Summary) -> float | None:
    """Return a moment in the query, in s since the session began; None without one. Answers 400."""
    text = request.args.get(name, "").strip()
    if not text:
        return None
    moment_s = parse_moment(text, summary)
    if moment_s is None:
        expected = "seconds since the session began, such as 75 or 1:15, or Unix time"
        abort(400, f"{name} must be {expected}, not “{shorten(text)}”.")
    if not 0 <= moment_s <= length_of(summary) + 1:
        abort(400, f"{name} is outside the session, which is {length_of(summary):.0f} s long.")
    return moment_s


def parse_moment(text: str, summary: Summary) -> float | None:
    """Return a moment in s since the session began from 75.5, 1:15.5, 0:01:15.5 or Unix time in s, or None."""
    if parts := CLOCK.fullmatch(text):
        hours, minutes, seconds = parts.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    return value - summary.started_unix_ms / 1000 if value >= UNIX_FROM_S else value


def place_marker(marker: Marker, summary: Summary) -> float:
    """Return a marker's moment in s since the session began, within the session.

    A caller's clock may be somewhat behind as it begins, or ahead as it ends.
    """
    return min(max((marker.at_unix_ms - summary.started_unix_ms) / 1000, 0.0), length_of(summary))


def length_of(summary: Summary) -> float:
    """Return how long a session is, in s."""
    return (summary.ended_unix_ms - summary.started_unix_ms) / 1000
