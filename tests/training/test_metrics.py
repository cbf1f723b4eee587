"""Metrics, against figures computed by hand."""

from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nn.emotion_net import FERPLUS
from training.data import VOTES
from training.metrics import by_emotion, calibration_error, confusion, ferplus_majority, measure, reliability

pytestmark = pytest.mark.training

LABELS = np.array([0, 0, 1, 3], dtype=np.int64)
PROBS = np.full((4, 7), 1 / 12)
PROBS[np.arange(4), [0, 1, 1, 3]] = 1 / 2


def test_the_confusion_matrix_has_labels_in_rows_and_answers_in_columns() -> None:
    expected = np.zeros((7, 7), dtype=np.int64)
    expected[0, 0] = expected[0, 1] = expected[1, 1] = expected[3, 3] = 1
    assert np.array_equal(confusion(PROBS, LABELS), expected)


def test_the_figures_are_those_computed_by_hand() -> None:
    metrics = measure(PROBS, LABELS)
    assert metrics["accuracy"] == 3 / 4
    assert metrics["accuracy_se"] == pytest.approx(sqrt(3 / 64))
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 7)
    assert metrics["loss"] == pytest.approx((3 * log(2) + log(12)) / 4)
    assert metrics["ece"] == pytest.approx(1 / 4)  # half sure, three quarters right


def test_each_emotion_that_occurs_has_its_figures_and_their_averages() -> None:
    labels, probs = np.array([0, 0, 0, 3], dtype=np.int64), np.eye(7)[[0, 0, 6, 3]]
    report = by_emotion(probs, labels)
    assert [row.pop("auc", None) for row in report.values()] == pytest.approx([5 / 6, 1, None, None])
    figures = {name: [*row.values()] for name, row in report.items()}
    assert [*figures] == ["angry", "happy", "macro avg", "weighted avg"]
    assert figures["angry"] == pytest.approx([1, 2 / 3, 0.8, 3])
    assert figures["happy"] == pytest.approx([1, 1, 1, 1])
    assert figures["macro avg"] == pytest.approx([1, 5 / 6, 0.9, 4])
    assert figures["weighted avg"] == pytest.approx([1, 3 / 4, 0.85, 4])


def test_confidence_equal_to_accuracy_has_no_calibration_error() -> None:
    probs = np.tile([[0.75, 0.25]], (4, 1))
    assert calibration_error(probs, np.array([0, 0, 0, 1])) == pytest.approx(0)


def test_overconfidence_has_a_calibration_error() -> None:
    assert calibration_error(np.tile([[1.0, 0.0]], (2, 1)), np.array([1, 1])) == 1


@given(arrays.arrays(np.float64, (9, 7), elements=st.floats(0.01, 1)))
def test_each_face_lies_in_one_bin(scores: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    weight, confidence, accuracy = reliability(
        scores / scores.sum(axis=1, keepdims=True), np.arange(9, dtype=np.int64) % 7
    )
    assert weight.sum() == pytest.approx(1)
    assert ((confidence >= 0) & (confidence <= 1) & (accuracy >= 0) & (accuracy <= 1)).all()


def test_a_strict_majority_is_more_than_half_of_what_is_left_and_an_emotion() -> None:
    rows = np.zeros((5, 10), dtype=np.int64)
    rows[0, [0, 1]] = 6, 4  # angry
    rows[1, [0, 1]] = 5, 5  # half is not more than half
    rows[2, VOTES.index("unknown")] = 10
    rows[3, [VOTES.index("contempt"), 0]] = 6, 4
    rows[4, :8] = 3, 1, 1, 1, 1, 1, 1, 1  # single votes do not count
    clear, majority = ferplus_majority(rows)
    assert clear.tolist() == [True, False, False, True, True]
    assert [FERPLUS[i] for i in majority] == ["angry", "contempt", "angry"]
