"""The pictures of a data set's report, as data URLs: plots for a light and a dark page, and sheets of faces."""

import base64
import io
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import cv2
import matplotlib
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nn.emotion_net import FERPLUS
from training.explore_figures import BINS, Agreement, Classes, Detection, Levels, Values, by_emotion, light_of
from vision.emotions import DETAILS, EMOTIONS

WIDTH = 4.8  # inches, so that letters are as large as the page's on a phone
DPI = 180
SHEET_COLUMNS = 8
MAX_POINTS = 1500  # of an emotion in a scatter
LIGHT = {"ink": "#1c2024", "soft": "#5b6570", "ground": "#ffffff", "line": "#dde1e6", "map": "Blues"}
DARK = {"ink": "#e8eaed", "soft": "#a0a8b1", "ground": "#1d2125", "line": "#31373d", "map": "mako"}
SPLIT_COLOURS = ("#2b7bba", "#e6a700", "#8856a7")

Colours = dict[str, str]
Draw = Callable[[Axes, Colours], None]


class Picture(NamedTuple):
    """A picture of the report: its data URLs for a light and a dark page, and its caption."""

    light: str
    dark: str
    caption: str


def plot(draw: Draw, height: float, caption: str) -> Picture:
    """Return a plot that `draw` draws into axes, for a light and a dark page; height is in inches."""
    return Picture(_render(draw, height, LIGHT), _render(draw, height, DARK), caption)


