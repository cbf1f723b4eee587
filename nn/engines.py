"""Engines, which compute the network: ONNX Runtime, which is faster and loads at once, or PyTorch.

An engine turns crops (n, side, side) uint8 of the card's input side into logits (n, 15) float32: seven labels
in the order of EMOTIONS, then eight FER+ classes; most networks but the shipped one have the first seven alone.
Its maps (n, 15, h, w) float32 hold what each place of the face adds to each logit.
"""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nn.model_card import ModelCard, NetworkSpec, WeightsError, parse_model_card
from vision.onnx import OnnxError, open_session, run, sha256_of

if TYPE_CHECKING:  # PyTorch takes two seconds to load, and the ONNX engine does not need it
    from nn.torch_engine import TorchEngine

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
NO_SPEC = ""


class Engine(Protocol):
    """The interface of an engine; any number of threads may use one."""

    has_live_maps: bool  # whether maps cost hardly more than logits

    def logits(self, crops: NDArray[np.uint8]) -> Floats:
        """Return the logits (n, k) float32 of crops (n, side, side) uint8."""

    def logits_and_maps(self, crops: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Return the logits (n, k) and the maps (n, k, h, w) float32 of crops (n, side, side) uint8."""


def load_engine(
    weights: Path, engine: str = "auto", device: str = "auto", spec: NetworkSpec | None = None
) -> tuple[Engine, ModelCard]:
    """Load the network of a weights file.

    Args:
        weights: The .safetensors file, or somebody else's PyTorch checkpoint.
        engine: "onnx" for the .onnx file beside the weights, "torch" for the weights themselves, or "auto" for
            "onnx" where that file was made from these weights, otherwise "torch".
        device: "cpu", "cuda", "mps", or "auto" for the fastest that the engine finds.
        spec: The description of somebody else's checkpoint, None for a file of this project.

    Returns:
        The engine and the weights' card.

    Raises:
        WeightsError: The file is missing, damaged, or of another network, or the device is not there; the
            message says which.
    """
    if engine == "torch":
        return load_torch(weights, device, spec)
    try:
        return load_onnx(weights, device, spec)
    except WeightsError as error:
        if engine == "onnx":
            raise
        log.debug("PyTorch computes the network: %s", error)
        return load_torch(weights, device, spec)


def load_torch(
    weights: Path, device: str = "cpu", spec: NetworkSpec | None = None
) -> "tuple[TorchEngine, ModelCard]":
    """Return the PyTorch engine of a weights file on a device, and the card; raises WeightsError."""
    from nn.torch_engine import TorchEngine

    return TorchEngine.load(weights, device, spec)


def load_onnx(
    weights: Path, device: str = "cpu", spec: NetworkSpec | None = None
) -> "tuple[OnnxEngine, ModelCard]":
    """Return the ONNX Runtime engine of the .onnx file beside the weights, and its card.

    The device is "cpu", "cuda", or "auto" for "cuda" where the installed onnxruntime brings it.
    Raises WeightsError if one of the two files is missing or damaged, they hold different networks, or
    onnxruntime cannot use the device.
    """
    path = weights.with_suffix(".onnx")
    if not weights.is_file():
        raise WeightsError(f"no weights at {weights}")
    if not path.is_file():
        raise WeightsError(f"there is no {path}; python -m training.export makes it from {weights.name}")
    try:
        session = open_session(path, device)
    except OnnxError as error:
        raise WeightsError(str(error)) from None
    metadata = session.get_modelmeta().custom_metadata_map
    card = parse_model_card(path, metadata)
    if metadata.get("weights_sha256") != sha256_of(weights):
        raise WeightsError(f"{path} was made from other weights than {weights.name}")
    if metadata.get("spec", NO_SPEC) != spec_json(spec):
        raise WeightsError(f"{path} was made with other input settings of {weights.name}")
    return OnnxEngine(session, lambda: load_torch(weights, "cpu", spec)[0]), card


class OnnxEngine:
    """An engine that computes an .onnx file of training.export in ONNX Runtime."""

    def __init__(self, session: Any, load_torch: "Callable[[], TorchEngine]") -> None:
        """Take over an onnxruntime.InferenceSession.

        load_torch returns the PyTorch engine of the same network, which is asked for maps where the file has
        none; it is called with the first such question.
        """
        self._session = session
        self._load_torch = load_torch
        self._torch: TorchEngine | None = None
        self._lock = threading.Lock()
        self.has_live_maps = "maps" in {output.name for output in session.get_outputs()}

    def logits(self, crops: NDArray[np.uint8]) -> Floats:
        """Return the logits (n, k) float32 of crops (n, side, side) uint8."""
        (logits,) = run(self._session, ["logits"], "images", crops[:, None].astype(np.float32))
        return logits

    def logits_and_maps(self, crops: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Return the logits (n, k) and the maps (n, k, h, w) float32 of crops (n, side, side) uint8."""
        if self.has_live_maps:
            logits, maps = run(self._session, ["logits", "maps"], "images", crops[:, None].astype(np.float32))
            return logits, maps
        with self._lock:
            self._torch = self._torch or self._load_torch()
        return self._torch.logits_and_maps(crops)


def spec_json(spec: NetworkSpec | None) -> str:
    """Return the description of a checkpoint as an .onnx file made from it holds it."""
    return NO_SPEC if spec is None else json.dumps(asdict(spec))
