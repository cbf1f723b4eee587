"""The plots and the sheets of faces in a data set's report."""

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nn.emotion_net import FERPLUS
from training.report import as_data_url, as_png
from vision.emotions import DETAILS, EMOTIONS

WIDTH = 7.2  # inches
SHEET_COLUMNS = 8
MAX_POINTS = 1500  # of an emotion in a scatter


class Picture(NamedTuple):
    """A picture of the report, as a data URL, and its caption."""

    url: str
    caption: str


def sheet(images: NDArray[np.uint8], caption: str) -> Picture:
    """Return a sheet of faces (n, 48, 48) uint8, SHEET_COLUMNS to a row, whole rows only."""
    columns = min(len(images), SHEET_COLUMNS)
    rows = len(images) // columns
    _, height, width = images.shape
    tiles = images[: rows * columns].reshape(rows, columns, height, width)
    _, png = cv2.imencode(".png", tiles.swapaxes(1, 2).reshape(rows * height, columns * width))
    return Picture(as_data_url(png.tobytes()), caption)


def _figure(height: float) -> Figure:
    return Figure(figsize=(WIDTH, height), layout="constrained")


def classes_plot(counts: Mapping[str, Mapping[str, int]]) -> Picture:
    """Plot each class's share of each split: counts[split][emotion]."""
    figure, width = _figure(2.8), 0.8 / len(counts)
    axes = figure.add_subplot(xticks=range(len(EMOTIONS)), xticklabels=EMOTIONS, ylabel="% of the split")
    for number, (split, of_split) in enumerate(counts.items()):
        shares = [100 * of_split[name] / sum(of_split.values()) for name in EMOTIONS]
        axes.bar(np.arange(len(EMOTIONS)) + (number + 0.5) * width - 0.4, shares, width, label=split)
    axes.legend(loc="upper left")
    return Picture(as_png(figure), "Each class's share of each split")


def affect_plot(points: Mapping[str, NDArray[np.float32]]) -> Picture:
    """Plot each emotion's valence and arousal (n, 2), MAX_POINTS at most, and their mean."""
    figure = _figure(4.4)
    axes = figure.add_subplot(
        xlabel="valence", ylabel="arousal", xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal"
    )
    for name, of_emotion in points.items():
        valence, arousal = of_emotion[:MAX_POINTS].T
        axes.scatter(valence, arousal, s=4, alpha=0.3, color=DETAILS[name].colour, linewidths=0)
    for name, of_emotion in points.items():
        valence, arousal = of_emotion.mean(axis=0)
        axes.scatter(valence, arousal, s=90, color=DETAILS[name].colour, edgecolor="black", label=name)
    axes.legend(fontsize="small", loc="lower left")
    return Picture(as_png(figure), "As annotated; the large points are each class's mean")


def light_plot(values: Mapping[str, NDArray[np.float64]], name: str) -> Picture:
    """Plot values by emotion as boxes."""
    figure = _figure(2.8)
    axes = figure.add_subplot(ylabel=name)
    drawn = axes.boxplot(list(values.values()), whis=(5, 95), showfliers=False, widths=0.6, patch_artist=True)
    for box, emotion in zip(drawn["boxes"], values, strict=True):
        box.set(facecolor=DETAILS[emotion].colour)
    axes.set(xticks=range(1, len(values) + 1), xticklabels=list(values), ylim=(0, None))
    return Picture(as_png(figure), f"{name}: half of the faces are in the box, nine in ten between the ends")


def agreement_plot(counts: Mapping[str, Mapping[str, int]]) -> Picture:
    """Plot FER+'s majorities for the faces of each label, as % of the label's faces: counts[label][class]."""
    figure = _figure(3.8)
    axes = figure.add_subplot()
    matrix = np.array([list(row.values()) for row in counts.values()])
    shares = 100 * matrix / matrix.sum(axis=1, keepdims=True)
    names = {"xticklabels": FERPLUS, "yticklabels": list(counts)}
    sns.heatmap(shares, annot=True, fmt=".0f", cmap="Blues", cbar=False, ax=axes, **names)
    axes.set(xlabel="FER+ majority", ylabel="FER2013 label")
    axes.tick_params(axis="x", rotation=40)
    return Picture(as_png(figure), "What most voters say of the faces of each label, in % of the label's faces")
