"""The comparison with other programs counts faces, changes and time."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.footage import Known
from benchmarks.peers.__main__ import Seen, ask, figures_of_pictures, figures_of_video
from settings import StartError
from tests.fakes.images import plain_image

WORKER = """
import json, sys
for number, path in enumerate(sys.stdin.read().splitlines()):
    assert open(path, "rb").read(4) == b"\\x89PNG"
    print("a line of its own")
    print(json.dumps({"boxes": [[0, 0, 10, 10]], "emotions": ["happy"], "cpu_ms": number}))
"""


def test_each_face_that_is_hit_counts_once_and_other_boxes_are_false() -> None:
    seen = [Seen([[0, 0, 10, 10], [1, 1, 11, 11]], ["happy", "sad"], 20.0), Seen([], [], 40.0)]
    faces = (np.array([[0, 0, 10, 10]], float), np.array([[5, 5, 9, 9]], float))
    figures = figures_of_pictures(seen, [Known("a.jpg", plain_image(90, 8, 8), face) for face in faces])
    assert figures == {"faces": "1 of 2, 1 false", "picture": "30 ms"}


def test_a_label_changes_when_that_of_the_largest_face_does() -> None:
    small, large = [0.0, 0, 5, 5], [10.0, 10, 30, 30]
    frames = [
        Seen([small, large], ["sad", "happy"], 1.0),
        Seen([], [], 1.0),  # nobody: no change
        Seen([large, small], ["happy", "angry"], 1.0),
        Seen([large], ["neutral"], 5.0),
    ]
    figures = figures_of_video(frames, fps=3.0)
    assert figures == {"shown": "75%", "changes": "1.00 per second", "frame": "2.0 ms"}


def test_another_program_is_asked_once_for_all_pictures(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER, encoding="utf-8")
    seen = ask([sys.executable, str(worker)], [plain_image(90, 8, 8)] * 2)
    assert seen == [Seen([[0, 0, 10, 10]], ["happy"], number) for number in (0, 1)]


def test_another_program_that_fails_or_is_missing_is_one_sentence() -> None:
    with pytest.raises(StartError, match="no such worker"):
        ask([sys.executable, "-c", "raise SystemExit('no such worker')"], [plain_image(90, 8, 8)])
    with pytest.raises(StartError, match="cannot be used"):
        ask(["/no/such/program"], [plain_image(90, 8, 8)])
