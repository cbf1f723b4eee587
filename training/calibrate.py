"""The calibration of a trained label head: prior correction and temperature."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from model import to_probabilities
from nn.model_card import Calibration
from training.metrics import calibration_error
from vision.emotions import EMOTIONS

TAU = 0.4  # of the training labels' log frequency is taken out; 0.5 costs disgust a tenth of its F1
FOLDS = 5


def prior_shift(labels: NDArray[np.int64], tau: float = TAU) -> tuple[float, ...]:
    """Return the shift (7,) of the logits, mean 0, that removes tau of the labels' log frequencies."""
    counts = np.maximum(np.bincount(labels, minlength=len(EMOTIONS)), 1)
    shift = -tau * np.log(counts / counts.sum())
    return tuple(round(float(value), 4) for value in shift - shift.mean())


def fit_temperature(logits: Tensor, labels: NDArray[np.int64], shift: tuple[float, ...]) -> float:
    """Return the temperature with the least cross-entropy of shifted logits (n, 7 or 15) for labels (n,)."""
    shifted = logits[:, : len(EMOTIONS)] + torch.tensor(shift)
    target = torch.from_numpy(labels)

    def loss(temperature: float) -> float:
        return float(F.cross_entropy(shifted / temperature, target))

    return round(float(minimize_scalar(loss, bounds=(0.1, 10), method="bounded").x), 4)


def cross_fitted_error(logits: Tensor, labels: NDArray[np.int64], shift: tuple[float, ...]) -> float:
    """Return the calibration error of logits (n, 7 or 15), each face's temperature fitted on other faces."""
    fold = np.random.default_rng(0).permutation(len(labels)) % FOLDS
    probs = np.empty((len(labels), len(EMOTIONS)), dtype=np.float32)
    for number in range(FOLDS):
        fitted, tested = fold != number, fold == number
        temperature = fit_temperature(logits[torch.from_numpy(fitted)], labels[fitted], shift)
        calibration = Calibration(shift, temperature)
        probs[tested] = to_probabilities(logits[torch.from_numpy(tested)].numpy(), "shipped", calibration)
    return calibration_error(probs, labels)
