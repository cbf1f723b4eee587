"""Measure a weights file on FER2013: python -m training.evaluate WEIGHTS --data fer2013.csv.

The figures are printed and written to evaluation.json, and with plots to evaluation.html. --data FOLDER --by
source,person measures faces from other sources by group (see training.named), with plots in by_name.png.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

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
from training.inference import ms_per_face, predict_logits, predict_probs
from training.losses import heads
from training.metrics import by_emotion, confusion, ferplus_majority, measure
from training.named import PERSON, load_named
from training.plots import evaluation_plot, write_page
from training.stress import STRESSES, stressed
from vision.emotions import EMOTIONS


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
    ferplus = heads(logits)[1]
    by_output = {
        name: to_probabilities(logits.numpy(), name, card.calibration)
        for name in (OUTPUTS if ferplus is not None else OUTPUTS[:2])
    }
    parts = {"all": np.ones_like(clean)} | ({"clean": clean} if clean.any() else {})
    stresses = {stress: replace(faces, images=stressed(faces.images, stress)) for stress in STRESSES}
    result: dict[str, Any] = {
        "faces": len(faces),
        "clean_faces": int(clean.sum()),
        "output": output,
        "outputs": {
            name: {part: measure(each[chosen], faces.labels[chosen]) for part, chosen in parts.items()}
            for name, each in by_output.items()
        },
        "by_emotion": by_emotion(probs, faces.labels),
        "confusion": confusion(probs, faces.labels).tolist(),
        "stress": {
            stress: measure(predict_probs(net, card, changed, output), faces.labels)["accuracy"]
            for stress, changed in stresses.items()
        },
        "ms_per_face": ms_per_face(EmotionClassifier(TorchEngine(net), card, output))[0],
    }
    if faces.votes.any() and ferplus is not None:
        clear, majority = ferplus_majority(faces.votes)
        result["ferplus_majority"] = measure(ferplus.softmax(dim=1).numpy()[clear], majority)
        result["ferplus_majority"]["faces"] = int(clear.sum())
        result["seven_majority"] = _against_majority(probs, faces, clean)
    return result, probs


def _against_majority(probs: NDArray[np.float32], faces: Faces, clean: NDArray[np.bool_]) -> dict[str, float]:
    """Return the figures of probs (n, 7) against the strict FER+ majority on the clean faces."""
    chosen, majority = majority_of(faces.select(clean))
    figures = measure(probs[clean][chosen], majority)
    return figures | {"balanced": majority_accuracy(probs[clean], faces.select(clean)), "faces": len(majority)}


def as_text(figures: dict[str, Any]) -> str:
    """Return the figures of `evaluate` as lines for a terminal."""
    lines = [f"{'output':10}{'faces':>8}{'accuracy':>18}{'macro-F1':>10}{'ECE':>8}{'loss':>8}"]
    for output, parts in figures["outputs"].items():
        for part, m in parts.items():
            lines.append(
                f"{output:10}{part:>8}{_accuracy(m):>18}{m['macro_f1']:10.4f}{m['ece']:8.4f}{m['loss']:8.4f}"
            )
    if "ferplus_majority" in figures:
        m = figures["ferplus_majority"]
        lines.append(f"FER+ majority, eight classes, FER+ head, {m['faces']} faces: {_accuracy(m)}")
        m = figures["seven_majority"]
        lines.append(
            f"FER+ majority, seven classes, {figures['output']} output, {m['faces']} clean faces: "
            f"{_accuracy(m)}, balanced {m['balanced']:.4f}, ECE {m['ece']:.4f}"
        )
    lines += ["", f"the {figures['output']} output in detail, rows are labels:", *_tables(figures), ""]
    whole = figures["outputs"][figures["output"]]["all"]["accuracy"]
    for name, accuracy in figures["stress"].items():
        lines.append(f"{name:20} accuracy {accuracy:.4f}, {whole - accuracy:+.4f} lost")
    lines.append(f"{figures['ms_per_face']:.2f} ms per face on one thread, crop included")
    return "\n".join(lines)


def _accuracy(figures: dict[str, float]) -> str:
    return f"{figures['accuracy']:.4f} ± {figures['accuracy_se']:.4f}"


def _tables(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the confusion matrix, and of each emotion's figures."""
    yield f"{'':12}" + "".join(f"{name:>10}" for name in EMOTIONS)
    for name, row in zip(EMOTIONS, figures["confusion"], strict=True):
        yield f"{name:12}" + "".join(f"{count:10}" for count in row)
    yield ""
    columns = ("precision", "recall", "f1-score", "auc")
    yield f"{'':12}" + "".join(f"{column:>10}" for column in (*columns, "faces"))
    for name, row in figures["by_emotion"].items():
        shares = (f"{row[column]:10.3f}" if column in row else " " * 10 for column in columns)
        yield f"{name:12}{''.join(shares)}{row['support']:10.0f}"


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
    probs = predict_probs(net, card, named.faces, args.output)
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
    title = f"{args.weights.name} on {args.split} of {args.data.name}, one forward pass per face"
    print(title)
    print(as_text(figures))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "evaluation.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    plot = evaluation_plot(title, np.array(figures["confusion"]), probs, faces.labels)
    write_page(args.out / "evaluation.html", title, as_text(figures), plot)
    print(f"report in {args.out / 'evaluation.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
