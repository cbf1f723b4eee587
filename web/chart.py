"""Charts of a session as SVG paths, one for each emotion; templates/session_chart.html draws them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from recording.history import MeanProbs, Summary
from vision.emotions import EMOTIONS
from web.moments import Stretch

MAX_BINS = 120  # that a session is divided into
MAX_LINES = 1000  # in a chart, which is about as many pixels wide


@dataclass(frozen=True)
class TimeBins:
    """The bins of a session from first_s since it began: count of length_s each, the charts' unit of x."""

    count: int
    length_s: int
    first_s: int = 0

    @classmethod
    def of(cls, summary: Summary, stretch: Stretch | None = None) -> "TimeBins":
        """Return at most MAX_BINS equal parts of whole seconds that cover the session, or a stretch of it."""
        whole = (
            summary.ended_unix_ms - summary.started_unix_ms
        ) // 1000 + 1  # the second that has begun counts
        seconds = len(stretch.seconds) if stretch else whole
        length_s = -(-seconds // MAX_BINS)
        return cls(-(-seconds // length_s), length_s, stretch.first if stretch else 0)

    def x(self, seconds: float) -> float:
        """Return the place of a moment, in s since the session began."""
        return round((seconds - self.first_s) / self.length_s, 3)

    def ticks(self, parts: int) -> list[float]:
        """Return the moments, in s since the session began, that divide the bins into so many equal parts."""
        return [self.first_s + self.count * self.length_s * part / parts for part in range(parts + 1)]

    def clip(self, means: Iterable[MeanProbs]) -> list[MeanProbs]:
        """Return the means within the session; a clock that was set back puts some before its start."""
        return [mean for mean in means if 0 <= mean.bin < self.count]


def stacked(means: Sequence[MeanProbs]) -> dict[str, str]:
    """Return each emotion's path in a stack of mean probabilities, 100 high, to be drawn in this order.

    Each reaches to the bottom and the next covers it, so that rounding leaves no gaps between them.
    """
    paths: dict[str, list[str]] = {name: [] for name in EMOTIONS}
    for mean in means:
        top = 0.0
        scale = 100 / (sum(mean.probs) or 1)
        for name, prob in zip(EMOTIONS, mean.probs, strict=True):
            paths[name].append(_block(mean.bin, top, 100 - top))
            top = min(top + prob * scale, 100)
    return {name: "".join(blocks) for name, blocks in paths.items()}


def edges(means: Sequence[MeanProbs]) -> str:
    """Return the path of the lines between the bands of the stack, without those at its ends."""
    path = []
    for mean in means:
        top, scale = 0.0, 100 / (sum(mean.probs) or 1)
        for prob in mean.probs[:-1]:
            top += prob * scale
            path.append(f"M{mean.bin} {min(top, 100):.4g}h1")
    return "".join(path)


def areas(means: Sequence[MeanProbs]) -> dict[str, str]:
    """Return each emotion's mean probability over time as an area of its own, 100 high."""
    return {
        name: "".join(
            _block(mean.bin, 100 - 100 * mean.probs[column], 100 * mean.probs[column]) for mean in means
        )
        for column, name in enumerate(EMOTIONS)
    }


def lines(places: Iterable[float], gap: float = 0.0) -> str:
    """Return the path of lines from top to bottom at places of x, in order; none within gap of the last."""
    path, last = [], -math.inf
    for place in places:
        if place - last >= gap:
            path.append(f"M{place:g} 0v100")
            last = place
    return "".join(path)


def ribbon(labels: Mapping[int, str]) -> dict[str, str]:
    """Return the path of each label, given by bin; the ribbon is 1 high."""
    paths: dict[str, str] = {}
    for number, name in sorted(labels.items()):
        paths[name] = paths.get(name, "") + _block(number, 0, 1)
    return paths


def overall_means(means: Sequence[MeanProbs]) -> dict[str, float]:
    """Return each emotion's mean probability over all sightings; zeros if there are none."""
    total = sum(mean.sightings for mean in means) or 1
    return {
        name: sum(mean.sightings * mean.probs[column] for mean in means) / total
        for column, name in enumerate(EMOTIONS)
    }


def _block(number: int, top: float, height: float) -> str:
    return f"M{number} {top:.4g}h1v{height:.4g}h-1z"
