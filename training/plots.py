"""The plots of a training run, as PNG files in its folder."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from training.report import confusion_plot
from vision.emotions import DETAILS, EMOTIONS


def write_plots(folder: Path, history: list[dict[str, Any]], best_epoch: int) -> None:
    """Write curves.png, and confusion.png of the best epoch, which is counted from 1.

    history is that of training.run.Run: an epoch's figures each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    curves_plot(history, best_epoch).savefig(folder / "curves.png", dpi=110, bbox_inches="tight")
    best = next((epoch for epoch in history if epoch["epoch"] == best_epoch), history[-1])
    figure = confusion_plot(np.array(best["confusion"]))
    figure.axes[0].set_title(f"epoch {best['epoch']}: accuracy {best['accuracy']:.3f} on the validation faces")
    figure.savefig(folder / "confusion.png", dpi=110, bbox_inches="tight")


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
