"""What a weights file says of itself."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from settings import StartError
from vision.emotions import EMOTIONS

INPUT_SIDE = 48  # px; FER2013's
NORMALISATION = "per-image standardisation, inside the network"


class WeightsError(StartError):
    """The weights file cannot be used; the message says why, in one sentence."""


@dataclass(frozen=True)
class Calibration:
    """How the label head's logits become the shipped probabilities: softmax((logits + shift) / temperature).

    The shift takes out part of the training labels' frequencies (logit adjustment, Menon et al. 2021,
    arXiv 2007.07314); the temperature makes confidence mean accuracy (Guo et al. 2017, arXiv 1706.04599).
    """

    shift: tuple[float, ...] = (0.0,) * len(EMOTIONS)
    temperature: float = 1.0


@dataclass(frozen=True)
class ModelCard:
    """What a weights file says of itself."""

    network: str
    network_options: dict[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = EMOTIONS
    input_side: int = INPUT_SIDE
    normalisation: str = NORMALISATION
    calibration: Calibration = Calibration()
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    data_sha256: str = ""


def parse_model_card(path: Path, metadata: dict[str, str]) -> ModelCard:
    """Return the card in a file's metadata; WeightsError if it has none, or one for other classes or input."""
    try:
        values = json.loads(metadata["card"])
        calibration = Calibration(
            tuple(map(float, values["calibration"]["shift"])), float(values["calibration"]["temperature"])
        )
        card = ModelCard(**values | {"classes": tuple(map(str, values["classes"])), "calibration": calibration})
    except (KeyError, TypeError, ValueError):
        raise WeightsError(f"{path} does not describe itself: it was not written by this project") from None
    if card.classes != EMOTIONS:
        raise WeightsError(f"{path} is for the classes {', '.join(card.classes)}, not {', '.join(EMOTIONS)}")
    if card.input_side != INPUT_SIDE or card.normalisation != NORMALISATION:
        raise WeightsError(f"{path} expects input that this version does not prepare")
    if len(card.calibration.shift) != len(EMOTIONS) or not card.calibration.temperature > 0:
        raise WeightsError(f"{path} has an impossible calibration")
    return card
