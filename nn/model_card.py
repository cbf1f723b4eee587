"""The model card in a weights file: its network, its input, its calibration and its training."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from settings import StartError
from vision.emotion_names import parse_classes
from vision.emotions import EMOTIONS

INPUT_SIDE = 48  # px; FER2013's
MIN_SIDE, MAX_SIDE = 24, 512  # px, of crops
NORMALISATION = "per-image standardisation, inside the network"
NORMALISATIONS = {
    "standard": NORMALISATION,
    "unit": "0 to 1, inside the network",
    "centred": "-1 to 1, inside the network",
    "imagenet": "0 to 1, then by the colours' mean and deviation in ImageNet, inside the network",
}


class WeightsError(StartError):
    """The weights file cannot be used; the message says why, in one sentence."""


@dataclass(frozen=True)
class NetworkSpec:
    """The description of somebody else's PyTorch checkpoint, which does not hold it.

    Attributes:
        network: The network's name in nn.registry.NETWORKS.
        classes: Its classes in order, each one of EMOTIONS.
        normalisation: The preparation of the gray levels, one of NORMALISATIONS.
        input_side: The side in px of the faces it was trained on; 0 for INPUT_SIDE.
    """

    network: str
    classes: tuple[str, ...] = EMOTIONS
    normalisation: str = "standard"
    input_side: int = 0

    @classmethod
    def parse(cls, network: str | None, classes: str, normalisation: str, input_side: int) -> Self | None:
        """Return the description in the flags of a command; None without a network.

        The classes are comma-separated words, as `parse_classes` takes them; it raises ValueError.
        """
        if not network:
            return None
        try:
            return cls(network, parse_classes(classes), normalisation, input_side)
        except ValueError as error:
            raise ValueError(f"--classes {error}") from None


@dataclass(frozen=True)
class Calibration:
    """The calibration of what ships: the logs of both heads, added and softened.

    Probabilities are softmax((label + shift + ferplus_weight * (ferplus + ferplus_shift)) / temperature), with
    the seven logits of the label head and those of the FER+ head without contempt. Each shift (7,) removes part
    of its training labels' frequencies (logit adjustment, Menon et al. 2021, arXiv 2007.07314); the temperature
    makes the confidence equal the accuracy (Guo et al. 2017, arXiv 1706.04599).
    """

    shift: tuple[float, ...] = (0.0,) * len(EMOTIONS)
    temperature: float = 1.0
    ferplus_weight: float = 0.0  # 0: the label head alone
    ferplus_shift: tuple[float, ...] = (0.0,) * len(EMOTIONS)


@dataclass(frozen=True)
class ModelCard:
    """The description of a weights file, in its header.

    Attributes:
        network: The network's name in nn.registry.NETWORKS.
        network_options: The arguments of its constructor.
        classes: The label head's classes, in order.
        input_side: The side in px of the crops.
        normalisation: The preparation of the crops' gray levels.
        calibration: The calibration of what ships.
        training: The settings of the training run.
        metrics: The figures measured on PublicTest.
        data_sha256: The hash of the faces it was trained on.
    """

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
    """Return the card in a file's metadata; WeightsError if it is missing or for other classes or input."""
    try:
        values = json.loads(metadata["card"])
        calibration = _parse_calibration(values["calibration"])
        card = ModelCard(**values | {"classes": tuple(map(str, values["classes"])), "calibration": calibration})
    except (KeyError, TypeError, ValueError):
        raise WeightsError(f"{path} has no model card: it was not written by this project") from None
    if card.classes != EMOTIONS:
        raise WeightsError(f"{path} is for the classes {', '.join(card.classes)}, not {', '.join(EMOTIONS)}")
    if not MIN_SIDE <= card.input_side <= MAX_SIDE or card.normalisation not in NORMALISATIONS.values():
        raise WeightsError(f"{path} expects input that this version does not support")
    shifts = (card.calibration.shift, card.calibration.ferplus_shift)
    if {len(shift) for shift in shifts} != {len(EMOTIONS)} or not card.calibration.temperature > 0:
        raise WeightsError(f"{path} has an invalid calibration")
    return card


def _parse_calibration(values: dict[str, Any]) -> Calibration:
    """Return the calibration of a card's values; KeyError, TypeError or ValueError if there is none.

    Cards of version 0.1 have no FER+ values.
    """
    no_ferplus = Calibration()
    return Calibration(
        tuple(map(float, values["shift"])),
        float(values["temperature"]),
        float(values.get("ferplus_weight", no_ferplus.ferplus_weight)),
        tuple(map(float, values.get("ferplus_shift", no_ferplus.ferplus_shift))),
    )
