"""The page about the site: its pages, good pictures, the seven emotions, limits, privacy, how to cite."""

import re
from pathlib import Path
from typing import NamedTuple

from flask import Blueprint, render_template

from settings import VERSION
from vision.emotions import DETAILS, EMOTIONS

_SHIPPED = re.compile(r"^\| \*\*shipped\*\*[^|]*\| (?P<accuracy>[\d.]+) ± (?P<error>[\d.]+) %", re.MULTILINE)
_BY_EMOTION = re.compile(r"^The shipped output by emotion \(recall[^:]*:(?P<list>.*)", re.MULTILINE)
_RECALL = re.compile(r"(\w+) (\d\.\d+) /")


class Figures(NamedTuple):
    """A network's figures, shares of 0 to 1: its accuracy, the error of that, and each emotion's recall."""

    accuracy: float
    error: float
    recalls: dict[str, float]

    def worst(self) -> list[str]:
        """Return the two emotions that are found least often, the worst first."""
        return sorted(self.recalls, key=lambda name: self.recalls[name])[:2]


def read_figures(card: Path | None) -> Figures | None:
    """Return the figures in a model card (Markdown); None without a card, or where it has none."""
    if card is None or not card.is_file():
        return None
    text = card.read_text(encoding="utf-8")
    shipped, by_emotion = _SHIPPED.search(text), _BY_EMOTION.search(text)
    if not shipped or not by_emotion:
        return None
    recalls = {name: float(share) for name, share in _RECALL.findall(by_emotion["list"]) if name in EMOTIONS}
    if recalls.keys() != set(EMOTIONS):
        return None
    return Figures(float(shipped["accuracy"]) / 100, float(shipped["error"]) / 100, recalls)


def about_pages(card: Path | None) -> Blueprint:
    """Return the blueprint with /about, whose figures are those of the network's model card."""
    pages = Blueprint("about", __name__)

    @pages.get("/about")
    def index() -> str:
        """Show what the site is for."""
        return render_template(
            "about.html", emotions=DETAILS.values(), figures=read_figures(card), version=VERSION.split()[-1]
        )

    return pages
