"""Measure a weights file on FER2013: python -m training.evaluate WEIGHTS --data fer2013.csv.

The figures are printed and written to evaluation.json, and with plots to evaluation.html. --data FOLDER --by
source,person measures faces from other sources by group (see training.named), with plots in by_name.png.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model import OUTPUTS, EmotionClassifier, to_probabilities
from nn.model_card import ModelCard, WeightsError
from nn.registry import load_net
from nn.torch_engine import TorchEngine
from settings import Settings
from training.calibrate import majority_accuracy, majority_of
from training.checkpoint_flags import add_spec_arguments, spec_of
from training.data import SPLITS, Faces, load_faces
from training.duplicates import near_duplicates
from training.evaluate_by import as_text as evaluate_by_text
from training.evaluate_by import evaluate_by, write_picture
from training.evaluate_rest import evaluate_rest, rest_text
from training.inference import predict_logits
from training.losses import heads
from training.metrics import averages, confusion, ferplus_majority, measure, per_class
from training.named import PERSON, load_named
from training.report import as_text, write_report
from training.stress import STRESSES, stressed

TIMED = 200  # faces


def evaluate(
    net: nn.Module, card: ModelCard, faces: Faces, clean: NDArray[np.bool_], output: str
) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Measure a network.

    Args:
        net: The network, on the CPU.
        card: The card of its weights.
        faces: The faces it is measured on.
        clean: Whether each face (n,) bool has no copy among the training faces.
        output: The output whose details are measured, one of model.OUTPUTS.

    Returns:
        The figures, as evaluation.json holds them, and the output's probabilities (n, 7) float32.

    Raises:
        ValueError: The output is unknown.
    """
    logits = predict_logits(net, faces)
    probs: NDArray[np.float32] = to_probabilities(logits.numpy(), output, card.calibration)
    known = OUTPUTS if heads(logits)[1] is not None else OUTPUTS[:2]
    result: dict[str, Any] = {
        "faces": len(faces),
        "clean_faces": int(clean.sum()),
        "output": output,
        "outputs": {name: _both(logits, name, card, faces, clean) for name in known},
        "per_class": {name: column.tolist() for name, column in per_class(probs, faces.labels).items()},
        "averages": averages(probs, faces.labels),
        "confusion": confusion(probs, faces.labels).tolist(),
        "stress": _under_stress(net, card, faces, output),
        "ms_per_face": ms_per_face(EmotionClassifier(TorchEngine(net), card, output)),
    }
    if faces.votes.any() and (ferplus := heads(logits)[1]) is not None:
        clear, majority = ferplus_majority(faces.votes)
        result["ferplus_majority"] = measure(ferplus.softmax(dim=1).numpy()[clear], majority)
        result["ferplus_majority"]["faces"] = int(clear.sum())
        result["seven_majority"] = _against_majority(probs, faces, clean)
    return result, probs


def _both(
    logits: Tensor, output: str, card: ModelCard, faces: Faces, clean: NDArray[np.bool_]
) -> dict[str, dict[str, float]]:
    """Return an output's figures on all faces, and on the clean ones if there are any."""
    probs = to_probabilities(logits.numpy(), output, card.calibration)
    figures = {"all": measure(probs, faces.labels)}
    if clean.any():
        figures["clean"] = measure(probs[clean], faces.labels[clean])
    return figures


def _against_majority(probs: NDArray[np.float32], faces: Faces, clean: NDArray[np.bool_]) -> dict[str, float]:
    """Return the figures of probs (n, 7) against the strict FER+ majority on the clean faces."""
    chosen, majority = majority_of(faces.select(clean))
    figures = measure(probs[clean][chosen], majority)
    return figures | {"balanced": majority_accuracy(probs[clean], faces.select(clean)), "faces": len(majority)}


def _under_stress(net: nn.Module, card: ModelCard, faces: Faces, output: str) -> dict[str, float]:
    """Return an output's accuracy under each of STRESSES."""
    accuracy = {}
    for stress in STRESSES:
        changed = Faces(stressed(faces.images, stress), faces.labels, faces.votes)
        probs = to_probabilities(predict_logits(net, changed).numpy(), output, card.calibration)
        accuracy[stress] = measure(probs, faces.labels)["accuracy"]
    return accuracy


def ms_per_face(classifier: EmotionClassifier) -> float:
    """Return the median time in ms from a 640x480 image to one face's probabilities, on one CPU thread."""
    gray = np.random.default_rng(0).integers(0, 256, (480, 640), dtype=np.uint8)
    box = np.array([[200, 100, 360, 260]])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = []
        for _ in range(TIMED):
            started_s = time.perf_counter()
            classifier.predict(gray, box)
            times.append(time.perf_counter() - started_s)
    finally:
        torch.set_num_threads(threads)
    return float(np.median(times)) * 1000


def main(argv: list[str] | None = None) -> int:
    """Measure a weights file and write the report; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("weights", type=Path, help="weights file of the network")
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of train/ and test/")
    parser.add_argument(
        "--by",
        type=_kinds,
        metavar="KIND,...",
        help="names of the folder's levels, or of the columns of its faces.csv",
    )
    parser.add_argument("--ferplus", type=Path, help="votes of FER+, fer2013new.csv")
    parser.add_argument(
        "--split", default="PublicTest", choices=SPLITS, help="faces to measure on (default: PublicTest)"
    )
    parser.add_argument(
        "--output", default="shipped", choices=OUTPUTS, help="output reported in detail (default: shipped)"
    )
    add_spec_arguments(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/evaluation"),
        help="folder of the report (default: runs/evaluation)",
    )
    args: Any = parser.parse_args(argv)
    try:
        net, card = load_net(args.weights, spec_of(args))
        return _report_by_name(net, card, args) if args.by else _report(net, card, args)
    except (WeightsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _kinds(text: str) -> tuple[str, ...]:
    """Return the words of a comma-separated list; argparse's error for an empty one or one that repeats."""
    kinds = tuple(kind.strip() for kind in text.split(","))
    if not all(kinds) or len(set(kinds)) < len(kinds):
        raise argparse.ArgumentTypeError(f"needs different names, separated by commas, not {text!r}")
    return kinds


def _report_by_name(net: nn.Module, card: ModelCard, args: Any) -> int:
    """Print and write the figures of faces with names; raises ValueError."""
    named = load_named(args.data, args.by)
    probs = to_probabilities(predict_logits(net, named.faces).numpy(), args.output, card.calibration)
    figures = evaluate_by(probs, named, Settings().unsure_below)
    title = f"{args.weights.name} on {args.data}, {args.output} output, one forward pass per face"
    print(title)
    print(evaluate_by_text(figures))
    people = named.names.get(PERSON)
    rest = None if people is None else evaluate_rest(probs, named.faces.labels, people)
    if rest:
        print(f"\n{rest_text(rest)}")
        figures["rest"] = rest
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "evaluation.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    write_picture(args.out / "by_name.png", title, figures)
    print(f"picture in {args.out / 'by_name.png'}")
    return 0


def _report(net: nn.Module, card: ModelCard, args: Any) -> int:
    """Print and write the figures of a split; raises ValueError."""
    faces = load_faces(args.data, args.split, args.ferplus)
    training = load_faces(args.data, "Training")
    clean = ~near_duplicates(faces.images, training.images)
    figures, probs = evaluate(net, card, faces, clean, args.output)
    title = f"{args.weights.name} on {args.split}, one forward pass per face"
    print(title)
    print(as_text(figures))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "evaluation.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    write_report(args.out / "evaluation.html", title, figures, probs, faces.labels)
    print(f"report in {args.out / 'evaluation.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
