"""From a picture and its faces to probabilities: preprocess, and the door EmotionClassifier."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from nn.engines import Engine, load_engine
from nn.model_card import INPUT_SIDE, Calibration, ModelCard
from vision.emotions import EMOTIONS

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


def to_probabilities(logits: NDArray[np.float32], output: str, calibration: Calibration) -> NDArray[np.float32]:
    """Return probabilities (n, 7) from logits (n, 15), or (n, 7) where there is no FER+ head.

    "shipped" is the label head, corrected and calibrated; "fer2013" the label head as trained;
    "ferplus" the FER+ head without its eighth class, contempt. ValueError for any other.
    """
    n = len(EMOTIONS)
    if output not in OUTPUTS:
        raise ValueError(f"no output {output!r}; there are: {', '.join(OUTPUTS)}")
    if output == "fer2013":
        return softmax(logits[:, :n])
    if output == "ferplus":
        return softmax(logits[:, n : 2 * n])
    shift = np.array(calibration.shift, dtype=np.float32)
    return softmax((logits[:, :n] + shift) / np.float32(calibration.temperature))


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows (n, k) that sum to 1."""
    powers: NDArray[np.float32] = np.exp(logits - logits.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


class EmotionClassifier:
    """Reads the emotion of every face in a picture. For any number of threads at once."""

    def __init__(self, engine: Engine, card: ModelCard, output: str = "shipped") -> None:
        self.card = card
        self.output = output
        self._engine = engine

    @classmethod
    def load(cls, path: Path | str, output: str = "shipped", engine: str = "auto") -> Self:
        """Return a classifier with the weights in path; output is one of OUTPUTS, engine one of ENGINES.

        Raises WeightsError, which says why, if the file is not there, damaged, or of another network.
        """
        return cls(*load_engine(Path(path), engine), output)

    def predict(self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Return probabilities (n, 7) float32 in the order of EMOTIONS, rows summing to 1.

        gray is (H, W) uint8; boxes is (n, 4) int, xyxy px, and may reach over the border.
        Raises ValueError for arrays of another shape, and for boxes that are empty or wholly outside.
        """
        return self.classify(crop(gray, boxes))

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (n, 7) float32 of crops (n, 48, 48) uint8 of any number of pictures."""
        if len(crops) == 0:
            return np.empty((0, len(EMOTIONS)), dtype=np.float32)
        return to_probabilities(self._engine.logits(crops), self.output, self.card.calibration)

    def predict_each(
        self, pictures: Sequence[tuple[NDArray[np.uint8], NDArray[np.integer[Any]]]]
    ) -> list[NDArray[np.float32]]:
        """Return what `predict` does for each (gray, boxes), all faces in one pass through the network."""
        if not pictures:
            return []
        crops = [crop(gray, boxes) for gray, boxes in pictures]
        probs = self.classify(np.concatenate(crops))
        return np.split(probs, np.cumsum([len(faces) for faces in crops])[:-1])

    def explain(
        self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what `predict` does, and where each emotion was seen: probs (n, 7), maps (n, 7, 6, 6) float32.

        The maps come from the same forward pass: 0 and above, each place's share in the emotion's logit.
        """
        return self.explain_crops(crop(gray, boxes))

    def explain_crops(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what `explain` does, of crops (n, 48, 48) uint8 of any number of pictures."""
        if len(crops) == 0:
            none = np.empty((0, len(EMOTIONS), MAP_SIDE, MAP_SIDE), dtype=np.float32)
            return none[..., 0, 0], none
        logits, maps = self._engine.logits_and_maps(crops)
        first = len(EMOTIONS) if self.output == "ferplus" else 0
        shown = maps[:, first : first + len(EMOTIONS)].clip(min=0)
        return to_probabilities(logits, self.output, self.card.calibration), shown


def crop(gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """Return the faces as `preprocess` does; ValueError for arrays of another shape, too."""
    if gray.ndim != 2 or gray.dtype != np.uint8:
        raise ValueError(f"gray must be (H, W) uint8, got {gray.shape} {gray.dtype}")
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "iu":
        raise ValueError(f"boxes must be (n, 4) int xyxy, got {boxes.shape} {boxes.dtype}")
    return preprocess(gray, boxes)
