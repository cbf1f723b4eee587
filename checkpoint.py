"""A weights file: float16 safetensors with a card in the header that says what they are."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from emotions import EMOTIONS

INPUT_SIDE = 48  # px; FER2013's
NORMALISATION = "per-image standardisation, inside the network"

Net = TypeVar("Net", bound=nn.Module)


class WeightsError(Exception):
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
class Card:
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


def save_weights(path: Path, net: nn.Module, card: Card) -> None:
    """Write the network's weights as float16 safetensors, with the card in the header."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in net.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={"card": json.dumps(asdict(card))})


def read_weights(path: Path) -> tuple[dict[str, Tensor], Card]:
    """Return the tensors in a weights file, float32 again, and its card.

    Raises WeightsError if the file is missing, damaged, or made for other classes or other input.
    """
    if not path.is_file():
        raise WeightsError(f"no weights at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged or not a weights file ({error})") from None
    floats = {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()}
    return floats, _read_card(path, metadata)


def fill(net: Net, tensors: dict[str, Tensor], path: Path) -> Net:
    """Return the network with these weights, ready to predict; WeightsError if they are another's."""
    try:
        net.load_state_dict(tensors)
    except RuntimeError:
        raise WeightsError(f"{path} holds the weights of another network") from None
    return net.eval()


def _read_card(path: Path, metadata: dict[str, str]) -> Card:
    try:
        values = json.loads(metadata["card"])
        calibration = Calibration(
            tuple(map(float, values["calibration"]["shift"])), float(values["calibration"]["temperature"])
        )
        card = Card(**values | {"classes": tuple(map(str, values["classes"])), "calibration": calibration})
    except (KeyError, TypeError, ValueError):
        raise WeightsError(f"{path} does not describe itself: it was not written by this project") from None
    if card.classes != EMOTIONS:
        raise WeightsError(f"{path} is for the classes {', '.join(card.classes)}, not {', '.join(EMOTIONS)}")
    if card.input_side != INPUT_SIDE or card.normalisation != NORMALISATION:
        raise WeightsError(f"{path} expects input that this version does not prepare")
    if len(card.calibration.shift) != len(EMOTIONS) or not card.calibration.temperature > 0:
        raise WeightsError(f"{path} has an impossible calibration")
    return card
