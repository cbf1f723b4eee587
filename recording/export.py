"""Sightings and markers as CSV and JSON: spreadsheets, pandas and R open them as they are."""

import io
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recording.dictionary import CSV_FIELDS, MARKER_FIELDS, SIGHTING_FIELDS, names
from recording.history import Summary
from recording.markers import Marker
from vision.circumplex import valence_arousal
from vision.faces import Table
from vision.resting_face import RestingFace, read_without

COLUMNS = names(SIGHTING_FIELDS)
CSV_COLUMNS = names(CSV_FIELDS)
MARKER_COLUMNS = names(MARKER_FIELDS)
SECONDS_COLUMN = COLUMNS.index("seconds")
ROWS_A_PART = 100
# Of a row of `History.sightings`.
TRACK_ID, PROBS, REST_MS = 2, slice(9, 16), 19


def iso_time(unix_ms: int) -> str:
    """Return a time as ISO 8601 in UTC with milliseconds."""
    seconds, ms = divmod(unix_ms, 1000)
    return f"{_iso_second(seconds)}.{ms:03}Z"


@lru_cache(maxsize=16)  # the rows of one second follow each other
def _iso_second(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat().removesuffix("+00:00")


def records(
    summary: Summary,
    sightings: Iterable[Sequence[Any]],
    without: Mapping[tuple[int, int], RestingFace] | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Yield a session's sightings, as `History.sightings` yields them, in COLUMNS.

    time is in UTC, seconds are since the session began, x1 to y2 in px; probabilities, valence and arousal are
    rounded. Given `History.rests` as without, they are what they would be without these resting faces.
    """
    sightings = iter(sightings)
    while part := list(islice(sightings, ROWS_A_PART)):
        probs = np.array([row[PROBS] for row in part])
        if without:
            _take_back(probs, part, without)
        # as one: a row alone takes four times as long
        figures = np.hstack((probs, valence_arousal(probs))).round(4).tolist()
        for (_, at_unix_ms, *more), numbers in zip(part, figures, strict=True):
            times = iso_time(at_unix_ms), (at_unix_ms - summary.started_unix_ms) / 1000
            rested = more[-1] and iso_time(more[-1])
            yield *times, summary.session_id, summary.source, *more[:7], *numbers, *more[14:-1], rested


def _take_back(
    probs: NDArray[np.float64],
    sightings: Sequence[Sequence[Any]],
    rests: Mapping[tuple[int, int], RestingFace],
) -> None:
    """Change the probs (n, 7) of sightings to what they would be without their resting faces."""
    keys = [(row[TRACK_ID], row[REST_MS]) for row in sightings]
    rows = [row for row, key in enumerate(keys) if key in rests]
    if rows:
        probs[rows] = read_without(
            probs[rows].astype(np.float32), np.array([rests[keys[it]].probs for it in rows])
        )


def marker_records(summary: Summary, markers: Iterable[Marker]) -> Iterator[tuple[Any, ...]]:
    """Yield a session's markers in MARKER_COLUMNS."""
    for marker in markers:
        at_unix_ms, caller_unix_ms = marker.at_unix_ms, marker.caller_unix_ms
        times = iso_time(at_unix_ms), (at_unix_ms - summary.started_unix_ms) / 1000
        caller = None if caller_unix_ms is None else iso_time(caller_unix_ms)
        which = summary.session_id, summary.source
        yield *times, *which, marker.label, caller, iso_time(marker.arrived_unix_ms)


def add_markers(rows: Iterable[Sequence[Any]], markers: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield rows in CSV_COLUMNS from rows in COLUMNS and from markers in MARKER_COLUMNS, both in order of time.

    A marker stands in the first row at or after its moment; behind the last row, in that.
    """
    waiting, label = deque(markers), MARKER_COLUMNS.index("marker")
    last: Sequence[Any] | None = None
    marks: list[str] = []
    for row in rows:
        if last is not None:
            yield *last, "; ".join(marks)
            marks.clear()
        while waiting and waiting[0][SECONDS_COLUMN] <= row[SECONDS_COLUMN]:
            marks.append(waiting.popleft()[label])
        last = row
    if last is not None:
        yield *last, "; ".join((*marks, *(marker[label] for marker in waiting)))


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


def as_json_array(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> Iterator[str]:
    """Yield a JSON array of one object a row, in parts of ROWS_A_PART; rows are in the order of columns."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    rows, before = iter(rows), "["
    while part := list(islice(rows, ROWS_A_PART)):
        yield before + ",".join(encode(dict(zip(columns, row, strict=True))) for row in part)
        before = ","
    yield "[]\n" if before == "[" else "]\n"


def as_json_lines(rows: Iterable[Sequence[Any]], markers: Iterable[Sequence[Any]] = ()) -> Iterator[str]:
    """Yield one JSON object a line, in parts of ROWS_A_PART: https://jsonlines.org.

    rows have COLUMNS; markers, in MARKER_COLUMNS, are lines of their own, before what was seen later.
    """
    encode = json.JSONEncoder(ensure_ascii=False).encode
    rows, waiting = iter(rows), deque(markers)
    while part := list(islice(rows, ROWS_A_PART)):
        lines = []
        for row in part:
            while waiting and waiting[0][SECONDS_COLUMN] <= row[SECONDS_COLUMN]:
                lines.append(encode(dict(zip(MARKER_COLUMNS, waiting.popleft(), strict=True))))
            lines.append(encode(dict(zip(COLUMNS, row, strict=True))))
        yield "\n".join((*lines, ""))
    for marker in waiting:
        yield encode(dict(zip(MARKER_COLUMNS, marker, strict=True))) + "\n"
