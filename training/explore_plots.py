"""The plots and the sheets of faces in a data set's report."""

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.plots import as_url, png_url
from vision.emotions import DETAILS, EMOTIONS

PLOT_INCHES = (7.2, 2.8)
SHEET_COLUMNS = 8
MAX_POINTS = 2000  # of a class


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
    return Picture(png_url(png.tobytes()), caption)


def classes_plot(counts: Mapping[str, NDArray[np.integer]]) -> Picture:
    """Plot each class's share of each split; counts are the faces (7,) of each class in a split."""
    figure, width = Figure(PLOT_INCHES, layout="constrained"), 0.8 / len(counts)
    axes = figure.add_subplot(xticks=range(len(EMOTIONS)), xticklabels=EMOTIONS, ylabel="% of the split")
    for number, (split, faces) in enumerate(counts.items()):
        places = np.arange(len(EMOTIONS)) + (number + 0.5) * width - 0.4
        axes.bar(places, 100 * faces / faces.sum(), width, label=split)
    axes.legend(loc="upper left")
    return Picture(as_url(figure), "Each class's share of each split")


def affect_plot(points: Mapping[str, NDArray[np.float32]]) -> Picture:
    """Plot each emotion's valence and arousal (n, 2), MAX_POINTS at most, and their mean."""
    figure, limits = Figure((4.6, 4.4), layout="constrained"), (-1.05, 1.05)
    axes = figure.add_subplot(xlabel="valence", ylabel="arousal", xlim=limits, ylim=limits, aspect="equal")
    for name, of_emotion in points.items():
        valence, arousal = of_emotion[:MAX_POINTS].T
        axes.scatter(valence, arousal, s=4, alpha=0.3, color=DETAILS[name].colour, linewidths=0)
    for name, of_emotion in points.items():
        valence, arousal = of_emotion.mean(axis=0)
        axes.scatter(valence, arousal, s=90, color=DETAILS[name].colour, edgecolor="black", label=name)
    axes.legend(fontsize="small", loc="lower left")
    return Picture(as_url(figure), "As annotated; the large points are each class's mean")


def light_plot(values: Mapping[str, NDArray[np.float64]], name: str) -> Picture:
    """Plot values by emotion as boxes."""
    figure = Figure(PLOT_INCHES, layout="constrained")
    axes = figure.add_subplot(ylabel=name)
    drawn = axes.boxplot(list(values.values()), whis=(5, 95), showfliers=False, widths=0.6, patch_artist=True)
    for box, emotion in zip(drawn["boxes"], values, strict=True):
        box.set(facecolor=DETAILS[emotion].colour)
    axes.set(xticks=range(1, len(values) + 1), xticklabels=list(values), ylim=(0, None))
    return Picture(as_url(figure), f"{name}: half of the faces are in the box, nine in ten between the ends")
