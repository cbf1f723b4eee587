"""Emotions and shares as the pages say them: “afraid”, 92%; the templates' filters."""

from flask import Flask

from vision.emotions import DETAILS


def add_filters(site: Flask) -> None:
    """Give a site's templates the filters adjective and percent."""
    for words in (adjective, percent):
        site.add_template_filter(words)


def adjective(name: str) -> str:
    """Return an emotion as people say it; any other name, as “unsure”, as it is."""
    details = DETAILS.get(name)
    return details.adjective if details else name


def percent(share: float) -> str:
    """Return a share of 0 to 1 as “92%”."""
    return f"{share:.0%}"
