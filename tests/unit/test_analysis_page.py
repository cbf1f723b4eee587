"""The programs of docs/analysis.md run on an exported session, and find what is in it."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from recording.export import CSV_COLUMNS, add_markers, as_csv, marker_records, records
from recording.history import Summary
from recording.markers import Marker
from recording.tables import COUNTED_LABELS
from tests.fakes.documents import examples

PANDAS, SEVERAL_PEOPLE = examples("analysis.md", "python")
(R,) = examples("analysis.md", "r")
START_MS = 1_760_000_000_000
TRIALS, TRIAL_S, FPS = 6, 5, 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the session of a person who smiles in every other film."""
    rng = np.random.default_rng(0)
    rows: list[tuple[Any, ...]] = []
    markers: list[Marker] = []
    for trial in range(TRIALS):
        begin_ms, funny = START_MS + 1000 + trial * TRIAL_S * 1000, trial % 2 == 0
        markers.append(Marker(trial + 1, "funny" if funny else "boring", None, begin_ms))
        for frame in range(TRIAL_S * FPS):
            happy = float(np.clip((0.7 if funny else 0.2) + rng.normal(0, 0.05), 0, 1))
            probs = [(1 - happy) / 6] * 3 + [happy] + [(1 - happy) / 6] * 3
            at_ms = begin_ms + frame * 1000 // FPS
            rows.append((frame, at_ms, 1, 10, 10, 90, 90, "happy", True, *probs, 120, 0.0, 2.0, None))
    summary = Summary(1, "key", "demo", START_MS, rows[-1][1], len(rows), 1, dict.fromkeys(COUNTED_LABELS, 0))
    table = add_markers(records(summary, rows), marker_records(summary, markers))
    (tmp_path / "session.csv").write_text("".join(as_csv(table, CSV_COLUMNS)), encoding="utf-8", newline="")
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_pandas_program_draws_both_conditions_and_they_differ(folder: Path) -> None:
    ask = "\nmeans = curves.groupby('condition')['mean'].mean()\nprint(means['funny'], means['boring'])"
    code = f"import matplotlib\nmatplotlib.use('Agg')\n{PANDAS.code}{ask}"
    printed = run([sys.executable, "-W", "error", "-c", code], folder)
    assert [float(word) for word in printed.split()] == pytest.approx([0.7, 0.2], abs=0.03)
    assert cv2.imread(str(folder / "happy.png")) is not None


def test_the_tables_of_several_people_become_one(folder: Path) -> None:
    (folder / "sessions").mkdir()
    for person in ("P01", "P02"):
        shutil.copy(folder / "session.csv", folder / "sessions" / f"{person}.csv")
    ask = "\nprint(*everybody['participant'].value_counts())"
    printed = run([sys.executable, "-W", "error", "-c", SEVERAL_PEOPLE.code + ask], folder)
    assert [int(word) for word in printed.split()] == [TRIALS * TRIAL_S * FPS] * 2


@pytest.mark.skipif(not shutil.which("Rscript"), reason="R is not installed")
def test_the_r_program_finds_the_same(folder: Path) -> None:
    ask = '\ncat(tapply(curves$happy[, "mean"], curves$condition, mean)[c("funny", "boring")])'
    (folder / "page.r").write_text(R.code + ask, encoding="utf-8")
    printed = run(["Rscript", "--vanilla", "page.r"], folder)
    assert [float(word) for word in printed.split()[-2:]] == pytest.approx([0.7, 0.2], abs=0.03)
    assert cv2.imread(str(folder / "happy-r.png")) is not None
