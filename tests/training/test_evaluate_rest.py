"""What a resting face is worth, measured on people's other faces."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.evaluate_rest import evaluate_rest, rest_text
from vision.emotions import EMOTIONS

pytestmark = pytest.mark.training

NEUTRAL, SAD, ANGRY, HAPPY = (EMOTIONS.index(name) for name in ("neutral", "sad", "angry", "happy"))


def probs_of(bias: int, label: int, strength: float) -> NDArray[np.float32]:
    """Return probs (7,) of a face with that label, whose owner always looks somewhat like bias."""
    logits = np.zeros(7)
    logits[label] += 1.0
    logits[bias] += strength
    return np.asarray(np.exp(logits) / np.exp(logits).sum(), dtype=np.float32)


def people(strength: float) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.str_]]:
    """Return probs, labels and names of two people, of whom one looks sad and the other angry at rest."""
    labels = [NEUTRAL] * 3 + [HAPPY, NEUTRAL, SAD, ANGRY]
    rows = [(name, bias, label) for name, bias in (("a", SAD), ("b", ANGRY)) for label in labels]
    probs = np.array([probs_of(bias, label, strength) for _, bias, label in rows])
    return probs, np.array([label for *_, label in rows]), np.array([name for name, *_ in rows])


def test_a_persons_own_rest_helps_and_anothers_does_not() -> None:
    figures = evaluate_rest(*people(strength=1.5))
    assert figures is not None
    assert (figures["people"], figures["faces"]) == (2, 8)
    assert figures["plain"]["accuracy"] == 0.25  # each reads as its owner's bias
    assert figures["own"]["accuracy"] == 1.0
    assert figures["other"]["accuracy"] < 1.0
    assert "2 people, 8 other faces" in rest_text(figures)


def test_each_emotion_has_its_probability_and_its_share_read_right_before_and_after() -> None:
    probs, labels, names = people(strength=1.5)
    figures = evaluate_rest(probs, labels, names)
    assert figures is not None
    plain, own = (figures[way]["emotions"] for way in ("plain", "own"))
    assert [*plain] == [*own] == ["angry", "happy", "sad", "neutral"]
    assert plain["happy"]["faces"] == 2
    assert plain["happy"]["probability"] == pytest.approx(probs[labels == HAPPY, HAPPY].mean())
    assert (plain["sad"]["recall"], own["sad"]["recall"]) == (0.5, 1.0)  # one person looks sad anyway
    assert own["happy"]["probability"] > plain["happy"]["probability"]
    line = next(line for line in rest_text(figures).splitlines() if line.startswith("sad "))
    assert "50.0% -> 100.0%" in line


def test_the_faces_that_make_the_rest_are_not_measured() -> None:
    probs, labels, names = people(strength=1.5)
    labels = np.where(labels == NEUTRAL, NEUTRAL, HAPPY)
    figures = evaluate_rest(probs, labels, names)
    assert figures is not None
    assert figures["faces"] == 8


def test_without_two_people_who_have_both_there_is_nothing_to_measure() -> None:
    probs, labels, _ = people(strength=1.5)
    assert evaluate_rest(probs, labels, np.array(["a"] * len(labels))) is None
    assert evaluate_rest(probs, np.full(len(labels), HAPPY), people(0.0)[2]) is None
