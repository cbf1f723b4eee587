"""Targets and losses: FER2013's labels, FER+'s votes, mixtures of two faces, and teachers' probabilities."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from nn.emotion_net import FERPLUS
from training.data import VOTES
from vision.emotions import EMOTIONS

UNKNOWN, NOT_A_FACE = VOTES.index("unknown"), VOTES.index("NF")


def clean_votes(votes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the votes (n, 10) without single ones (Barsoum et al. 2016, arXiv 1608.01041)."""
    return np.where(votes > 1, votes, 0)


def is_face(votes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return (n,) bool, False where most of the votes (n, 10) are for no face."""
    return np.asarray(votes[:, NOT_A_FACE] * 2 <= votes.sum(1))


def ferplus_targets(votes: NDArray[np.int64]) -> Tensor:
    """Return the FER+ head's targets (n, 8) float, in the order of FERPLUS.

    Rows sum to 1, or to 0 where there is nothing to learn: no votes, or most are for no face or no emotion.
    """
    votes = clean_votes(votes)
    shares = votes[:, : len(FERPLUS)] / np.maximum(votes[:, : len(FERPLUS)].sum(1, keepdims=True), 1)
    useless = votes[:, [UNKNOWN, NOT_A_FACE]].max(1) >= np.maximum(votes[:, : len(FERPLUS)].max(1), 1)
    return torch.from_numpy(np.where(useless[:, None], 0.0, shares)).float()


class Answers(NamedTuple):
    """The targets of a batch: soft labels (n, 7) and FER+ shares (n, 8), float."""

    labels: Tensor
    votes: Tensor


def label_loss(
    logits: Tensor,
    answers: Answers,
    smoothing: float,
    ferplus_weight: float,
    label_weights: Tensor | None = None,
) -> Tensor:
    """Return the mean cross-entropy of a batch.

    Args:
        logits: The logits (n, 7), or (n, 15) with a FER+ head.
        answers: The targets.
        smoothing: The label smoothing, 0 to 1.
        ferplus_weight: The weight of the FER+ head's loss beside the label head's.
        label_weights: A weight (7,) for each label.
    """
    label, ferplus = heads(logits)
    loss = F.cross_entropy(label, answers.labels, label_weights, label_smoothing=smoothing)
    if ferplus is None:
        return loss
    return loss - ferplus_weight * (answers.votes * ferplus.log_softmax(dim=1)).sum(dim=1).mean()


def label_weights(labels: NDArray[np.int64], power: float) -> Tensor:
    """Return a weight (7,) for each label: its frequency to the minus `power`, 1 on average over the faces."""
    counts = np.maximum(np.bincount(labels, minlength=len(EMOTIONS)), 1)
    weights = counts**-power
    return torch.from_numpy(weights / weights[labels].mean()).float()


@torch.no_grad()
def ask_teachers(teachers: Sequence[nn.Module], images: Tensor, temperature: float) -> list[Tensor]:
    """Return the teachers' mean probabilities, softened by the temperature, a tensor (n, k) for each head.

    Without teachers there are none.
    """
    by_teacher: list[list[Tensor]] = []
    for teacher in teachers:
        logits = teacher.eval()(images).float()
        by_teacher.append([(head / temperature).softmax(dim=1) for head in heads(logits) if head is not None])
    return [torch.stack(of_head).mean(dim=0) for of_head in zip(*by_teacher, strict=True)]


def distill_loss(logits: Tensor, targets: list[Tensor], temperature: float) -> Tensor:
    """Return the divergence of the heads from the teachers' targets (Hinton et al. 2015, arXiv 1503.02531)."""
    loss = logits.new_zeros(())
    for head, target in zip(heads(logits), targets, strict=False):
        if head is not None:
            log_probs = (head / temperature).log_softmax(dim=1)
            loss = loss + F.kl_div(log_probs, target, reduction="batchmean") * temperature**2
    return loss


def heads(logits: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return the label head's logits (n, 7), and the FER+ head's (n, 8) or None."""
    n = len(EMOTIONS)
    return logits[:, :n], logits[:, n:] if logits.shape[1] > n else None


def mix(share: float, batch: Tensor) -> Tensor:
    """Return a batch mixed with itself in reverse order (mixup, Zhang et al. 2018, arXiv 1710.09412)."""
    return share * batch + (1 - share) * batch.flip(0)
