"""Numbers in a query, and the pages of a long list."""

from dataclasses import dataclass

from flask import abort, request

from texts import shorten

MAX_NUMBER = 2**31 - 1  # that a database takes
MAX_DIGITS = 20


@dataclass(frozen=True)
class Page:
    """One page of a list of count rows: number of last pages, with the rows from number first on."""

    number: int
    last: int
    size: int
    count: int

    @property
    def first(self) -> int:
        """Return the number of its first row, counted from 0."""
        return (self.number - 1) * self.size

    @classmethod
    def requested(cls, count: int, size: int) -> "Page":
        """Return the page, ?page=, of a list of count rows; answers 400 or 404 if there is none."""
        number, last = query_number("page", 1), max(-(-count // size), 1)
        if number > last:
            abort(404, f"There is no page {number}; the last one is {last}.")
        return cls(number, last, size, count)


def query_number(name: str, default: int) -> int:
    """Return the number from 1 in the query, or the default; answers 400 if it is none."""
    text = request.args.get(name)
    if text is None:
        return default
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else 0
    if not 0 < value <= MAX_NUMBER:
        abort(400, f"{name} must be a number from 1, not “{shorten(text)}”.")
    return value
