"""What is exported opens elsewhere as it is."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.export import COLUMNS, as_csv, as_json_lines, iso_time, records
from recording.history import Summary
from recording.tables import COUNTED_LABELS
from tests.fakes.images import make_rest, make_track
from vision.circumplex import valence_arousal
from vision.emotions import EMOTIONS
from vision.faces import BYTE_ORDER_MARK
from vision.resting_face import read_against

START_MS = 1_760_000_000_123


def summary_of(source: str) -> Summary:
    return Summary(4, "key", source, START_MS, START_MS + 1000, 2, 1, dict.fromkeys(COUNTED_LABELS, 0))


def row_of(after_ms: int) -> tuple[object, ...]:
    return (0, START_MS + after_ms, 9, -3, 2, 30, 40, "sad", False, *[0.123456] * 7, 87, -3, None, None)


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))


def test_a_row_says_when_who_where_and_what() -> None:
    (values,) = records(summary_of("demo"), [row_of(250)])
    row = dict(zip(COLUMNS, values, strict=True))
    assert (row["time"], row["seconds"]) == ("2025-10-09T08:53:20.373Z", 0.25)
    assert (row["session"], row["source"], row["track_id"], row["x1"], row["y2"]) == (4, "demo", 9, -3, 40)
    assert (row["emotion"], row["sure"], row["fear"]) == ("sad", False, 0.1235)
    assert (row["valence"], row["arousal"]) == (-0.1444, 0.3025)  # of the exact 0.123456, then rounded


def test_csv_and_json_lines_say_the_same() -> None:
    rows = list(records(summary_of("Tür, „1“\n2"), [row_of(0), row_of(33)]))
    lines = [json.loads(line) for line in "".join(as_json_lines(rows)).splitlines()]
    assert [tuple(line) for line in lines] == [COLUMNS] * 2
    assert [tuple(line.values()) for line in lines] == rows
    cells = read_csv("".join(as_csv(rows)))
    assert [cell["source"] for cell in cells] == ["Tür, „1“\n2"] * 2
    assert [float(cell["seconds"]) for cell in cells] == [0, 0.033]
    assert (cells[0]["sure"], cells[0]["x1"], cells[0]["angry"]) == ("0", "-3", "0.1235")


def test_readings_against_a_resting_face_are_exported_with_and_without_it() -> None:
    rest, plain = make_rest("sad"), make_track(9, (0, 0, 9, 9), "sad").probs
    against = read_against(plain, rest.probs)
    alike = row_of(0)
    rested = (*alike[:9], *against.tolist(), *alike[16:19], START_MS + 250)
    rests = {(9, START_MS + 250): rest}
    (untouched, before), (same, after) = (
        [dict(zip(COLUMNS, row, strict=True)) for row in records(summary_of("demo"), [alike, rested], without)]
        for without in (None, rests)
    )
    assert before["rest_since"] == after["rest_since"] == "2025-10-09T08:53:20.373Z"
    assert [before[name] for name in EMOTIONS] == pytest.approx(against, abs=1e-4)
    assert [after[name] for name in EMOTIONS] == pytest.approx(plain, abs=1e-4)
    valence = round(float(valence_arousal(plain)[0]), 4)
    assert after["valence"] == pytest.approx(valence, abs=1e-4)
    assert abs(before["valence"] - valence) > 0.05
    assert same == untouched  # which was read without a rest


def test_a_fraction_always_has_four_decimals() -> None:
    row = (0, START_MS + 419, 9, -3, 2, 30, 40, "sad", True, *[0.027] * 7, *[None] * 4)
    [cells] = read_csv("".join(as_csv(records(summary_of("demo"), [row]))))
    # where 0,5 is written, a spreadsheet would read 0.027 and 0.419 as 27 and 419
    assert (cells["seconds"], cells["angry"], cells["sure"]) == ("0.4190", "0.0270", "1")


def test_nothing_recorded_is_a_header_alone_and_no_lines() -> None:
    assert "".join(as_csv([])) == BYTE_ORDER_MARK + ",".join(COLUMNS) + "\r\n"
    assert "".join(as_json_lines([])) == ""


def test_a_long_export_comes_in_parts() -> None:
    rows = list(records(summary_of("demo"), (row_of(number) for number in range(1000))))
    for parts in (list(as_csv(rows)), list(as_json_lines(rows))):
        assert len(parts) >= 5
        assert max(map(len, parts)) < 100_000
        assert "".join(parts).count("\n") in (1000, 1001)


def test_a_spreadsheet_takes_no_source_for_a_formula() -> None:
    source = "=cmd|' /C calc'!A0;@x"
    rows = list(records(summary_of(source), [row_of(0)]))
    (cell,) = read_csv("".join(as_csv(rows)))
    assert cell["source"] == "'=cmd|' /C calc'!A0;'@x"
    assert json.loads("".join(as_json_lines(rows)))["source"] == source


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
def test_any_name_of_a_source_comes_back(source: str) -> None:
    rows = list(records(summary_of(source), [row_of(0)]))
    (cell,) = read_csv("".join(as_csv(rows)))
    assert cell["source"].replace("'", "") == source.replace("'", "")
    assert json.loads("".join(as_json_lines(rows)))["source"] == source


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_is_written_to_the_millisecond(unix_ms: int) -> None:
    parsed = datetime.strptime(iso_time(unix_ms), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert round(parsed.timestamp() * 1000) == unix_ms


def test_pandas_reads_both_as_they_are() -> None:
    pandas = pytest.importorskip("pandas")
    rows = list(records(summary_of("demo"), [row_of(0), row_of(33)]))
    table = pandas.read_csv(io.StringIO("".join(as_csv(rows))), parse_dates=["time"])
    lines = pandas.read_json(io.StringIO("".join(as_json_lines(rows))), lines=True)
    lines["time"] = pandas.to_datetime(lines["time"])
    for read in (table, lines):
        assert list(read.columns) == list(COLUMNS)
        assert str(read["time"].dt.tz) == "UTC"
        assert read["sure"].tolist() == [0, 0]
        assert read["happy"].tolist() == pytest.approx([0.1235, 0.1235])