def _render(draw: Draw, height: float, colours: Colours) -> str:
    """Return a plot in these colours as a data URL."""
    style: dict[Any, Any] = {
        "font.size": 9.5,
        "text.color": colours["ink"],
        "figure.facecolor": colours["ground"],
        "axes.facecolor": colours["ground"],
        "axes.edgecolor": colours["line"],
        "axes.labelcolor": colours["soft"],
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "xtick.color": colours["soft"],
        "ytick.color": colours["soft"],
        "grid.color": colours["line"],
        "legend.frameon": False,
    }
    with matplotlib.rc_context(style):
        # without pyplot, which has global state and windows, and savefig, which draws everything twice
        canvas = FigureCanvasAgg(Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained"))
        draw(canvas.figure.add_subplot(), colours)
        buffer = io.BytesIO()
        canvas.print_png(buffer)  # type: ignore[no-untyped-call]  # matplotlib has no types there
    return data_url(buffer.getvalue())


def data_url(png: bytes) -> str:
    """Return a PNG as a data URL."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def sheet(images: NDArray[np.uint8], caption: str) -> Picture:
    """Return a sheet of faces (n, 48, 48) uint8, SHEET_COLUMNS to a row, whole rows only."""
    columns = min(len(images), SHEET_COLUMNS)
    rows = len(images) // columns
    _, height, width = images.shape
    tiles = images[: rows * columns].reshape(rows, columns, height, width)
    _, png = cv2.imencode(".png", tiles.swapaxes(1, 2).reshape(rows * height, columns * width))
    url = data_url(png.tobytes())
    return Picture(url, url, caption)


def sizes_plot(classes: Classes) -> Picture:
    """Plot the number of faces in each split."""

    def draw(axes: Axes, _colours: Colours) -> None:
        sizes = [sum(counts.values()) for counts in classes.counts.values()]
        bars = axes.barh(list(classes.counts), sizes, color=SPLIT_COLOURS[: len(sizes)])
        axes.bar_label(bars, [f" {size:,}" for size in sizes])
        axes.margins(x=0.15)
        axes.invert_yaxis()
        axes.set(xlabel="faces")

    return plot(draw, 0.8 + 0.4 * len(classes.counts), "The size of each split")


def classes_plot(classes: Classes) -> Picture:
    """Plot each class's share of each split."""

    def draw(axes: Axes, _colours: Colours) -> None:
        width = 0.8 / len(classes.counts)
        for number, split in enumerate(classes.counts):
            shares = [100 * classes.share(split, name) for name in EMOTIONS]
            x = np.arange(len(EMOTIONS)) + (number + 0.5) * width - 0.4
            axes.bar(x, shares, width, color=SPLIT_COLOURS[number], label=split)
        axes.set(xticks=range(len(EMOTIONS)), xticklabels=EMOTIONS, ylabel="% of the split")
        axes.grid(axis="y")
        axes.legend(loc="upper left")

    return plot(draw, 2.8, "Each class's share of each split")


def affect_plot(
    affect: NDArray[np.float32], labels: NDArray[np.int64], means: Mapping[str, tuple[float, float]]
) -> Picture:
    """Plot the faces' valence and arousal (n, 2) by emotion, MAX_POINTS of each at most, and the means."""

    def draw(axes: Axes, colours: Colours) -> None:
        for name, points in by_emotion(affect, labels).items():
            axes.scatter(
                points[:MAX_POINTS, 0],
                points[:MAX_POINTS, 1],
                s=4,
                alpha=0.3,
                color=DETAILS[name].colour,
                linewidths=0,
            )
        for name, mean in means.items():
            axes.scatter(*mean, s=90, color=DETAILS[name].colour, edgecolor=colours["ink"], label=name)
        axes.set(xlabel="valence", ylabel="arousal", xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal")
        axes.grid()
        axes.legend(fontsize="small", loc="lower left")

    return plot(draw, 4.4, "Valence and arousal as annotated; the large points are each class's mean")


def levels_plot(levels: Levels) -> Picture:
    """Plot the distribution of the gray levels, a line for each emotion."""

    def draw(axes: Axes, _colours: Colours) -> None:
        middles = (np.arange(BINS) + 0.5) * 256 / BINS
        for name, shares in levels.shares.items():
            axes.plot(middles, 100 * np.array(shares), color=DETAILS[name].colour, label=name, linewidth=1.6)
        axes.set(xlabel="gray level of a pixel", ylabel="% of the pixels", xlim=(0, 256), ylim=(0, None))
        axes.grid(axis="y")
        axes.legend(ncols=2, loc="lower center")

    return plot(draw, 3.2, "Pixel values by emotion")


def light_plots(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> list[Picture]:
    """Plot the brightness and the contrast of faces (n, 48, 48) uint8 by emotion."""
    brightness, contrast = light_of(images)
    return [
        _boxes(by_emotion(brightness, labels), "mean of a face's pixels", "Brightness by emotion"),
        _boxes(by_emotion(contrast, labels), "deviation of a face's pixels", "Contrast by emotion"),
    ]


def _boxes(values: dict[str, Values], label: str, caption: str) -> Picture:
    """Return a box plot of values by emotion."""

    def draw(axes: Axes, colours: Colours) -> None:
        line = {"color": colours["soft"]}
        drawn = axes.boxplot(
            list(values.values()),
            whis=(5, 95),
            showfliers=False,
            widths=0.6,
            patch_artist=True,
            medianprops={"color": colours["ink"]},
            whiskerprops=line,
            capprops=line,
        )
        for box, name in zip(drawn["boxes"], values, strict=True):
            box.set(facecolor=DETAILS[name].colour, edgecolor="none")
        axes.set(xticks=range(1, len(values) + 1), xticklabels=list(values), ylabel=label, ylim=(0, None))
        axes.grid(axis="y")

    return plot(draw, 2.8, f"{caption}: half of the faces are in the box, nine in ten between the ends")


def agreement_plot(agreement: Agreement) -> Picture:
    """Plot FER+'s majorities for the faces of each label, as % of the label's faces."""

    def draw(axes: Axes, colours: Colours) -> None:
        counts = np.array([list(row.values()) for row in agreement.counts.values()])
        shares = 100 * counts / counts.sum(axis=1, keepdims=True)
        names = {"xticklabels": FERPLUS, "yticklabels": list(agreement.counts)}
        sns.heatmap(shares, annot=True, fmt=".0f", cmap=colours["map"], cbar=False, ax=axes, **names)
        axes.set(xlabel="FER+ majority", ylabel="FER2013 label")
        axes.tick_params(axis="x", rotation=40, length=0)
        axes.tick_params(axis="y", rotation=0, length=0)

    return plot(draw, 3.8, "What most voters say of the faces of each label, in % of the label's faces")


def detection_plot(found: Detection) -> Picture:
    """Plot the share of each emotion's faces that each detector finds, with two standard errors."""

    def draw(axes: Axes, colours: Colours) -> None:
        names, width = list(found.weights), 0.8 / len(found.counts)
        for number, title in enumerate(found.counts):
            places = np.arange(len(names)) + (number - (len(found.counts) - 1) / 2) * width
            shares = [100 * found.share(title, name) for name in names]
            errors = [200 * found.error(title, name) for name in names]
            tints = [DETAILS[name].colour for name in names]
            soft = colours["soft"]
            bars = axes.bar(places, shares, width * 0.95, yerr=errors, color=tints, ecolor=soft, capsize=3)
            for bar in bars:
                bar.set_alpha(1.0 if number else 0.5)
        axes.set(xticks=range(len(names)), xticklabels=names, ylabel="% found", ylim=(0, 105))
        axes.grid(axis="y")

    order = ", then ".join(found.counts)
    return plot(draw, 2.8, f"Faces found once and well cut, by {order}; the lines are two standard errors")
