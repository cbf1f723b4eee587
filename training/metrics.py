"""Metrics: pure functions from probabilities (n, C) and labels (n,) to figures."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import classification_report, confusion_matrix, f1_score, recall_score, roc_auc_score

from nn.emotion_net import FERPLUS
from training.data import VOTES
from training.losses import NOT_A_FACE, UNKNOWN, clean_votes
from vision.emotions import EMOTIONS

BINS = 15  # of the calibration error

Probs = NDArray[np.floating]
Labels = NDArray[np.int64]
Bins = NDArray[np.float64]


def measure(probs: Probs, labels: Labels) -> dict[str, float]:
    """Return the accuracy and its standard error, macro-F1, cross-entropy and calibration error."""
    accuracy = float((probs.argmax(axis=1) == labels).mean())
    classes = np.arange(probs.shape[1])
    return {
        "accuracy": accuracy,
        "accuracy_se": (accuracy * (1 - accuracy) / len(labels)) ** 0.5,
        "macro_f1": float(
            f1_score(labels, probs.argmax(axis=1), labels=classes, average="macro", zero_division=0.0)
        ),
        "loss": float(-np.log(np.maximum(probs[np.arange(len(labels)), labels], 1e-12)).mean()),
        "ece": calibration_error(probs, labels),
    }


def balanced_accuracy(probs: Probs, labels: Labels) -> float:
    """Return the mean of the recalls of the classes that occur among the labels."""
    read, seen = probs.argmax(axis=1), np.unique(labels)
    return float(recall_score(labels, read, labels=seen, average="macro", zero_division=0.0))


def confusion(probs: Probs, labels: Labels) -> NDArray[np.int64]:
    """Return the confusion matrix (C, C) int64: rows are labels, columns the most probable classes."""
    return np.asarray(confusion_matrix(labels, probs.argmax(axis=1), labels=np.arange(probs.shape[1])))


def recall_by_emotion(matrix: NDArray[np.int64]) -> dict[str, float]:
    """Return the recall of each emotion in a confusion matrix (7, 7); 0 where none is labelled so."""
    shares = matrix.diagonal() / np.maximum(matrix.sum(axis=1), 1)
    return {name: float(share) for name, share in zip(EMOTIONS, shares, strict=True)}


def by_emotion(probs: Probs, labels: Labels) -> dict[str, dict[str, float]]:
    """Return precision, recall, f1-score, support and AUC of each emotion that occurs, and two averages.

    The AUC is that of its ROC curve against the rest; without a rest, and of the averages, there is none.
    "macro avg" counts every emotion alike, "weighted avg" every face.
    """
    seen = np.unique(labels)
    report: dict[str, Any] = classification_report(
        labels,
        probs.argmax(axis=1),
        labels=seen,
        target_names=[EMOTIONS[label] for label in seen],
        output_dict=True,
        zero_division=0.0,
    )
    for label in seen if len(seen) > 1 else ():
        report[EMOTIONS[label]]["auc"] = float(roc_auc_score(labels == label, probs[:, label]))
    return {name: row for name, row in report.items() if name not in ("accuracy", "micro avg")}


def calibration_error(probs: Probs, labels: Labels) -> float:
    """Return the expected calibration error over BINS bins of equal width (Naeini et al. 2015)."""
    weight, confidence, accuracy = reliability(probs, labels)
    return float((weight * np.abs(confidence - accuracy)).sum())


def reliability(probs: Probs, labels: Labels) -> tuple[Bins, Bins, Bins]:
    """Return each bin's share of the faces, mean confidence and accuracy, all (BINS,); 0 in an empty bin."""
    top = probs.max(axis=1)
    correct = probs.argmax(axis=1) == labels
    bins = np.minimum((top * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    confidence = np.bincount(bins, top, BINS) / np.maximum(count, 1)
    accuracy = np.bincount(bins, correct, BINS) / np.maximum(count, 1)
    return count / len(labels), confidence, accuracy


def ferplus_majority(votes: NDArray[np.int64]) -> tuple[NDArray[np.bool_], Labels]:
    """Return (n,) bool, True for faces with a strict FER+ majority, and their classes (k,) int64 in FERPLUS.

    A strict majority is more than half of the votes, single votes dropped, and for an emotion.
    """
    votes = clean_votes(votes)
    best = votes.argmax(axis=1)
    clear = (votes.max(axis=1) * 2 > votes.sum(axis=1)) & (best != UNKNOWN) & (best != NOT_A_FACE)
    assert VOTES.index("contempt") == FERPLUS.index("contempt")
    return clear, best[clear].astype(np.int64)
