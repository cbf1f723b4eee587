"""The calibration of a trained network: how its two heads are added, prior correction and temperature."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from model import softmax, to_probabilities
from nn.emotion_net import FERPLUS
from nn.model_card import Calibration
from training.data import Faces
from training.losses import ferplus_targets
from training.metrics import Labels, Probs, balanced_accuracy, calibration_error, ferplus_majority
from vision.emotions import EMOTIONS

LABEL_TAUS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0)  # of the labels' log frequency that is taken out
FERPLUS_TAUS = (0.0, 0.25, 0.5, 0.75, 1.0)
FERPLUS_WEIGHTS = (0.0, 0.5, 0.75, 1.0, 1.5, 2.0)
ENOUGH_ACCURACY = 0.68  # by default, on FER2013's own labels: the choice keeps it if any calibration reaches it
FOLDS = 5


def shift_of(frequencies: NDArray[np.floating], tau: float) -> tuple[float, ...]:
    """Return the shift (7,) of the logits, mean 0, that removes tau of the frequencies' (7,) logs."""
    shift = -tau * np.log(frequencies / frequencies.sum())
    return tuple(round(float(value), 4) for value in shift - shift.mean())


def frequencies_of(training: Faces) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how often each emotion is among the labels (7,) and, softly, among the FER+ votes (7,)."""
    labels = np.bincount(training.labels, minlength=len(EMOTIONS)).astype(np.float64)
    votes = ferplus_targets(training.votes).numpy()[:, : len(EMOTIONS)].sum(axis=0, dtype=np.float64)
    return np.maximum(labels, 1), np.maximum(votes, 1)


def choose_calibration(
    logits: NDArray[np.float32], faces: Faces, training: Faces, enough_accuracy: float = ENOUGH_ACCURACY
) -> Calibration:
    """Return the calibration that reads best what most people saw.

    That is the one with the highest accuracy, balanced over the emotions, against the strict FER+ majority,
    among those that keep enough_accuracy on FER2013's labels. Without votes it is the label head with 0.4 of
    its frequencies taken out.

    Args:
        logits: The logits (n, 15) of the faces.
        faces: The faces it is chosen and its temperature fitted on.
        training: The faces that the network was trained on.
        enough_accuracy: The accuracy on the labels that is kept, 0 to 1, if any calibration reaches it.
    """
    chosen = Calibration(shift_of(frequencies_of(training)[0], 0.4))
    if training.votes.any() and faces.votes.any():
        chosen = max(
            _candidates(training),
            key=lambda c: (
                min(_accuracy(logits, faces, c), enough_accuracy),
                majority_accuracy(to_probabilities(logits, "shipped", c), faces),
            ),
        )
    return replace(chosen, temperature=fit_temperature(logits, faces, chosen))


def _candidates(training: Faces) -> Iterator[Calibration]:
    """Yield the calibrations to choose from, the simplest first."""
    labels, votes = frequencies_of(training)
    for weight, label_tau, tau in product(FERPLUS_WEIGHTS, LABEL_TAUS, FERPLUS_TAUS):
        yield Calibration(shift_of(labels, label_tau), 1.0, weight, shift_of(votes, tau))


def _accuracy(logits: NDArray[np.float32], faces: Faces, calibration: Calibration) -> float:
    """Return the accuracy of what would ship on the faces' labels."""
    probs = to_probabilities(logits, "shipped", calibration)
    return float((probs.argmax(axis=1) == faces.labels).mean())


def majority_accuracy(probs: Probs, faces: Faces) -> float:
    """Return the accuracy of probs (n, 7), balanced over the emotions, against the strict FER+ majority."""
    chosen, majority = majority_of(faces)
    return balanced_accuracy(probs[chosen], majority)


def majority_of(faces: Faces) -> tuple[NDArray[np.bool_], Labels]:
    """Return (n,) bool, True for faces with a strict FER+ majority for one of EMOTIONS, and it (k,) int64."""
    clear, majority = ferplus_majority(faces.votes)
    known = majority != FERPLUS.index("contempt")
    clear[np.flatnonzero(clear)[~known]] = False
    return clear, majority[known]


def fit_temperature(logits: NDArray[np.float32], faces: Faces, calibration: Calibration) -> float:
    """Return the temperature with the least cross-entropy on the faces.

    Faces with votes are fitted to the labels and to the strict majority alike: each is a truth of its own.
    """
    at_one = np.log(
        np.maximum(to_probabilities(logits, "shipped", replace(calibration, temperature=1.0)), 1e-30)
    )
    clear, majority = majority_of(faces)

    def loss(temperature: float) -> float:
        logs = np.log(np.maximum(softmax((at_one / temperature).astype(np.float32)), 1e-12))
        of_labels = -logs[np.arange(len(logs)), faces.labels].mean()
        if not clear.any():
            return float(of_labels)
        return float(of_labels - logs[clear, majority].mean())

    return round(float(minimize_scalar(loss, bounds=(0.1, 10), method="bounded").x), 4)


def cross_fitted_error(logits: NDArray[np.float32], faces: Faces, calibration: Calibration) -> float:
    """Return the calibration error on the labels, each face's temperature fitted on other faces."""
    fold = np.random.default_rng(0).permutation(len(faces)) % FOLDS
    probs = np.empty((len(faces), len(EMOTIONS)), dtype=np.float32)
    for number in range(FOLDS):
        fitted, tested = fold != number, fold == number
        temperature = fit_temperature(logits[fitted], faces.select(fitted), calibration)
        probs[tested] = to_probabilities(
            logits[tested], "shipped", replace(calibration, temperature=temperature)
        )
    return calibration_error(probs, faces.labels)
