"""Prepare a run's weights for the site: python -m training.ship RUN/weights.safetensors --data fer2013.csv.

The command fuses the branches of each block and removes the loss weights of rare labels. It adds the two heads
in the proportion that is best on the clean faces of PublicTest, corrects them for the labels' frequencies, and
calibrates them there. The calibration error in the model card is cross-fitted. An ONNX file of the same network
is written next to the weights.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from model import to_probabilities
from nn.checkpoint import save_weights
from nn.emotion_net import EmotionNet
from nn.model_card import ModelCard, WeightsError
from nn.registry import load_net
from settings import ROOT
from training.calibrate import ENOUGH_ACCURACY, choose_calibration, cross_fitted_error, majority_accuracy
from training.data import Faces, load_faces
from training.duplicates import near_duplicates
from training.export import export_weights
from training.inference import predict_logits
from training.losses import label_weights
from training.metrics import measure
from vision.emotions import EMOTIONS


@torch.no_grad()
def unweigh(net: EmotionNet, labels: NDArray[np.int64], power: float) -> EmotionNet:
    """Return the network with its label head's bias corrected for the label weights of the loss."""
    weights = label_weights(labels, power)
    net.head.bias[: len(EMOTIONS)] -= weights.log()  # a weight multiplies the odds that are learned
    return net


def ship(
    net: EmotionNet,
    card: ModelCard,
    training: Faces,
    validation: Faces,
    enough_accuracy: float = ENOUGH_ACCURACY,
) -> tuple[EmotionNet, ModelCard]:
    """Fuse and calibrate a trained network.

    Args:
        net: The trained network, with its branches.
        card: The card of its weights.
        training: The faces it was trained on.
        validation: The faces that calibrate it; those with a copy among the training faces are left out.
        enough_accuracy: The accuracy on the labels, 0 to 1, that adding the heads keeps.

    Returns:
        The fused network, and its card with the calibration and the figures.
    """
    plain = unweigh(net.fuse(), training.labels, card.training.get("class_weights", 0.0))
    fused = plain.half().float()  # as the file will hold it
    logits = predict_logits(fused, validation).numpy()
    clean = ~near_duplicates(validation.images, training.images)
    clean_faces = validation.select(clean)
    calibration = choose_calibration(logits[clean], clean_faces, training, enough_accuracy)
    error = cross_fitted_error(logits[clean], clean_faces, calibration)
    metrics = {"calibration error, cross-fitted": error}
    for output in ("fer2013", "shipped"):
        probs = to_probabilities(logits, output, calibration)
        for part, chosen in (("PublicTest", np.ones_like(clean)), ("clean PublicTest", clean)):
            figures = measure(probs[chosen], validation.labels[chosen])
            metrics |= {f"{part} {name}, {output}": figures[name] for name in ("accuracy", "macro_f1")}
        if validation.votes.any():
            balanced = majority_accuracy(probs[clean], clean_faces)
            metrics[f"clean PublicTest balanced accuracy against the FER+ majority, {output}"] = balanced
    metrics = {name: round(value, 5) for name, value in metrics.items()}
    options = {name: value for name, value in card.network_options.items() if name != "dropout"}
    card = replace(card, network_options=options | {"fused": True})
    return fused, replace(card, calibration=calibration, metrics=metrics)


def main(argv: list[str] | None = None) -> int:
    """Write the site's weights, as .safetensors and .onnx; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.ship", description=__doc__)
    parser.add_argument("weights", type=Path, help="weights file of a run, with the network's branches")
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of train/ and test/")
    parser.add_argument(
        "--ferplus", type=Path, help="votes of FER+, fer2013new.csv; without them, only the label head is used"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "weights" / "emotion.safetensors",
        help="weights file to write (default: weights/emotion.safetensors, the site's)",
    )
    parser.add_argument(
        "--enough-accuracy",
        type=float,
        default=ENOUGH_ACCURACY,
        help=f"lowest accuracy on the labels that the combined heads may have (default: {ENOUGH_ACCURACY})",
    )
    args: Any = parser.parse_args(argv)
    try:
        net, card = load_net(args.weights)
        if not isinstance(net, EmotionNet) or card.network_options.get("fused"):
            raise ValueError(f"{args.weights} does not hold a trained EmotionNet with its branches")
        training, validation = (
            load_faces(args.data, split, args.ferplus) for split in ("Training", "PublicTest")
        )
    except (WeightsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    fused, shipped = ship(net, card, training, validation, args.enough_accuracy)
    save_weights(args.out, fused, shipped)
    export_weights(args.out, args.out.with_suffix(".onnx"))
    for name, value in shipped.metrics.items():
        print(f"{name}: {value}")
    print(f"{args.out}, {args.out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
