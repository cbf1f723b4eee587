"""The plots of a training run, as PNG files, and of an evaluation, as a page."""

import base64
import io
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import ConfusionMatrixDisplay, RocCurveDisplay

from training.metrics import Labels, Probs, reliability
from vision.emotions import DETAILS, EMOTIONS

DPI = 110
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }}
  pre {{ overflow-x: auto; line-height: 1.35; }} img {{ max-width: 100%; }}
</style>
<h1>{title}</h1>
<p><img src="{url}" alt="Confusion matrix, ROC curves, and accuracy against confidence"></p>
<pre>{text}</pre>
</html>
"""


def write_plots(folder: Path, history: list[dict[str, Any]], best_epoch: int) -> None:
    """Write curves.png, and confusion.png of the best epoch, which is counted from 1.

    history is that of training.run.Run: an epoch's figures each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    curves_plot(history, best_epoch).savefig(folder / "curves.png", dpi=DPI)
    best = next((epoch for epoch in history if epoch["epoch"] == best_epoch), history[-1])
    figure = Figure(figsize=(6, 5.5), layout="constrained")
    axes = figure.add_subplot()
    draw_confusion(axes, np.array(best["confusion"]))
    axes.set_title(f"epoch {best['epoch']}: accuracy {best['accuracy']:.3f} on the validation faces")
    figure.savefig(folder / "confusion.png", dpi=DPI)


def curves_plot(history: list[dict[str, Any]], best_epoch: int) -> Figure:
    """Plot loss, accuracy and each emotion's recall by epoch."""
    figure = Figure(figsize=(13, 4), layout="constrained")
    loss, accuracy, recall = figure.subplots(1, 3)
    epochs = [epoch["epoch"] for epoch in history]
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        axes.plot(epochs, [epoch[f"training_{name}"] for epoch in history], ".-", label="training, augmented")
        axes.plot(epochs, [epoch[name] for epoch in history], ".-", label="validation")
        axes.axvline(best_epoch, color="gray", linestyle=":", label="written")
        axes.set(xlabel="epoch", ylabel=name)
        axes.legend()
    for name in EMOTIONS:
        shares = [epoch["recall"][name] for epoch in history]
        recall.plot(epochs, shares, ".-", color=DETAILS[name].colour, label=name)
    recall.set(xlabel="epoch", ylabel="recall", ylim=(0, 1))
    recall.legend(ncols=2, fontsize="small")
    return figure


def evaluation_plot(title: str, matrix: NDArray[np.int64], probs: Probs, labels: Labels) -> Figure:
    """Plot the confusion matrix (7, 7), and ROC and reliability of probs (n, 7) against labels (n,)."""
    figure = Figure(figsize=(18, 5.5), layout="constrained")
    figure.suptitle(title)
    confusion, roc, calibration = figure.subplots(1, 3)
    draw_confusion(confusion, matrix)
    draw_roc(roc, probs, labels)
    draw_reliability(calibration, probs, labels)
    return figure


def write_page(path: Path, title: str, text: str, figure: Figure) -> None:
    """Write a text and a figure as one HTML page, which needs nothing but itself."""
    page = PAGE.format(title=escape(title), text=escape(text), url=as_url(figure))
    path.write_text(page, encoding="utf-8")


def as_url(figure: Figure) -> str:
    """Return a figure as the data URL of a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return png_url(buffer.getvalue())


def png_url(png: bytes) -> str:
    """Return a PNG as a data URL."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def draw_confusion(axes: Axes, matrix: NDArray[np.int64]) -> None:
    """Draw the confusion matrix (7, 7), in shares of each row."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ConfusionMatrixDisplay(shares, display_labels=EMOTIONS).plot(
        ax=axes, cmap="Blues", colorbar=False, values_format=".2f", xticks_rotation=40
    )
    axes.set(xlabel="the network says", ylabel="label")


def draw_roc(axes: Axes, probs: Probs, labels: Labels) -> None:
    """Draw the ROC curve of each emotion that occurs among the labels, against the rest."""
    for i, name in enumerate(EMOTIONS):
        if 0 < (labels == i).sum() < len(labels):
            colour = {"color": DETAILS[name].colour}
            RocCurveDisplay.from_predictions(labels == i, probs[:, i], name=name, ax=axes, curve_kwargs=colour)
    axes.axline((0, 0), (1, 1), linestyle="--", color="gray", linewidth=1)
    axes.set(xlabel="false positive rate", ylabel="true positive rate")


def draw_reliability(axes: Axes, probs: Probs, labels: Labels) -> None:
    """Draw accuracy against confidence, and each bin's share of the faces as bars."""
    weight, confidence, accuracy = reliability(probs, labels)
    filled = weight > 0
    axes.bar(confidence[filled], weight[filled], width=0.05, color="lightgray", label="share of faces")
    axes.axline((0, 0), (1, 1), linestyle="--", color="gray", linewidth=1)
    axes.plot(confidence[filled], accuracy[filled], "o-", label="accuracy")
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left")
