"""Targets and losses."""

from math import log

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nn.emotion_net import FERPLUS
from training.data import VOTES
from training.losses import (
    Answers,
    ask_teachers,
    clean_votes,
    distill_loss,
    ferplus_targets,
    heads,
    is_face,
    label_loss,
    label_weights,
    mix,
)

pytestmark = pytest.mark.training


def votes(**counts: int) -> NDArray[np.int64]:
    return np.array([[counts.get(name, 0) for name in VOTES]], dtype=np.int64)


def test_the_ferplus_classes_are_the_voters_in_the_order_of_the_emotions() -> None:
    short = [vote[:3] for vote in VOTES[: len(FERPLUS)]]
    assert short == [name[:3] for name in FERPLUS]


def test_single_votes_are_dropped() -> None:
    assert clean_votes(votes(anger=1, fear=2)).sum() == 2


def test_targets_are_the_shares_of_the_emotions() -> None:
    target = ferplus_targets(votes(anger=6, fear=2, unknown=2, disgust=1))
    assert target[0, FERPLUS.index("angry")] == 0.75
    assert target[0, FERPLUS.index("fear")] == 0.25
    assert target.sum() == 1


@pytest.mark.parametrize("counts", [{}, {"NF": 10}, {"unknown": 6, "anger": 4}, {"anger": 1, "fear": 1}])
def test_a_face_that_nobody_can_read_teaches_nothing(counts: dict[str, int]) -> None:
    assert not ferplus_targets(votes(**counts)).any()


@pytest.mark.parametrize(
    ("counts", "expected"), [({"NF": 6, "anger": 4}, False), ({"NF": 5, "anger": 5}, True), ({}, True)]
)
def test_most_voters_decide_whether_it_is_a_face(counts: dict[str, int], expected: bool) -> None:
    assert is_face(votes(**counts)).tolist() == [expected]


def answers(label: int, vote: int | None) -> Answers:
    labels, shares = torch.zeros(1, 7), torch.zeros(1, 8)
    labels[0, label] = 1
    if vote is not None:
        shares[0, vote] = 1
    return Answers(labels, shares)


def test_the_loss_is_the_sum_of_both_heads() -> None:
    logits = torch.zeros(1, 15)
    assert float(label_loss(logits, answers(0, 0), 0.0, 0.5)) == pytest.approx(log(7) + 0.5 * log(8))


def test_without_votes_only_the_label_counts() -> None:
    assert float(label_loss(torch.zeros(1, 15), answers(0, None), 0.0, 1.0)) == pytest.approx(log(7))


def test_a_network_with_one_head_learns_the_label() -> None:
    assert float(label_loss(torch.zeros(1, 7), answers(0, 0), 0.0, 1.0)) == pytest.approx(log(7))


def test_rare_labels_weigh_more() -> None:
    labels = np.array([0, 0, 0, 1], dtype=np.int64)
    weights = label_weights(labels, 1.0)
    assert weights[1] / weights[0] == pytest.approx(3)
    assert weights[labels].mean() == pytest.approx(1)
    assert torch.isfinite(weights).all()
    assert label_weights(labels, 0.5)[1] / label_weights(labels, 0.5)[0] == pytest.approx(3**0.5)
    assert label_weights(labels, 0.0).tolist() == pytest.approx([1] * 7)


def test_logits_divide_into_two_heads() -> None:
    label, ferplus = heads(torch.arange(15.0)[None])
    assert label.tolist() == [[0, 1, 2, 3, 4, 5, 6]]
    assert ferplus is not None
    assert ferplus[0, 0] == 7
    assert heads(torch.zeros(1, 7))[1] is None


class Fixed(nn.Module):
    """Always gives the same logits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, images: Tensor) -> Tensor:
        return self.logits.expand(len(images), -1)


def test_teachers_answer_with_their_mean_for_each_head() -> None:
    hot, cold = torch.zeros(1, 15), torch.zeros(1, 15)
    hot[0, 0] = log(4)
    targets = ask_teachers([Fixed(hot), Fixed(cold)], torch.zeros(2, 1, 48, 48), 1.0)
    assert [tuple(head.shape) for head in targets] == [(2, 7), (2, 8)]
    assert float(targets[0][0, 0]) == pytest.approx((4 / 10 + 1 / 7) / 2)


def test_agreement_with_the_teacher_has_no_loss() -> None:
    logits = torch.randn(4, 15, generator=torch.Generator().manual_seed(0))
    targets = ask_teachers([Fixed(logits)], torch.zeros(4, 1, 48, 48), 3.0)
    assert float(distill_loss(logits, targets, 3.0)) == pytest.approx(0, abs=1e-5)
    assert float(distill_loss(logits.flip(1), targets, 3.0)) > 0.1


def test_mixing_pairs_each_face_with_another() -> None:
    assert mix(0.75, torch.tensor([[0.0], [4.0]])).tolist() == [[1.0], [3.0]]
