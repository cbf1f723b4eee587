"""Sightings as CSV and JSON Lines, with the same columns: spreadsheets, pandas and R open them as they are."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from emotions import EMOTIONS
from history import Summary

COLUMNS = (
    *("time", "seconds", "session", "source", "track_id", "x1", "y1", "x2", "y2", "emotion", "sure"),
    *EMOTIONS,
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for one when a cell begins with it
ROWS_A_PART = 200


def iso_time(unix_ms: int) -> str:
    """Return a time as ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def records(summary: Summary, sightings: Iterable[Mapping[Any, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a session's sightings by COLUMNS: time in UTC, seconds since the session began, box in px."""
    for row in sightings:
        yield {
            "time": iso_time(row["at_ms"]),
            "seconds": (row["at_ms"] - summary.started_ms) / 1000,
            "session": summary.session_id,
            "source": summary.source,
            **{name: row[name] for name in COLUMNS[4:11]},
            **{name: round(row[name], 4) for name in EMOTIONS},
        }


def as_csv(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield CSV (RFC 4180) in parts, its header first; no text in it is taken for a formula.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    part = io.StringIO()
    writer = csv.writer(part)
    writer.writerow(COLUMNS)
    rows = iter(rows)
    while part.tell():
        yield part.getvalue()
        part.seek(0)
        part.truncate()
        writer.writerows([_cell(row[name]) for name in COLUMNS] for row in islice(rows, ROWS_A_PART))


def as_json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield one JSON object a line, in parts: https://jsonlines.org."""
    rows = iter(rows)
    while part := "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in islice(rows, ROWS_A_PART)):
        yield part


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
