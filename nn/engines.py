"""What computes the network: PyTorch, or ONNX Runtime, which is quicker, small, and loads at once.

An engine turns crops (n, 48, 48) uint8 into logits (n, 15) float32: seven labels in the order of EMOTIONS, then
eight FER+ classes. Its maps (n, 15, 6, 6) float32 are what each place of the face adds to each logit.
"""

import hashlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nn.model_card import ModelCard, WeightsError, parse_model_card

if TYPE_CHECKING:
    from torch import nn

log = logging.getLogger(__name__)


NETWORK = "emotion"  # what the cards of EmotionNet say
Floats = NDArray[np.float32]


class Engine(Protocol):
    def logits(self, crops: NDArray[np.uint8]) -> Floats: ...

    def logits_and_maps(self, crops: NDArray[np.uint8]) -> tuple[Floats, Floats]: ...


def load_engine(weights: Path, engine: str = "auto") -> tuple[Engine, ModelCard]:
    """Return what computes the network of these weights, and their card; engine is "auto", "onnx" or "torch".

    "auto" is ONNX Runtime where an .onnx file made from the weights lies beside them, otherwise PyTorch.
    Raises WeightsError, which says why, if the file is not there, damaged, or of another network.
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
    """Return the network of these weights in PyTorch, and their card; raises WeightsError."""
    import torch

    from nn.checkpoint import fill, read_weights
    from nn.emotion_net import EmotionNet

    tensors, card = read_weights(weights)
    _check_network(weights, card)
    torch.set_num_threads(1)  # the steps run beside each other, and more threads make both slower
    try:
        net = EmotionNet(**card.network_options)
    except (TypeError, ValueError):
        raise WeightsError(
            f"{weights} holds the network {NETWORK!r} in a form that this version does not have"
        ) from None
    return TorchEngine(fill(net, tensors, weights)), card


def load_onnx(weights: Path) -> "tuple[OnnxEngine, ModelCard]":
    """Return the network of these weights in ONNX Runtime, and their card; raises WeightsError."""
    path = weights.with_suffix(".onnx")
    if not weights.is_file():
        raise WeightsError(f"no weights at {weights}")
    if not path.is_file():
        raise WeightsError(f"there is no {path}; python -m training.export makes it from {weights.name}")
    try:
        onnxruntime = import_onnxruntime()
    except ImportError:
        raise WeightsError("onnxruntime is not installed") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base
        raise WeightsError(f"{path} is damaged or not an ONNX file ({error})") from None
    metadata = session.get_modelmeta().custom_metadata_map
    card = parse_model_card(path, metadata)
    _check_network(path, card)
    if metadata.get("weights_sha256") != sha256_of(weights):
        raise WeightsError(f"{path} was made from other weights than {weights.name}")
    return OnnxEngine(session), card


def import_onnxruntime() -> Any:
    """Return the module onnxruntime, which then reports nothing to its maker; raises ImportError.

    Left alone it does, since 1.29, unless this is set before it is loaded, and keeps an identifier in the
    home folder: https://github.com/microsoft/onnxruntime/pull/27379
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # Windows does not ask the variable
    return onnxruntime


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_network(path: Path, card: ModelCard) -> None:
    if card.network != NETWORK:
        raise WeightsError(f"{path} holds the network {card.network!r}, this program runs {NETWORK!r}")


class TorchEngine:
    """A network in PyTorch; maps in closed form has only EmotionNet."""

    def __init__(self, net: "nn.Module") -> None:
        import torch

        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stubs

    def logits(self, crops: NDArray[np.uint8]) -> Floats:
        import torch

        with torch.inference_mode():
            logits: Floats = self.net(torch.from_numpy(crops).unsqueeze(1).float()).numpy()
        return logits

    def logits_and_maps(self, crops: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        import torch

        from nn.emotion_net import EmotionNet

        if not isinstance(self.net, EmotionNet):
            name = type(self.net).__name__
            raise TypeError(f"{name} has no maps in closed form; heatmap.grad_cam makes them")
        with torch.inference_mode():
            logits, maps = self.net.read_with_maps(torch.from_numpy(crops).unsqueeze(1).float())
        return logits.numpy(), maps.numpy()


class OnnxEngine:
    """The same network as `training.export` wrote it, in ONNX Runtime."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def logits(self, crops: NDArray[np.uint8]) -> Floats:
        (logits,) = self._session.run(["logits"], {"images": crops[:, None].astype(np.float32)})
        return logits  # type: ignore[no-any-return]  # onnxruntime brings no types

    def logits_and_maps(self, crops: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        logits, maps = self._session.run(["logits", "maps"], {"images": crops[:, None].astype(np.float32)})
        return logits, maps
