"""The description of a session's table as JSON, as BIDS describes tables: columns, units, levels, and origin.

BIDS, the Brain Imaging Data Structure: https://bids-specification.readthedocs.io (tabular files). The keys that
it does not know, such as Session, are allowed beside its own.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from recording.dictionary import CSV_FIELDS, MARKER_FIELDS, Field, names
from recording.export import iso_time
from recording.history import Summary
from settings import VERSION
from vision.faces import probs_json
from vision.resting_face import STRENGTH, TYPICAL, RestingFace

REST_FORMULA = (
    "if rest_since is not empty, each probability p was read as p * (Typical / rest) ** Strength, divided "
    "by the sum of the seven"
)
NOTICE = "Emotions are what faces show, not what people feel."


def sidecar(summary: Summary, rests: Mapping[tuple[int, int], RestingFace]) -> dict[str, Any]:
    """Return the description of a session's CSV, its markers, its resting faces, and what recorded it."""
    program, _, version = VERSION.rpartition(" ")
    return {
        "Columns": list(names(CSV_FIELDS)),
        **describe(CSV_FIELDS),
        "MarkerColumns": describe(MARKER_FIELDS),
        "RestingFaces": _rests(rests),
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


def _rests(rests: Mapping[tuple[int, int], RestingFace]) -> dict[str, Any]:
    """Return the resting faces, and how readings are shifted by them."""
    faces = [
        {
            "track_id": track_id,
            "rest_since": iso_time(since_ms),
            "name": rest.name,
            "probs": probs_json(rest.probs),
        }
        for (track_id, since_ms), rest in rests.items()
    ]
    return {"Description": REST_FORMULA, "Strength": STRENGTH, "Typical": probs_json(TYPICAL), "Faces": faces}


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
