"""The network, what goes into it, and the door the rest of the program uses: EmotionClassifier."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from emotions import EMOTIONS

INPUT_SIDE = 48  # px; FER2013's
NORMALISATION = "per-image standardisation, inside the network"


class WeightsError(Exception):
    """The weights file cannot be used; the message says why, in one sentence."""


class EmotionNet(nn.Module):
    """The base network of FER2013 projects: four convolution blocks, two dense layers, seven logits.

    The order inside a block is chosen for speed: max-pooling commutes with ReLU and with dropout of
    whole channels, so both work on a quarter of the values and the result stays the same.
    """

    def __init__(self, dropout: float = 0.1, dense_dropout: float = 0.4) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _conv_block(1, 64, 3, dropout),
            _conv_block(64, 128, 5, dropout),
            _conv_block(128, 512, 3, dropout),
            # 2x2 max-pooling at 48 px; takes smaller training pictures to the same 3x3 as well
            _conv_block(512, 512, 3, dropout, pool=nn.AdaptiveMaxPool2d(3)),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            *_dense_block(512 * 3 * 3, 256, dense_dropout),
            *_dense_block(256, 512, dense_dropout),
            nn.Linear(512, len(EMOTIONS)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, 48, 48) float, 0 to 255, into logits (n, 7)."""
        logits: Tensor = self.classifier(self.features(standardise(images)))
        return logits


def _conv_block(
    inputs: int, outputs: int, kernel: int, dropout: float, pool: nn.Module | None = None
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        pool or nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Dropout2d(dropout),
    )


def _dense_block(inputs: int, outputs: int, dropout: float) -> Sequence[nn.Module]:
    return (
        nn.Linear(inputs, outputs, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
    )


def standardise(images: Tensor) -> Tensor:
    """Return images (n, 1, h, w) with mean 0 and deviation 1 each, so that a dark room costs nothing.

    The deviation has a floor of one gray level: a flat picture becomes zeros, not noise.
    """
    std, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
    return (images - mean) / std.clamp(min=1.0)


def preprocess(gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """Cut boxes (n, 4) int xyxy px out of gray (H, W) uint8 and return crops (n, 48, 48) uint8.

    The crop is the box itself: FER2013's own frame is the Haar box, and a wider one costs accuracy.
    What lies outside the picture repeats its border.
    """
    height, width = gray.shape
    crops = np.empty((len(boxes), INPUT_SIDE, INPUT_SIDE), dtype=np.uint8)
    for crop, (x1, y1, x2, y2) in zip(crops, boxes.tolist(), strict=True):
        if x2 <= x1 or y2 <= y1:
            raise ValueError(f"a box needs x1 < x2 and y1 < y2, got {[x1, y1, x2, y2]}")
        inside: NDArray[Any] = gray[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
        if inside.size == 0:
            raise ValueError(f"box {[x1, y1, x2, y2]} lies outside a picture of {width}x{height}")
        outside = (max(-y1, 0), max(y2 - height, 0), max(-x1, 0), max(x2 - width, 0))
        if any(outside):
            inside = cv2.copyMakeBorder(inside, *outside, borderType=cv2.BORDER_REPLICATE)
        shrinks = inside.shape[0] > INPUT_SIDE
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        cv2.resize(inside, (INPUT_SIDE, INPUT_SIDE), dst=crop, interpolation=method)
    return crops


@dataclass(frozen=True)
class Card:
    """What a weights file says of itself."""

    network: str = "base"
    classes: tuple[str, ...] = EMOTIONS
    input_side: int = INPUT_SIDE
    normalisation: str = NORMALISATION
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    data_sha256: str = ""


def save_weights(path: Path, net: EmotionNet, card: Card) -> None:
    """Write the network's weights as float16 safetensors, with the card in the header."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in net.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={"card": json.dumps(asdict(card))})


def load_weights(path: Path) -> tuple[EmotionNet, Card]:
    """Return the network in a weights file, ready to predict, and its card.

    Raises WeightsError if the file is missing, damaged, or made for other classes or another network.
    """
    if not path.is_file():
        raise WeightsError(f"no weights at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged or not a weights file ({error})") from None
    card = _read_card(path, metadata)
    net = EmotionNet()
    try:
        net.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in tensors.items()})
    except RuntimeError:
        raise WeightsError(f"{path} holds the weights of another network") from None
    return net.eval(), card


def _read_card(path: Path, metadata: dict[str, str]) -> Card:
    try:
        values = json.loads(metadata["card"])
        card = Card(**values | {"classes": tuple(map(str, values["classes"]))})
    except (KeyError, TypeError, ValueError):
        raise WeightsError(f"{path} does not describe itself: it was not written by this project") from None
    if card.classes != EMOTIONS:
        raise WeightsError(f"{path} is for the classes {', '.join(card.classes)}, not {', '.join(EMOTIONS)}")
    if card.input_side != INPUT_SIDE or card.normalisation != NORMALISATION:
        raise WeightsError(f"{path} expects input that this version does not prepare")
    return card


class EmotionClassifier:
    """Reads the emotion of every face in a picture."""

    def __init__(self, net: nn.Module, card: Card) -> None:
        self.card = card
        self._net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stubs

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Return a classifier with the weights in path; WeightsError says why that is impossible."""
        return cls(*load_weights(Path(path)))

    def predict(self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Return probabilities (n, 7) float32 in the order of EMOTIONS, rows summing to 1.

        gray is (H, W) uint8; boxes is (n, 4) int, xyxy px, and may reach over the border.
        Raises ValueError for arrays of another shape, and for boxes that are empty or wholly outside.
        """
        if gray.ndim != 2 or gray.dtype != np.uint8:
            raise ValueError(f"gray must be (H, W) uint8, got {gray.shape} {gray.dtype}")
        if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "iu":
            raise ValueError(f"boxes must be (n, 4) int xyxy, got {boxes.shape} {boxes.dtype}")
        if len(boxes) == 0:
            return np.empty((0, len(EMOTIONS)), dtype=np.float32)
        crops = torch.from_numpy(preprocess(gray, boxes)).unsqueeze(1).float()
        with torch.inference_mode():
            probs: NDArray[np.float32] = self._net(crops).softmax(dim=1).numpy()
        return probs
