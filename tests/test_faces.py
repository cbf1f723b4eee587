"""Faces as JSON and as CSV."""

import csv
import io

import pytest

from emotions import EMOTIONS
from faces import COLUMNS, Table, face_rows, remark_row
from tests.fakes import make_track


def written(*rows: list[object]) -> list[dict[str, str]]:
    file = io.StringIO()
    Table(file).add(rows)
    file.seek(0)
    return list(csv.DictReader(file))


def test_a_face_is_a_row_with_its_box_and_seven_probabilities() -> None:
    [row] = written(*face_rows("a.jpg", [make_track(2, (1, 2, 30, 40), "fear")], 1.5, 45))
    assert [row[name] for name in ("file", "time_s", "frame", "track_id")] == ["a.jpg", "1.500", "45", "2"]
    assert [row[name] for name in ("x1", "y1", "x2", "y2")] == ["1", "2", "30", "40"]
    assert (row["emotion"], row["confidence"], row["sure"]) == ("fear", "0.7000", "1")
    assert [float(row[name]) for name in EMOTIONS] == [0.05, 0.05, 0.7, 0.05, 0.05, 0.05, 0.05]


def test_a_picture_has_no_time() -> None:
    [row] = written(*face_rows("a.jpg", [make_track(1, (0, 0, 9, 9))]))
    assert (row["time_s"], row["frame"]) == ("", "")


def test_a_file_without_a_face_has_a_row_that_says_why() -> None:
    [row] = written(remark_row("a.jpg", "no face"))
    assert (row["file"], row["remark"], row["emotion"]) == ("a.jpg", "no face", "")
    assert len(remark_row("", "")) == len(COLUMNS)


@pytest.mark.parametrize("name", ["=1+1.jpg", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\ttab", "=HYPERLINK()"])
def test_a_name_that_a_spreadsheet_would_run_is_defused(name: str) -> None:
    [row] = written(remark_row(name, "no face"))
    assert row["file"] == f"'{name}"


def test_names_with_commas_quotes_and_line_breaks_stay_one_cell() -> None:
    name = 'a, "b"\nc.jpg'
    [row] = written(remark_row(name, ""))
    assert row["file"] == name
