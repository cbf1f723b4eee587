"""The benchmark of resting faces reads the demo's portraits, and sees whether anything changes without one."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import rest
from settings import Settings
from sources.demo import HANGINGS
from tests.fakes.fer2013 import write_fer2013
from tests.fakes.images import make_rest
from training.evaluate_rest import REST_FACES
from uploads.assemble import load_classifier
from vision.emotions import EMOTIONS
from vision.tracker import Tracker

pytestmark = pytest.mark.training


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file with five faces of noise, which the network reads as one thing or another."""
    noise = np.random.default_rng(0).integers(0, 255, (5, 48, 48))
    return write_fer2013(tmp_path / "fer2013.csv", [(0, face, "PublicTest") for face in noise])


def test_every_portrait_has_holds_of_every_expression() -> None:
    for hanging in HANGINGS:
        found = list(rest.holds(hanging))
        assert {emotion for emotion, _ in found} == set(range(len(EMOTIONS)))
        for emotion, times_s in found:
            shown = [hanging.expression(t_s) for t_s in times_s]
            assert [(now, share) for now, _, share in shown] == [(emotion, 0.0)] * REST_FACES


def test_the_figures_are_printed_and_nothing_changes_without_a_resting_face(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rest, "MAX_HOLDS", 1)
    assert rest.main(["--fer2013", str(data)]) == 0
    printed = capsys.readouterr().out
    assert "resting faces: 6 people, 108 other faces of theirs" in printed
    assert "0 of 5 faces are shown otherwise" in printed


def test_a_face_that_is_shown_otherwise_is_counted(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Resting(Tracker):
        def __init__(self, smoothing_s: float, unsure_below: float) -> None:
            super().__init__(smoothing_s, unsure_below)
            self.everybodys_rest = make_rest("sad")

    monkeypatch.setattr(rest, "Tracker", Resting)
    assert rest.count_changed(data, load_classifier(Settings())) == (5, 5)
