"""The real program takes markers as docs/recording.md says, and its files are as that page describes them."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.documents import examples
from tests.fakes.server import Server
from tests.fakes.waiting import PATIENCE_S, until

pytestmark = pytest.mark.server


def example(language: str, url: str) -> str:
    """Return an example of the documentation, for the program at url."""
    (found,) = examples("recording.md", language)
    return found.at(url)


def test_the_documented_examples_mark_and_the_sidecar_says_what_recorded(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server("--source", "demo", "--record", "--database-url", str(tmp_path / "history.sqlite"))
    until(lambda: json.loads(server.get("/state"))["recording"]["sightings"] > 5)
    url = server.url
    assert shutil.which("curl")
    before_s = time.time()
    for command in (["sh", "-ec", example("sh", url)], [sys.executable, "-c", example("python", url)]):
        subprocess.run(command, check=True, timeout=PATIENCE_S, capture_output=True)
    until(lambda: len(json.loads(server.get("/history/1/markers"))) == 2)
    by_shell, by_python = json.loads(server.get("/history/1/markers"))
    assert by_shell["marker"] == by_python["marker"] == "stimulus on"
    assert by_shell["caller_time"] is None
    assert by_python["caller_time"] == by_python["time"]
    state = json.loads(server.get("/state"))["recording"]
    assert state["markers"] == 2
    assert before_s - 0.001 <= state["last_marker"]["time"] <= time.time() + 0.001
    sidecar = json.loads(server.get("/history/1.json"))
    recorded_with = sidecar["RecordedWith"]
    assert recorded_with["Network"]
    assert recorded_with["SmoothingS"] == 0.3
    assert recorded_with["Calibration"]["temperature"] > 0
    table = server.get("/history/1.csv").decode("utf-8-sig").splitlines()
    assert table[0].split(",") == sidecar["Columns"]
    row = dict(zip(sidecar["Columns"], table[1].split(","), strict=True))
    assert 0 < int(row["brightness"]) < 255
    assert abs(int(row["roll_deg"])) < 60  # MTCNN gives landmarks
    server.stop()
    assert "Traceback" not in server.output
