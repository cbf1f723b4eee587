"""Compare runs: python -m training.compare RUN... --data fer2013.csv prints a table in Markdown.

A run is a folder written by training.train, or a weights file. Each is measured on PublicTest as on the live
page, with one forward pass per face; the time is PyTorch's on one thread, including the crop.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model import EmotionClassifier, to_probabilities
from nn.model_card import ModelCard, WeightsError
from nn.registry import load_net
from nn.torch_engine import TorchEngine
from training.data import Faces, load_faces
from training.duplicates import near_duplicates
from training.evaluate import ms_per_face
from training.inference import predict_logits
from training.metrics import measure
from training.run import WEIGHTS_FILE

HEADINGS = (
    *("run", "network", "parameters", "trained", "accuracy", "clean", "macro-F1", "calibration error"),
    "ms per face",
)


def compare(path: Path, faces: Faces, clean: NDArray[np.bool_]) -> list[str]:
    """Return a run's row, under HEADINGS; clean (n,) bool are the faces without a copy in Training.

    Raises WeightsError if the run has no weights that can be used.
    """
    weights = path / WEIGHTS_FILE if path.is_dir() else path
    net, card = load_net(weights)
    probs = to_probabilities(predict_logits(net, faces).numpy(), "shipped", card.calibration)
    whole = measure(probs, faces.labels)
    unseen = measure(probs[clean], faces.labels[clean]) if clean.any() else None
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return [
        f"`{path.name if path.is_dir() else path.stem}`",
        card.network,
        f"{parameters:,}",
        trained(card),
        f"{100 * whole['accuracy']:.1f} ± {100 * whole['accuracy_se']:.1f} %",
        f"{100 * unseen['accuracy']:.1f} %" if unseen else "-",
        f"{whole['macro_f1']:.3f}",
        f"{whole['ece']:.3f}",
        f"{ms_per_face(EmotionClassifier(TorchEngine(net), card)):.1f}",
    ]


def trained(card: ModelCard) -> str:
    """Return how long a network was trained, and on how many faces, as far as its card says."""
    if not {"epoch", "faces"} <= card.training.keys():
        return "-"
    epochs = card.training["epoch"]
    return f"{epochs} epoch{'s' * (epochs != 1)} of {card.training['faces']:,} faces"


def as_markdown(rows: list[list[str]]) -> str:
    """Return rows as a table in Markdown, the first row as its headings."""
    lines = [as_row(row) for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def as_row(cells: list[str]) -> str:
    """Return the cells of a row as a line in Markdown."""
    return "| " + " | ".join(cells) + " |"


def main(argv: list[str] | None = None) -> int:
    """Print the table of some runs; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.compare", description=__doc__)
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="folder of a run, or weights file")
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of faces")
    args: Any = parser.parse_args(argv)
    try:
        faces, training = (load_faces(args.data, split) for split in ("PublicTest", "Training"))
        clean = ~near_duplicates(faces.images, training.images)
        print(as_markdown([list(HEADINGS)]), flush=True)
        for path in args.runs:  # each as soon as it is measured: large networks take minutes
            print(as_row(compare(path, faces, clean)), flush=True)
    except (WeightsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
