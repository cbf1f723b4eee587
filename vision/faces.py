"""Faces as JSON, and as CSV that spreadsheets, pandas and R open unchanged."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from vision.circumplex import AXES, valence_arousal
from vision.emotions import EMOTIONS
from vision.tracker import Track

COLUMNS = (
    *("file", "time_s", "frame", "track_id", "x1", "y1", "x2", "y2", "emotion", "confidence", "sure"),
    *EMOTIONS,
    "remark",
    *AXES,  # last: programs that count columns find the others where they were
)
REMARK_COLUMN = COLUMNS.index("remark")
NO_FACE = "no face"  # the remark of a picture without one
BYTE_ORDER_MARK = "\ufeff"
# A spreadsheet reads a cell as a formula if it begins so, in half or full width; a cell also begins behind a
# semicolon or a tab where the spreadsheet splits cells at those, as a German Excel does.
FORMULA = re.compile(r'(?:^|(?<=[;\t\r\n]))(?=[\s"]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])')


def face_json(face: Track) -> dict[str, Any]:
    """Return a face as JSON values.

    They are track_id, box [x1, y1, x2, y2] px, landmarks [[x, y], ...] px or None, emotion, confidence, sure,
    probs, valence, arousal, and rest, None or an object as `_rest_json` returns it.
    """
    points = face.landmarks
    axes = zip(AXES, valence_arousal(face.probs).tolist(), strict=True)
    return {
        "track_id": face.track_id,
        "box": list(face.box),
        "landmarks": None if points is None else [[round(x, 1), round(y, 1)] for x, y in points.tolist()],
        "emotion": face.emotion,
        "confidence": round(face.confidence, 4),
        "sure": face.sure,
        "probs": probs_json(face.probs),
        **{name: round(value, 4) for name, value in axes},
        "rest": _rest_json(face),
    }


def probs_json(probs: Iterable[float]) -> dict[str, float]:
    """Return probs (7,) by emotion, rounded to four decimals."""
    return {name: round(float(p), 4) for name, p in zip(EMOTIONS, probs, strict=True)}


def _rest_json(face: Track) -> dict[str, Any] | None:
    """Return progress (0 to 1) and, at 1, since (Unix, s), name and probs; None without a resting face."""
    if face.rest_progress is not None:
        return {"progress": min(round(face.rest_progress, 2), 0.99)}
    if face.rest is None:
        return None
    since = round(face.rest.since_unix_s, 3)
    return {"progress": 1.0, "since": since, "name": face.rest.name, "probs": probs_json(face.rest.probs)}


def face_rows(
    file: str,
    faces: Iterable[Track],
    t_s: float | None = None,
    frame: int | None = None,
    *,
    remark: str = "",
) -> list[list[object]]:
    """Return a row for each face, in the order of COLUMNS.

    A video's rows have the frame's time t_s in s since its start and the frame's number; a picture's have
    neither, but may have a remark.
    """
    moment = "" if t_s is None else t_s, "" if frame is None else frame
    return [
        [
            *(file, *moment, face.track_id, *face.box, face.emotion, float(face.confidence), face.sure),
            *(float(p) for p in face.probs),
            *(remark, *valence_arousal(face.probs).tolist()),
        ]
        for face in faces
    ]


def remark_row(file: str, remark: str) -> list[object]:
    """Return the row of a file without faces, whose remark says why there are none."""
    row: list[object] = [file, *[""] * (len(COLUMNS) - 1)]
    row[REMARK_COLUMN] = remark
    return row


def as_cell(value: object) -> object:
    """Return a value as CSV holds it: a bool as 1 or 0, a float with four decimals, no text as a formula.

    With three decimals, a spreadsheet whose language writes 0,5 would read thousands.
    Formulas: https://owasp.org/www-community/attacks/CSV_Injection
    """
    if isinstance(value, float):  # first: half of the cells are
        return f"{value:.4f}"
    if isinstance(value, str):
        return FORMULA.sub("'", value)
    return int(value) if isinstance(value, bool) else value


class Table:
    """A CSV writer (RFC 4180) over an open text file in UTF-8.

    The table begins with a byte order mark: without one Excel takes UTF-8 for another encoding; other programs
    skip it.
    """

    def __init__(self, file: TextIO, columns: Sequence[str] = COLUMNS, *, begin: bool = True) -> None:
        """Write the byte order mark and the row of column names, unless the file has them already."""
        self._writer = csv.writer(file)
        if begin:
            file.write(BYTE_ORDER_MARK)
            self._writer.writerow(columns)

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        """Write the rows, each value as `as_cell` returns it."""
        self._writer.writerows(map(as_cell, row) for row in rows)
