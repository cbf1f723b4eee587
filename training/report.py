"""The figures of an evaluation as text, and as one HTML page with plots."""

import base64
import io
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from training.metrics import reliability
from vision.emotions import EMOTIONS

TEMPLATES = Path(__file__).parent / "templates"
DPI = 110
COLUMNS = ("precision", "recall", "f1", "auc", "support")
AVERAGED = ("precision", "recall", "f1", "support")


def as_text(figures: dict[str, Any]) -> str:
    """Return the figures of `training.evaluate.evaluate` as lines for a terminal."""
    lines = [f"{'output':10}{'faces':>8}{'accuracy':>18}{'macro-F1':>10}{'ECE':>8}{'loss':>8}"]
    for output, parts in figures["outputs"].items():
        for part, m in parts.items():
            accuracy = f"{m['accuracy']:.4f} ± {m['accuracy_se']:.4f}"
            lines.append(
                f"{output:10}{part:>8}{accuracy:>18}{m['macro_f1']:10.4f}{m['ece']:8.4f}{m['loss']:8.4f}"
            )
    if "ferplus_majority" in figures:
        m = figures["ferplus_majority"]
        lines.append(
            f"FER+ majority, eight classes, FER+ head, {m['faces']} faces: "
            f"{m['accuracy']:.4f} ± {m['accuracy_se']:.4f}"
        )
        m = figures["seven_majority"]
        lines.append(
            f"FER+ majority, seven classes, {figures['output']} output, {m['faces']} clean faces: "
            f"{m['accuracy']:.4f} ± {m['accuracy_se']:.4f}, balanced {m['balanced']:.4f}, ECE {m['ece']:.4f}"
        )
    lines += ["", f"the {figures['output']} output in detail:", "", _matrix(figures), "", _stress(figures)]
    lines.append(f"{figures['ms_per_face']:.2f} ms per face on one thread, crop included")
    return "\n".join(lines)


def _matrix(figures: dict[str, Any]) -> str:
    """Return the confusion matrix and each emotion's figures as a table."""
    rows = [" " * 10 + "".join(f"{name:>10}" for name in (*EMOTIONS, *COLUMNS))]
    for i, name in enumerate(EMOTIONS):
        counts = "".join(f"{count:10}" for count in figures["confusion"][i])
        shares = "".join(_cell(column, figures["per_class"][column][i]) for column in COLUMNS)
        rows.append(f"{name:10}{counts}{shares}")
    for kind, values in figures["averages"].items():
        shares = "".join(
            _cell(column, values[column]) if column in AVERAGED else " " * 10 for column in COLUMNS
        )
        rows.append(f"{kind + ' average':{10 + 10 * len(EMOTIONS)}}{shares}")
    return "\n".join(rows)


def _cell(column: str, value: float) -> str:
    """Return a figure as a cell of the table; a support is a number of faces."""
    return f"{value:10.0f}" if column == "support" else f"{value:10.3f}"


def _stress(figures: dict[str, Any]) -> str:
    """Return the accuracy under each stress, and its loss."""
    whole = figures["outputs"][figures["output"]]["all"]["accuracy"]
    return "\n".join(
        f"{name:20} accuracy {accuracy:.4f}, {whole - accuracy:+.4f} lost"
        for name, accuracy in figures["stress"].items()
    )


def write_report(
    path: Path, title: str, figures: dict[str, Any], probs: NDArray[np.floating], labels: NDArray[np.int64]
) -> None:
    """Write the HTML page, with the figures and with plots of probs (n, 7) against labels (n,)."""
    plots = {
        "Confusion: rows are labels, each sums to 1": confusion_plot(np.array(figures["confusion"])),
        "ROC: each emotion against the rest": roc_plot(probs, labels),
        "Reliability: is the network as often right as it says?": reliability_plot(probs, labels),
    }
    page = render(
        "evaluation.html",
        title=title,
        figures=figures,
        emotions=EMOTIONS,
        columns=COLUMNS[:-1],  # the support is the column of faces
        plots={name: as_png(figure) for name, figure in plots.items()},
    )
    path.write_text(page, encoding="utf-8")


def render(template: str, **values: Any) -> str:
    """Return the page of a template in training/templates with these values."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(template).render(values)


def as_png(figure: Figure) -> str:
    """Return a figure as the data URL of a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
    return as_data_url(buffer.getvalue())


def as_data_url(png: bytes) -> str:
    """Return a PNG as a data URL."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def confusion_plot(matrix: NDArray[np.int64]) -> Figure:
    """Plot the confusion matrix (7, 7), in shares of each row."""
    figure, axes = _axes()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    names = {"xticklabels": EMOTIONS, "yticklabels": EMOTIONS}
    sns.heatmap(shares, annot=True, fmt=".2f", cmap="Blues", cbar=False, ax=axes, **names)
    axes.set(xlabel="the network says", ylabel="label")
    return figure


def roc_plot(probs: NDArray[np.floating], labels: NDArray[np.int64]) -> Figure:
    """Plot the ROC curve of each emotion that occurs among the labels (n,)."""
    figure, axes = _axes()
    for i, name in enumerate(EMOTIONS):
        if 0 < (labels == i).sum() < len(labels):
            false, true, _ = roc_curve(labels == i, probs[:, i])
            axes.plot(false, true, label=name)
    axes.plot([0, 1], [0, 1], "--", color="gray", linewidth=1)
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    if len(axes.lines) > 1:
        axes.legend(loc="lower right")
    return figure


def reliability_plot(probs: NDArray[np.floating], labels: NDArray[np.int64]) -> Figure:
    """Plot accuracy against confidence, and each bin's share of the faces as bars."""
    figure, axes = _axes()
    weight, confidence, accuracy = reliability(probs, labels)
    filled = weight > 0
    axes.bar(confidence[filled], weight[filled], width=0.05, color="lightgray", label="share of faces")
    axes.plot([0, 1], [0, 1], "--", color="gray", linewidth=1)
    axes.plot(confidence[filled], accuracy[filled], "o-", label="accuracy")
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left")
    return figure


def _axes() -> tuple[Figure, Axes]:
    """Return a new figure and its axes."""
    figure = Figure(figsize=(6, 5))  # without pyplot, which has global state and windows
    return figure, figure.add_subplot()
