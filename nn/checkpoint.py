"""Weights files: float16 safetensors with a model card in the header."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from nn.model_card import ModelCard, WeightsError, parse_model_card

Net = TypeVar("Net", bound=nn.Module)


def save_weights(path: Path, net: nn.Module, card: ModelCard) -> None:
    """Write a network's weights as float16 safetensors, with the card in the header; makes the folder."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in net.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={"card": json.dumps(asdict(card))})


def read_weights(path: Path) -> tuple[dict[str, Tensor], ModelCard]:
    """Return the tensors in a weights file, as float32, and its card.

    Raises WeightsError if the file is missing or damaged, or for other classes or input.
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
    return floats, parse_model_card(path, metadata)


def fill(net: Net, tensors: dict[str, Tensor], path: Path) -> Net:
    """Return the network with the tensors of path, in eval mode; WeightsError if they are another network's."""
    try:
        net.load_state_dict(tensors)
    except RuntimeError:
        raise WeightsError(f"{path} holds the weights of another network") from None
    return net.eval()
