"""Weights files: float16 safetensors with a model card in the header, and others' PyTorch checkpoints."""

import json
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from nn.model_card import ModelCard, WeightsError, parse_model_card

Net = TypeVar("Net", bound=nn.Module)

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")  # keys under which a state is saved
COUNTER = "num_batches_tracked"  # of batch norm, which old checkpoints lack
TORCH_MAGIC = (b"PK\x03\x04", b"\x80\x02")  # of files of torch.save: today's ZIP, and pickle


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
    if is_torch_file(path):
        raise WeightsError(
            f"{path} is a PyTorch checkpoint, which does not name its network: give --network NAME"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged or not a weights file ({error})") from None
    floats = {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()}
    return floats, parse_model_card(path, metadata)


def is_torch_file(path: Path) -> bool:
    """Return whether a file begins as torch.save writes them."""
    with path.open("rb") as file:
        return file.read(4).startswith(TORCH_MAGIC)


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the state dict in a PyTorch checkpoint, its floats as float32; raises WeightsError."""
    if not path.is_file():
        raise WeightsError(f"no checkpoint at {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise WeightsError(
            f"{path} holds more than tensors, as a whole pickled model does, or is no PyTorch checkpoint; "
            "save the network's state_dict() instead"
        ) from None
    except (RuntimeError, OSError, EOFError, ValueError):
        raise WeightsError(f"{path} is damaged or not a PyTorch checkpoint") from None
    state = _unwrap(content)
    if state is None:
        raise WeightsError(f"{path} contains no state dict (a dictionary of tensors by name)")
    return {n: t.float() if t.is_floating_point() else t for n, t in state.items()}


def _unwrap(content: Any) -> dict[str, Tensor] | None:
    """Return the dictionary of tensors in a checkpoint's content, or None."""
    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content:
        return None
    return content if all(isinstance(value, Tensor) for value in content.values()) else None


def fill(net: Net, tensors: dict[str, Tensor], path: Path) -> Net:
    """Return the network with the tensors of path, in eval mode; WeightsError if they are another network's."""
    try:
        net.load_state_dict(tensors)
    except RuntimeError:
        raise WeightsError(f"{path} holds the weights of another network") from None
    return net.eval()


def fill_in_order(net: Net, state: dict[str, Tensor], path: Path) -> Net:
    """Return the network with somebody else's state, in eval mode.

    Other people name the same layers otherwise, so tensors are matched by their order, kind and shape. Raises
    WeightsError, which names the first tensor that does not fit.
    """
    ours = {name: value for name, value in net.state_dict().items() if not name.endswith(COUNTER)}
    theirs = {name: value for name, value in state.items() if not name.endswith(COUNTER)}
    for (name, value), (other, given) in zip(ours.items(), theirs.items(), strict=False):
        kind, kind_given = (text.rpartition(".")[2] for text in (name, other))
        if (kind, value.shape) != (kind_given, given.shape):
            raise WeightsError(
                f"{path} does not fit the network: its {other} is {_size(given)}, where the network has "
                f"{name} of {_size(value)}"
            )
    if len(ours) != len(theirs):
        raise WeightsError(f"{path} does not fit the network: it has {len(theirs)} tensors, not {len(ours)}")
    net.load_state_dict(dict(zip(ours, theirs.values(), strict=True)), strict=False)
    return net.eval()


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "one number"
