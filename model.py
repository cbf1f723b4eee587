"""From a picture and its faces to probabilities: preprocess, and the door EmotionClassifier."""

from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from checkpoint import INPUT_SIDE, Calibration, Card, WeightsError, fill, read_weights
from emotions import EMOTIONS
from heatmap import class_maps
from network import EmotionNet

NETWORK = "emotion"  # what the cards of EmotionNet say
MAP_SIDE = INPUT_SIDE // 8  # of EmotionNet's features, which it halves three times
OUTPUTS = ("shipped", "fer2013", "ferplus")


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


def read_out(logits: Tensor, output: str, calibration: Calibration) -> Tensor:
    """Return probabilities (n, 7) from logits (n, 15), or (n, 7) where there is no FER+ head.

    "shipped" is the label head, corrected and calibrated; "fer2013" the label head as trained;
    "ferplus" the FER+ head without its eighth class, contempt. ValueError for any other.
    """
    n = len(EMOTIONS)
    if output not in OUTPUTS:
        raise ValueError(f"no output {output!r}; there are: {', '.join(OUTPUTS)}")
    if output == "fer2013":
        return logits[:, :n].softmax(dim=1)
    if output == "ferplus":
        return logits[:, n : 2 * n].softmax(dim=1)
    shift = torch.tensor(calibration.shift, device=logits.device)
    return ((logits[:, :n] + shift) / calibration.temperature).softmax(dim=1)


class EmotionClassifier:
    """Reads the emotion of every face in a picture."""

    def __init__(self, net: nn.Module, card: Card, output: str = "shipped") -> None:
        self.card = card
        self.output = output
        self._net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stubs

    @classmethod
    def load(cls, path: Path | str, output: str = "shipped") -> Self:
        """Return a classifier with the weights in path; output is one of OUTPUTS.

        Raises WeightsError, which says why, if the file is not there, damaged, or of another network.
        """
        tensors, card = read_weights(Path(path))
        if card.network != NETWORK:
            raise WeightsError(f"{path} holds the network {card.network!r}, this program runs {NETWORK!r}")
        net = EmotionNet(fused=bool(card.network_options.get("fused")))
        return cls(fill(net, tensors, Path(path)), card, output)

    def predict(self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Return probabilities (n, 7) float32 in the order of EMOTIONS, rows summing to 1.

        gray is (H, W) uint8; boxes is (n, 4) int, xyxy px, and may reach over the border.
        Raises ValueError for arrays of another shape, and for boxes that are empty or wholly outside.
        """
        faces = _faces(gray, boxes)
        if len(faces) == 0:
            return np.empty((0, len(EMOTIONS)), dtype=np.float32)
        with torch.inference_mode():
            return self._probs(self._net(faces))

    def explain(
        self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what `predict` does, and where each emotion was seen: probs (n, 7), maps (n, 7, 6, 6) float32.

        The maps come from the same forward pass: 0 and above, each place's share in the emotion's logit.
        """
        net = self._net
        if not isinstance(net, EmotionNet):
            raise TypeError(f"{type(net).__name__} has no maps in closed form; heatmap.grad_cam makes them")
        faces = _faces(gray, boxes)
        if len(faces) == 0:
            none = np.empty((0, len(EMOTIONS), MAP_SIDE, MAP_SIDE), dtype=np.float32)
            return none[..., 0, 0], none
        with torch.inference_mode():
            features = net.features(faces)
            first = len(EMOTIONS) if self.output == "ferplus" else 0
            maps = class_maps(features, net.head.weight[first : first + len(EMOTIONS)]).relu()
            return self._probs(net.read(features)), maps.numpy()

    def _probs(self, logits: Tensor) -> NDArray[np.float32]:
        probs: NDArray[np.float32] = read_out(logits, self.output, self.card.calibration).numpy()
        return probs


def _faces(gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]]) -> Tensor:
    """Return the faces as the network takes them, (n, 1, 48, 48); ValueError as EmotionClassifier.predict."""
    if gray.ndim != 2 or gray.dtype != np.uint8:
        raise ValueError(f"gray must be (H, W) uint8, got {gray.shape} {gray.dtype}")
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "iu":
        raise ValueError(f"boxes must be (n, 4) int xyxy, got {boxes.shape} {boxes.dtype}")
    return torch.from_numpy(preprocess(gray, boxes)).unsqueeze(1).float()
