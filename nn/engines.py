"""Engines, which compute the network: ONNX Runtime, which is faster and loads at once, or PyTorch.

An engine turns crops (n, 48, 48) uint8 into logits (n, 15) float32: seven labels in the order of EMOTIONS, then
eight FER+ classes. Its maps (n, 15, 6, 6) float32 hold what each place of the face adds to each logit.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nn.model_card import ModelCard, WeightsError, check_network, parse_model_card
from vision.onnx import OnnxError, open_session, run, sha256_of

if TYPE_CHECKING:  # PyTorch takes two seconds to load, and the ONNX engine does not need it
    from nn.torch_engine import TorchEngine

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]


class Engine(Protocol):
    """The interface of an engine; any number of threads may use one."""

    def logits(self, crops: NDArray[np.uint8]) -> Floats:
        """Return the logits (n, 15) float32 of crops (n, 48, 48) uint8."""

    def logits_and_maps(self, crops: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Return the logits (n, 15) and the maps (n, 15, 6, 6) float32 of crops (n, 48, 48) uint8."""


def load_engine(weights: Path, engine: str = "auto") -> tuple[Engine, ModelCard]:
    """Load the network of a weights file.

    Args:
        weights: The .safetensors file.
        engine: "onnx" for the .onnx file beside the weights, "torch" for the weights themselves, or "auto" for
            "onnx" where that file was made from these weights, otherwise "torch".

    Returns:
        The engine and the weights' card.

    Raises:
        WeightsError: The file is missing, damaged, or of another network; the message says which.
    """
    if engine == "torch":
        return load_torch(weights)
    try:
        return load_onnx(weights)
    except WeightsError as error:
        if engine == "onnx":
            raise
        log.debug("PyTorch computes the network: %s", error)
        return load_torch(weights)


def load_torch(weights: Path) -> "tuple[TorchEngine, ModelCard]":
    """Return the PyTorch engine of a weights file, and the card; raises WeightsError."""
    from nn.torch_engine import TorchEngine

    return TorchEngine.load(weights)


def load_onnx(weights: Path) -> "tuple[OnnxEngine, ModelCard]":
    """Return the ONNX Runtime engine of the .onnx file beside the weights, and its card.

    Raises WeightsError if one of the two files is missing or damaged, or they hold different networks.
    """
    path = weights.with_suffix(".onnx")
    if not weights.is_file():
        raise WeightsError(f"no weights at {weights}")
    if not path.is_file():
        raise WeightsError(f"there is no {path}; python -m training.export makes it from {weights.name}")
    try:
        session = open_session(path)
    except OnnxError as error:
        raise WeightsError(str(error)) from None
    metadata = session.get_modelmeta().custom_metadata_map
    card = parse_model_card(path, metadata)
    check_network(path, card)
    if metadata.get("weights_sha256") != sha256_of(weights):
        raise WeightsError(f"{path} was made from other weights than {weights.name}")
    return OnnxEngine(session), card


class OnnxEngine:
    """An engine that computes an .onnx file of training.export in ONNX Runtime."""

    def __init__(self, session: Any) -> None:
        """Take over an onnxruntime.InferenceSession."""
        self._session = session

    def logits(self, crops: NDArray[np.uint8]) -> Floats:
        """Return the logits (n, 15) float32 of crops (n, 48, 48) uint8."""
        (logits,) = run(self._session, ["logits"], "images", crops[:, None].astype(np.float32))
        return logits

    def logits_and_maps(self, crops: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Return the logits (n, 15) and the maps (n, 15, 6, 6) float32 of crops (n, 48, 48) uint8."""
        logits, maps = run(self._session, ["logits", "maps"], "images", crops[:, None].astype(np.float32))
        return logits, maps
