"""Faces as JSON and as CSV."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.images import make_track
from vision.emotions import EMOTIONS
from vision.faces import BYTE_ORDER_MARK, COLUMNS, Table, face_json, face_rows, remark_row


def written(*rows: list[object]) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    Table(file).add(rows)
    text = file.getvalue()
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_a_resting_face_is_not_called_measured_before_it_is() -> None:
    face = replace(make_track(1, (0, 0, 9, 9), "sad"), rest_progress=0.9999)
    assert face_json(face)["rest"] == {"progress": 0.99}  # at 1 a page expects the rest of it
    assert face_json(replace(face, rest_progress=0.123))["rest"] == {"progress": 0.12}


def test_a_face_is_a_row_with_its_box_and_seven_probabilities() -> None:
    [row] = written(*face_rows("a.jpg", [make_track(2, (1, 2, 30, 40), "fear")], 1.5, 45))
    assert [row[name] for name in ("file", "time_s", "frame", "track_id")] == ["a.jpg", "1.5000", "45", "2"]
    assert [row[name] for name in ("x1", "y1", "x2", "y2")] == ["1", "2", "30", "40"]
    assert (row["emotion"], row["confidence"], row["sure"]) == ("fear", "0.7000", "1")
    assert [float(row[name]) for name in EMOTIONS] == [0.05, 0.05, 0.7, 0.05, 0.05, 0.05, 0.05]


def test_a_face_as_json_has_its_landmarks_or_null() -> None:
    face = make_track(1, (1, 2, 30, 40))
    assert face_json(face)["landmarks"] is None
    points = np.array([[5.04, 6.06], [7, 8], [9, 10], [11, 12], [13, 14]], dtype=np.float32)
    record = face_json(replace(face, landmarks=points))
    assert json.loads(json.dumps(record))["landmarks"] == [[5.0, 6.1], [7, 8], [9, 10], [11, 12], [13, 14]]


def test_a_face_is_placed_by_its_probabilities_in_json_and_in_its_row() -> None:
    face = make_track(1, (0, 0, 9, 9), "happy")  # 0.7, and 0.05 each of the others
    valence, arousal = 0.7 * 0.81 + 0.05 * (-0.51 - 0.60 - 0.64 - 0.63 + 0.40), 0.7 * 0.51 + 0.05 * 1.94
    [row] = written(*face_rows("a.jpg", [face], remark="small"))
    for at in (row, face_json(face)):
        assert [float(at["valence"]), float(at["arousal"])] == pytest.approx([valence, arousal], abs=1e-4)
    assert row["remark"] == "small"
    assert list(row)[-3:] == ["remark", "valence", "arousal"]  # after all that version 0.1 had


def test_a_picture_has_no_time() -> None:
    [row] = written(*face_rows("a.jpg", [make_track(1, (0, 0, 9, 9))]))
    assert (row["time_s"], row["frame"]) == ("", "")


def test_a_file_without_a_face_has_a_row_that_says_why() -> None:
    [row] = written(remark_row("a.jpg", "no face"))
    assert (row["file"], row["remark"], row["emotion"]) == ("a.jpg", "no face", "")
    assert len(remark_row("", "")) == len(COLUMNS)


NAMES = [
    "=1+1.jpg",
    "+cmd|' /C calc'!A0",
    "-2",
    "@SUM(A1)",
    "\ttab",
    "\rcr",
    " =1",
    "\N{FULLWIDTH EQUALS SIGN}1",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_a_spreadsheet_would_run_is_defused(name: str) -> None:
    [row] = written(remark_row(name, "no face"))
    assert row["file"] == f"'{name}"


def test_a_name_is_defused_for_a_spreadsheet_with_other_separators_too() -> None:
    [row] = written(remark_row('a;=1+1;"@x";-b - c.jpg', ""))
    assert row["file"] == """a;'=1+1;'"@x";'-b - c.jpg"""


@given(st.text(st.sampled_from(list("=+-@;,\t\r\n\" 'ax")), max_size=12), st.sampled_from(",;\t"))
def test_no_name_begins_a_formula(name: str, separator: str) -> None:
    file = io.StringIO(newline="")
    Table(file, ("title", "file")).add([["title", name], [name, "title"]])
    rows = csv.reader(io.StringIO(file.getvalue(), newline=""), delimiter=separator)
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "+", "-", "@"))]


def test_a_fraction_has_four_decimals_so_that_none_is_taken_for_thousands() -> None:
    face = make_track(1, (-4, 0, 9, 9))
    [row] = written(*face_rows("a.jpg", [face], 12.0))
    assert (row["time_s"], row["angry"], row["x1"]) == ("12.0000", "0.0500", "-4")


def test_names_with_commas_quotes_and_line_breaks_stay_one_cell() -> None:
    name = 'a, "b"\nc.jpg'
    [row] = written(remark_row(name, ""))
    assert row["file"] == name
