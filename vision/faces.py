"""Faces for whoever goes on with them: as JSON, and as CSV that a spreadsheet, pandas and R open as it is."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from vision.emotions import EMOTIONS
from vision.tracker import Track

COLUMNS = (
    *("file", "time_s", "frame", "track_id", "x1", "y1", "x2", "y2", "emotion", "confidence", "sure"),
    *EMOTIONS,
    "remark",
)
BYTE_ORDER_MARK = "\ufeff"
# What a spreadsheet takes for a formula, half and full width, where a cell begins; and where one would begin
# if it were read with semicolons or tabs between the cells, as a German Excel does.
FORMULA = re.compile(r'(?:^|(?<=[;\t\r\n]))(?=[\s"]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])')


def face_json(face: "Track") -> dict[str, Any]:
    """Return a face as the JSON that every page and every client gets."""
    return {
        "track_id": face.track_id,
        "box": list(face.box),
        "emotion": face.emotion,
        "confidence": round(face.confidence, 4),
        "sure": face.sure,
        "probs": {name: round(float(p), 4) for name, p in zip(EMOTIONS, face.probs, strict=True)},
    }


def face_rows(
    file: str, faces: "Iterable[Track]", t_s: float | None = None, frame: int | None = None
) -> list[list[object]]:
    """Return a row a face, in the order of COLUMNS; a picture has no time and no frame."""
    when = "" if t_s is None else t_s, "" if frame is None else frame
    return [
        [
            *(file, *when, face.track_id, *face.box, face.emotion, float(face.confidence), face.sure),
            *(float(share) for share in face.probs),
            "",
        ]
        for face in faces
    ]


def remark_row(file: str, remark: str) -> list[object]:
    """Return the row of a file without a face, saying why there is none."""
    return [file, *[""] * (len(COLUMNS) - 2), remark]


def as_cell(value: object) -> object:
    """Return a value as it is written: truth as 1 or 0, a fraction with four decimals, no text as a formula.

    Of three decimals, a spreadsheet whose language writes 0,5 would make thousands.
    https://owasp.org/www-community/attacks/CSV_Injection
    """
    if isinstance(value, str):
        return FORMULA.sub("'", value)
    if isinstance(value, bool):
        return int(value)
    return f"{value:.4f}" if isinstance(value, float) else value


class Table:
    """Writes rows as CSV (RFC 4180) into an open file, to be encoded in UTF-8.

    It begins with a byte order mark: without one Excel takes UTF-8 for another encoding; the others skip it.
    """

    def __init__(self, file: TextIO, columns: Sequence[str] = COLUMNS) -> None:
        file.write(BYTE_ORDER_MARK)
        self._writer = csv.writer(file)
        self._writer.writerow(columns)

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        self._writer.writerows(map(as_cell, row) for row in rows)
