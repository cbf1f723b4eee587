"""Sightings as CSV and JSON Lines, with the same columns: spreadsheets, pandas and R open them as they are."""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np

from recording.history import Summary
from vision.circumplex import AXES, place
from vision.emotions import EMOTIONS
from vision.faces import Table

COLUMNS = (
    *("time", "seconds", "session", "source", "track_id", "x1", "y1", "x2", "y2", "emotion", "sure"),
    *EMOTIONS,
    *AXES,
)
ROWS_A_PART = 100
PROBS = slice(9, 16)  # of a row of `History.sightings`


def iso_time(unix_ms: int) -> str:
    """Return a time as ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def records(summary: Summary, sightings: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield a session's sightings, as `History.sightings` yields them, in COLUMNS.

    time is in UTC, seconds are since the session began, x1 to y2 in px; probabilities, valence and arousal are
    rounded.
    """
    sightings = iter(sightings)
    while part := list(islice(sightings, ROWS_A_PART)):
        probs = np.array([row[PROBS] for row in part])
        figures = (
            np.hstack((probs, place(probs))).round(4).tolist()
        )  # as one: a row alone takes four times as long
        for (_, at_unix_ms, *rest), numbers in zip(part, figures, strict=True):
            times = iso_time(at_unix_ms), (at_unix_ms - summary.started_unix_ms) / 1000
            yield *times, summary.session_id, summary.source, *rest[:7], *numbers


def as_csv(rows: Iterable[Sequence[Any]], columns: Sequence[str] = COLUMNS) -> Iterator[str]:
    """Yield CSV in parts of ROWS_A_PART, its header first; rows are in the order of columns."""
    part = io.StringIO(newline="")
    table = Table(part, columns)
    rows = iter(rows)
    while part.tell():
        yield part.getvalue()
        part.seek(0)
        part.truncate()
        table.add(islice(rows, ROWS_A_PART))


def as_json_lines(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield one JSON object a line, in parts of ROWS_A_PART: https://jsonlines.org."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    rows = iter(rows)
    while part := [encode(dict(zip(COLUMNS, row, strict=True))) for row in islice(rows, ROWS_A_PART)]:
        yield "\n".join((*part, ""))
