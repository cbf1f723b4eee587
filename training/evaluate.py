"""python -m training.evaluate WEIGHTS --data fer2013.csv: how good are these weights, on which faces."""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from emotions import EMOTIONS
from model import INPUT_SIDE, WeightsError, load_weights
from training.augment import resize
from training.data import SPLIT_FOLDERS, Faces, load_faces

BATCH = 256


@torch.inference_mode()
def predict_logits(net: nn.Module, faces: Faces, side: int = INPUT_SIDE, device: str = "cpu") -> Tensor:
    """Return logits (n, 7) for all faces, one forward pass each; device is where the network is."""
    net.eval()
    images = torch.from_numpy(faces.images).unsqueeze(1)
    batches = (resize(batch.to(device).float(), side) for batch in images.split(BATCH))
    return torch.cat([net(batch).cpu() for batch in batches])


def measure(logits: Tensor, labels: NDArray[np.int64]) -> dict[str, float]:
    """Return accuracy with its standard error, macro-F1 and cross-entropy of logits (n, 7)."""
    target = torch.from_numpy(labels)
    matrix = confusion(logits, labels)
    hits = matrix.diagonal()
    f1 = 2 * hits / np.maximum(matrix.sum(0) + matrix.sum(1), 1)
    accuracy = float(hits.sum() / matrix.sum())
    return {
        "accuracy": accuracy,
        "accuracy_se": (accuracy * (1 - accuracy) / len(labels)) ** 0.5,
        "macro_f1": float(f1.mean()),
        "loss": float(F.cross_entropy(logits, target)),
    }


def confusion(logits: Tensor, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the confusion matrix (7, 7): rows are the labels, columns what the network said."""
    matrix = np.zeros((len(EMOTIONS), len(EMOTIONS)), dtype=np.int64)
    np.add.at(matrix, (labels, logits.argmax(dim=1).numpy()), 1)
    return matrix


def report(metrics: dict[str, float], matrix: NDArray[np.int64]) -> str:
    """Return the figures as text: totals, then a row per label with its recall and precision."""
    lines = [f"{name:12} {value:.4f}" for name, value in metrics.items()]
    lines.append("\n" + " " * 10 + "".join(f"{name:>10}" for name in (*EMOTIONS, "recall", "precision")))
    for i, name in enumerate(EMOTIONS):
        recall = matrix[i, i] / max(matrix[i].sum(), 1)
        precision = matrix[i, i] / max(matrix[:, i].sum(), 1)
        lines.append(f"{name:10}" + "".join(f"{n:10}" for n in matrix[i]) + f"{recall:10.3f}{precision:10.3f}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of folders")
    parser.add_argument("--split", default="PublicTest", choices=SPLIT_FOLDERS)
    args: Any = parser.parse_args(argv)
    try:
        net, _ = load_weights(args.weights)
        faces = load_faces(args.data, args.split)
    except (WeightsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    logits = predict_logits(net, faces)
    print(f"{args.weights} on {args.split}, {len(faces)} faces, one forward pass")
    print(report(measure(logits, faces.labels), confusion(logits, faces.labels)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
