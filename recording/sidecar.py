"""The description of a session's table as JSON, as BIDS describes tables: columns, units, levels, and origin.

BIDS, the Brain Imaging Data Structure: https://bids-specification.readthedocs.io (tabular files). The keys that
it does not know, such as Session, are allowed beside its own.
"""

import json
from collections.abc import Sequence
from typing import Any

from recording.dictionary import CSV_FIELDS, MARKER_FIELDS, Field, names
from recording.export import iso_time
from recording.history import Summary
from settings import VERSION

NOTICE = "Emotions are what faces show, not what people feel."


def sidecar(summary: Summary) -> dict[str, Any]:
    """Return the description of a session's CSV, of its markers, and of what recorded it."""
    program, _, version = VERSION.rpartition(" ")
    return {
        "Columns": list(names(CSV_FIELDS)),
        **describe(CSV_FIELDS),
        "MarkerColumns": describe(MARKER_FIELDS),
        "Session": _session(summary),
        "RecordedWith": json.loads(summary.setup) if summary.setup else None,
        "GeneratedBy": [{"Name": program, "Version": version}],
        "Notice": NOTICE,
    }


def describe(fields: Sequence[Field]) -> dict[str, Any]:
    """Return each column's description by its name."""
    return {field.name: _describe(field) for field in fields}


def _describe(field: Field) -> dict[str, Any]:
    values: dict[str, Any] = {"Description": field.description, "Empty": field.empty}
    if field.unit:
        values["Units"] = field.unit
    if field.levels:
        values["Levels"] = dict(field.levels)
    return values


def _session(summary: Summary) -> dict[str, Any]:
    about = summary.about
    return {
        "Number": summary.session_id,
        "Name": about.name,
        "Note": about.note,
        "Tags": list(about.tags),
        "Source": summary.source,
        "StartTime": iso_time(summary.started_unix_ms),
        "EndTime": iso_time(summary.ended_unix_ms),
        "Rows": summary.sightings,
        "Faces": summary.faces,
    }
