"""The figures of a network on faces with names: by source, by person, and of its answers that are sure."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.metrics import Labels, Probs, balanced_accuracy, measure
from training.named import NamedFaces

ALL = "all"
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(20))  # of unsure_below
SHOWN = 20  # groups of a kind in text and picture: those read worst


def evaluate_by(probs: Probs, named: NamedFaces, unsure_below: float) -> dict[str, Any]:
    """Return the figures of probs (n, 7) on all the faces, and of each name of each kind.

    "unsure" holds, for all and for each name of the first kind, the coverage and the accuracy at each of
    THRESHOLDS: the share of the faces whose emotion is then named, and that of these named rightly.
    """
    labels, groups = named.faces.labels, _groups(named)
    first = next(iter(named.names))
    curves = {ALL: unsure_curve(probs, labels)} | {
        name: unsure_curve(probs[chosen], labels[chosen]) for name, chosen in groups[first].items()
    }
    return {
        "unsure_below": unsure_below,
        ALL: figures_of(probs, labels, unsure_below),
        "by": {
            kind: {
                name: figures_of(probs[chosen], labels[chosen], unsure_below) for name, chosen in names.items()
            }
            for kind, names in groups.items()
        },
        "unsure": curves,
    }


def _groups(named: NamedFaces) -> dict[str, dict[str, NDArray[np.bool_]]]:
    """Return which faces (n,) bool have each name, by kind."""
    return {
        kind: {str(name): names == name for name in np.unique(names)} for kind, names in named.names.items()
    }


def figures_of(probs: Probs, labels: Labels, unsure_below: float) -> dict[str, float]:
    """Return what `measure` does, the accuracy balanced over the emotions there, and the sure answers' share.

    "named" is the share of the faces that are probable enough to be named, "named_accuracy" that of those
    named rightly, 0 without any.
    """
    ((_, coverage, accuracy),) = unsure_curve(probs, labels, (unsure_below,))
    return {
        "faces": len(labels),
        **measure(probs, labels),
        "balanced": balanced_accuracy(probs, labels),
        "named": coverage,
        "named_accuracy": accuracy,
    }


def unsure_curve(
    probs: Probs, labels: Labels, thresholds: tuple[float, ...] = THRESHOLDS
) -> list[tuple[float, float, float]]:
    """Return each threshold, the share of faces whose emotion is named from it on, and their accuracy."""
    right, top = probs.argmax(axis=1) == labels, probs.max(axis=1)
    named = [(threshold, top >= threshold) for threshold in thresholds]
    return [(at, float(sure.mean()), float(right[sure].mean()) if sure.any() else 0.0) for at, sure in named]


def as_text(figures: dict[str, Any]) -> str:
    """Return the figures of `evaluate_by` as lines for a terminal, the names that are read worst first."""
    heading = f"{'':32}{'faces':>7}{'accuracy':>18}{'balanced':>10}{'ECE':>8}{'named':>8}{'of them right':>15}"
    lines = [heading, _line(ALL, figures[ALL])]
    for kind, names in figures["by"].items():
        lines += ["", f"by {kind}: {len(names)}" + (f", the {SHOWN} read worst" if len(names) > SHOWN else "")]
        lines += [_line(name, row) for name, row in _worst(names)]
    lines += ["", "if less than this is unsure:  named  of them right"]
    lines += [f"{at:27.2f}{share:8.1%}{right:15.1%}" for at, share, right in figures["unsure"][ALL][::2]]
    return "\n".join(lines)


def _line(name: str, row: dict[str, float]) -> str:
    accuracy = f"{row['accuracy']:.4f} ± {row['accuracy_se']:.4f}"
    return (
        f"{name:32}{row['faces']:7}{accuracy:>18}{row['balanced']:10.4f}{row['ece']:8.4f}"
        f"{row['named']:8.1%}{row['named_accuracy']:15.1%}"
    )


def _worst(names: dict[str, dict[str, float]]) -> list[tuple[str, dict[str, float]]]:
    return sorted(names.items(), key=lambda item: item[1]["balanced"])[:SHOWN]


def write_picture(path: Path, title: str, figures: dict[str, Any]) -> None:
    """Draw coverage against accuracy for all and each name of the first kind, and each name's figures."""
    kind, names = next(iter(figures["by"].items()))
    worst = _worst(names)
    figure = Figure(figsize=(12, 5), layout="constrained")
    figure.suptitle(title)
    curve, bars = figure.subplots(1, 2)
    for name in (ALL, *(name for name, _ in worst)):
        points = [(share, right) for _, share, right in figures["unsure"][name] if share]
        curve.plot(*zip(*points, strict=True), ".-", label=name, linewidth=3 if name == ALL else 1)
    curve.set(xlabel="share of the faces that are named", ylabel="share of these named rightly", ylim=(0, 1))
    curve.legend(fontsize="small")
    rows, places = [(ALL, figures[ALL]), *worst], np.arange(len(worst) + 1)
    bars.barh(places - 0.2, [row["balanced"] for _, row in rows], 0.4, label="balanced accuracy")
    bars.barh(places + 0.2, [row["ece"] for _, row in rows], 0.4, label="calibration error")
    bars.set(yticks=places, yticklabels=[name for name, _ in rows], xlim=(0, 1), title=f"by {kind}")
    bars.legend(loc="center right")
    figure.savefig(path, dpi=110)
