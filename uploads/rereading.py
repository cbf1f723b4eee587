"""Reads a picture of a result again, as a face: from the copy in the result, because the upload is gone."""

import csv
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from uploads.recognizer import File, Reading, Recognizer, picture_rows
from uploads.result_writer import ResultWriter
from uploads.results import TABLE, Results
from vision.faces import NO_FACE, REMARK_COLUMN, as_cell


def read_as_face(
    results: Results, job_id: str, number: int, recognizer: Recognizer, writer: ResultWriter
) -> bool:
    """Read a result's picture in which no face was found as one face, and put that into the result.

    Args:
        results: The results.
        job_id: The job whose result has the picture.
        number: The number in the name of the picture's scene.
        recognizer: The recognizer, whose threads read the picture.
        writer: The writer into the job's folder.

    Returns:
        Whether the result has such a picture; one with faces stays as it is.

    Raises:
        PictureError: The picture cannot be read.
        OSError: The disk is full, or the result was deleted meanwhile.
    """
    result = results.load(job_id)
    items: list[dict[str, Any]] = result["items"] if result else []
    place = next((at for at, item in enumerate(items) if item.get("scene") == f"{number}.jpg"), None)
    if place is None:
        return False
    item = items[place]
    if item["faces"]:
        return True
    folder = results.folder(job_id)
    data = (folder / item["scene"]).read_bytes()  # without a face nothing was drawn on it
    [reading] = recognizer.read([File(item["file"], data)], whole=True)
    if reading.problem:
        raise reading.problem
    reading = _as_sent(reading, item)
    earlier = [one for one in items[:place] if one["kind"] == "picture" and not one["faces"]]
    before = sum(one["file"] == item["file"] for one in earlier)
    items[place] = writer.write_picture(number, reading)
    replace_row(folder / TABLE, item["file"], before, picture_rows(reading)[0])
    results.replace_items(job_id, items)
    return True


def _as_sent(reading: Reading, item: dict[str, Any]) -> Reading:
    """Return the reading of a copy in px of the picture as it was sent, with the notes of both."""
    assert reading.picture is not None
    size_px = item["width"], item["height"]
    return replace(
        reading,
        picture=replace(reading.picture, size_px=size_px),
        faces=tuple(replace(face, box=(0, 0, *size_px)) for face in reading.faces),
        note=" ".join(filter(None, (item["note"], reading.note))),
    )


def replace_row(table: Path, file: str, before: int, row: Sequence[object]) -> None:
    """Replace in a table the row of a file without a face; so many of that file's name stay before it."""
    new = table.with_name(f"{table.name}.new")
    with (
        table.open(encoding="utf-8-sig", newline="") as old_file,
        new.open("w", encoding="utf-8-sig", newline="") as new_file,
    ):
        writer = csv.writer(new_file)
        for cells in csv.reader(old_file):
            if (cells[0], cells[REMARK_COLUMN]) == (as_cell(file), NO_FACE):
                # a table of version 0.1 has fewer columns
                writer.writerow([as_cell(value) for value in row[: len(cells)]] if before == 0 else cells)
                before -= 1
            else:
                writer.writerow(cells)
    os.replace(new, table)
