"""Valence and arousal, placed by the seven probabilities."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from settings import ROOT
from vision.circumplex import AXES, COORDINATES, valence_arousal
from vision.emotions import EMOTIONS


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_certain_emotion_lies_at_its_published_coordinates(emotion: str) -> None:
    assert valence_arousal(np.eye(7)[EMOTIONS.index(emotion)]) == pytest.approx(COORDINATES[emotion])


def test_two_emotions_lie_between_their_coordinates() -> None:
    halves = [0.5 * (name in ("happy", "sad")) for name in EMOTIONS]
    assert valence_arousal(halves) == pytest.approx([0.09, 0.12])


def test_the_quadrants_are_those_of_the_circumplex() -> None:
    signs = {name: tuple(np.sign(valence_arousal(np.eye(7)[i])).tolist()) for i, name in enumerate(EMOTIONS)}
    assert signs["happy"] == signs["surprise"] == (1, 1)
    assert signs["angry"] == signs["fear"] == signs["disgust"] == (-1, 1)
    assert signs["sad"] == (-1, -1)
    assert signs["neutral"] == (0, 0)


@given(st.lists(st.floats(0.001, 1), min_size=7, max_size=7))
def test_no_face_lies_outside_the_emotions(weights: list[float]) -> None:
    valence, arousal = valence_arousal(np.array(weights) / sum(weights))
    assert -0.64 <= valence <= 0.81
    assert -0.27 <= arousal <= 0.67


def test_many_faces_are_placed_at_once() -> None:
    probs = np.random.default_rng(0).dirichlet(np.ones(7), (5, 3))
    placed = valence_arousal(probs)
    assert placed.shape == (5, 3, 2)
    np.testing.assert_allclose(placed[4, 2], valence_arousal(probs[4, 2]))


def test_the_documentation_has_the_same_coordinates() -> None:
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    for number, axis in enumerate(AXES):
        (row,) = re.findall(rf"^\| {axis} \| (.+) \|$", page, re.MULTILINE)
        assert [float(cell) for cell in row.split("|")] == [COORDINATES[name][number] for name in EMOTIONS]
