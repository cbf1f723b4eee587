"""The emotion classifier: from an image and the boxes of its faces to probabilities."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nn.engines import Engine, load_engine
from nn.model_card import INPUT_SIDE, Calibration, ModelCard, NetworkSpec
from vision.crops import Tilts, cut_face, turn_back
from vision.emotions import EMOTIONS

MAP_SIDE = INPUT_SIDE // 8  # of EmotionNet's features, which it halves three times
OUTPUTS = ("shipped", "fer2013", "ferplus")


def preprocess(
    gray: NDArray[np.uint8],
    boxes: NDArray[np.integer[Any]],
    tilts_deg: Tilts = None,
    side: int = INPUT_SIDE,
) -> NDArray[np.uint8]:
    """Return the upright crops (n, side, side) uint8 of boxes (n, 4) int xyxy px in gray (H, W) uint8.

    A crop is the box itself: FER2013's faces fill their pictures as the Haar box does, and a wider one costs
    accuracy. tilts_deg (n,) are the angles of the faces' lines of the eyes, by which `cut_face` turns them.
    Pixels outside the image repeat its border. Raises ValueError for an array of another shape or dtype, and
    for a box that is empty or wholly outside.
    """
    if gray.ndim != 2 or gray.dtype != np.uint8:
        raise ValueError(f"gray must be (H, W) uint8, got {gray.shape} {gray.dtype}")
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "iu":
        raise ValueError(f"boxes must be (n, 4) int xyxy, got {boxes.shape} {boxes.dtype}")
    if tilts_deg is not None and tilts_deg.shape != (len(boxes),):
        raise ValueError(f"tilts_deg must be ({len(boxes)},), one a box, got {tilts_deg.shape}")
    crops = np.empty((len(boxes), side, side), dtype=np.uint8)
    tilts = [0.0] * len(boxes) if tilts_deg is None else tilts_deg.tolist()
    for crop, box, tilt_deg in zip(crops, boxes, tilts, strict=True):
        crop[...] = cut_face(gray, box, side, tilt_deg)
    return crops


def to_probabilities(logits: NDArray[np.float32], output: str, calibration: Calibration) -> NDArray[np.float32]:
    """Return probabilities (n, 7) float32 from logits (n, 15), or (n, 7) where there is no FER+ head.

    The output "shipped" is both heads together, corrected and calibrated (see Calibration); "fer2013" is the
    label head as trained; "ferplus" is the FER+ head without its eighth class, contempt. Raises ValueError for
    any other, and for "ferplus" where there is no such head.
    """
    n = len(EMOTIONS)
    if output not in OUTPUTS:
        raise ValueError(f"no output {output!r}; there are: {', '.join(OUTPUTS)}")
    if output == "fer2013":
        return softmax(logits[:, :n])
    if output == "ferplus":
        if logits.shape[1] < 2 * n:
            raise ValueError("this network has no FER+ head")
        return softmax(logits[:, n : 2 * n])
    shift = np.array(calibration.shift) + calibration.ferplus_weight * np.array(calibration.ferplus_shift)
    added = add_heads(logits, calibration.ferplus_weight) + shift.astype(np.float32)
    return softmax(added / np.float32(calibration.temperature))


def add_heads(values: NDArray[np.float32], ferplus_weight: float) -> NDArray[np.float32]:
    """Return the label head's values (n, 7, ...) plus the FER+ head's, weighted; values are (n, 15, ...)."""
    n = len(EMOTIONS)
    if not ferplus_weight:
        return values[:, :n]
    return values[:, :n] + np.float32(ferplus_weight) * values[:, n : 2 * n]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the softmax (n, k) float32 of logits (n, k); rows sum to 1."""
    powers: NDArray[np.float32] = np.exp(logits - logits.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


class EmotionClassifier:
    """The classifier of faces; any number of threads may use one."""

    def __init__(self, engine: Engine, card: ModelCard, output: str = "shipped") -> None:
        """Combine an engine with its weights' card; output is one of OUTPUTS."""
        self.card = card
        self.output = output
        self._engine = engine

    @classmethod
    def load(
        cls,
        path: Path | str,
        output: str = "shipped",
        engine: str = "auto",
        device: str = "auto",
        spec: NetworkSpec | None = None,
    ) -> Self:
        """Load a classifier.

        Args:
            path: The weights, a .safetensors file, or somebody else's PyTorch checkpoint.
            output: The output to return, one of OUTPUTS (see `to_probabilities`).
            engine: "onnx", "torch", or "auto" for "onnx" where an .onnx file made from the weights lies beside
                them.
            device: "cpu", "cuda", "mps", or "auto" for the fastest that the engine finds.
            spec: The description of somebody else's checkpoint.

        Returns:
            The classifier.

        Raises:
            WeightsError: The file is missing, damaged, or of another network; the message says which.
        """
        return cls(*load_engine(Path(path), engine, device, spec), output)

    @property
    def has_live_maps(self) -> bool:
        """Whether `explain` is quick enough for each frame: the maps have a closed form."""
        return self._engine.has_live_maps

    def predict(
        self,
        gray: NDArray[np.uint8],
        boxes: NDArray[np.integer[Any]],
        tilts_deg: Tilts = None,
        mirrored: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float32]:
        """Classify the faces in an image.

        Args:
            gray: The image (H, W) uint8.
            boxes: The faces (n, 4) int xyxy px, which may reach over the image's border.
            tilts_deg: The angles (n,) in degrees of their lines of the eyes, clockwise; NaN where unknown.
            mirrored: Which faces (n,) the network sees mirrored; none by default.

        Returns:
            The probabilities (n, 7) float32 in the order of EMOTIONS; rows sum to 1.

        Raises:
            ValueError: An array has another shape or dtype, or a box is empty or wholly outside.
        """
        crops = self.crop(gray, boxes, tilts_deg)
        if mirrored is not None:
            crops[mirrored] = crops[mirrored, :, ::-1]
        return self.classify(crops)

    def crop(
        self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]], tilts_deg: Tilts = None
    ) -> NDArray[np.uint8]:
        """Return the crops (n, side, side) uint8 that the network takes; ValueError as `predict` raises it."""
        return preprocess(gray, boxes, tilts_deg, self.card.input_side)

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities (n, 7) float32 of crops (n, side, side) uint8 of the card's input side."""
        if len(crops) == 0:
            return np.empty((0, len(EMOTIONS)), dtype=np.float32)
        return to_probabilities(self._engine.logits(crops), self.output, self.card.calibration)

    def predict_each(
        self, images: Sequence[tuple[NDArray[np.uint8], NDArray[np.integer[Any]], Tilts]]
    ) -> list[NDArray[np.float32]]:
        """Return the probabilities of `predict` for each (gray, boxes, tilts_deg), with one forward pass."""
        if not images:
            return []
        crops = [self.crop(gray, boxes, tilts_deg) for gray, boxes, tilts_deg in images]
        probs = self.classify(np.concatenate(crops))
        return np.split(probs, np.cumsum([len(faces) for faces in crops])[:-1])

    def explain(
        self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]], tilts_deg: Tilts = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the probabilities of `predict` and class activation maps: (n, 7) and (n, 7, h, w) float32.

        A map, 0 and above, holds what each place of the box adds to the emotion's logit; 6 x 6 places in the
        shipped network. The map of a face that was turned upright is turned back. Where has_live_maps it comes
        from the same forward pass, elsewhere from Grad-CAM in PyTorch.
        """
        probs, maps = self.explain_crops(self.crop(gray, boxes, tilts_deg))
        return probs, turn_back(maps, tilts_deg)

    def explain_crops(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the probabilities and maps of `explain` for crops (n, side, side) uint8, none turned back."""
        if len(crops) == 0:
            no_maps = np.empty((0, len(EMOTIONS), MAP_SIDE, MAP_SIDE), dtype=np.float32)
            return no_maps[..., 0, 0], no_maps
        logits, maps = self._engine.logits_and_maps(crops)
        probs = to_probabilities(logits, self.output, self.card.calibration)
        return probs, self._maps_of_output(maps).clip(min=0)

    def explain_both_ways(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the means of `explain_crops` for crops (n, side, side) uint8 and for the same crops mirrored.

        That is one forward pass of twice the size, and gains a point of accuracy.
        """
        both = np.concatenate((crops, crops[:, :, ::-1]))
        probs, maps = (np.split(values, 2) for values in self.explain_crops(both))
        half = np.float32(0.5)
        return half * (probs[0] + probs[1]), half * (maps[0] + maps[1][..., ::-1])

    def _maps_of_output(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the maps (n, 7, h, w) of the output, from those of all logits; they add up as logits do."""
        if self.output == "ferplus":
            return maps[:, len(EMOTIONS) : 2 * len(EMOTIONS)]
        return add_heads(maps, self.card.calibration.ferplus_weight if self.output == "shipped" else 0.0)
