import itertools
from pathlib import Path

import numpy as np
import pytest

from settings import ROOT
from sources.base import SourceError
from sources.demo import ACT_S, FPS, DemoSource
from vision.emotions import EMOTIONS
from vision.samples import load_samples

SAMPLES = ROOT / "static" / "samples"


def test_every_emotion_has_at_least_eight_samples() -> None:
    assert all(len(paths) >= 8 for paths in load_samples(SAMPLES).values())


def test_the_same_index_gives_the_same_frame() -> None:
    one, other = DemoSource(SAMPLES), DemoSource(SAMPLES)
    other.read()
    assert (one.render(400) == other.render(400)).all()


def test_the_picture_changes_from_frame_to_frame() -> None:
    demo = DemoSource(SAMPLES)
    frames = [demo.read() for _ in range(3)]
    assert frames[0].shape == (480, 640, 3)
    assert frames[0].dtype == np.uint8
    assert (frames[1] != frames[2]).any()


def test_every_emotion_has_its_turn_within_the_acts() -> None:
    demo = DemoSource(SAMPLES)
    picked = {demo._pick(turn, 0).tobytes() for turn in range(7)}
    assert len(picked) == len(EMOTIONS)


def test_faces_fade_in_so_that_no_frame_jumps() -> None:
    demo = DemoSource(SAMPLES)
    around = [demo.render(int(ACT_S * FPS) + step).astype(int) for step in range(-3, 4)]
    jumps = [abs(after - before).max() for before, after in itertools.pairwise(around)]
    assert max(jumps) < 40


def test_a_missing_emotion_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no sample pictures"):
        DemoSource(tmp_path)
