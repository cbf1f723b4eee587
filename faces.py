"""Faces for whoever goes on with them: as JSON, and as CSV that a spreadsheet, pandas and R open as it is."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from emotions import EMOTIONS

if TYPE_CHECKING:
    from tracker import Track
    from uploads.recognizer import Reading

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


def reading_json(reading: "Reading") -> dict[str, Any]:
    """Return what was read in a picture: its width and height in px, its faces, and a note, "" for none."""
    assert reading.picture is not None
    width, height = reading.picture.size_px
    faces = [face_json(face) for face in reading.faces]
    return {"width": width, "height": height, "faces": faces, "note": reading.picture.note}


def face_rows(
    file: str, faces: "Iterable[Track]", at_s: float | None = None, frame: int | None = None
) -> list[list[object]]:
    """Return a row a face, in the order of COLUMNS; a picture has no time and no frame."""
    when = "" if at_s is None else at_s, "" if frame is None else frame
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


def json_rows(items: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], list[object]]]:
    """Yield what a job found, face by face: its JSON, {} for none, and its row in the order of COLUMNS.

    A face of a video is one row, with the time it was first seen and what it showed on average; a file
    without a face has a row that says why.
    """
    for item in items:
        faces = item["timeline"]["faces"] if item["kind"] == "video" else item.get("faces", ())
        for face in faces:
            where = face.get("first_s", ""), "", face["track_id"], *face.get("box", [""] * 4)
            shares = (face["probs"][name] for name in EMOTIONS)
            named = face["emotion"], face["confidence"], face["sure"]
            yield face, [item["file"], *where, *named, *shares, ""]
        if not faces:
            yield {}, remark_row(item["file"], item.get("text", "no face"))


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
