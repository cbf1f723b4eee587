"""The name, the note and the tags that people give a session, each kept short and printable."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

MAX_NAME = 120  # characters, as all of these
MAX_NOTE = 4000
MAX_TAG = 60
MAX_TAGS = 20
MAX_LABELS = 9  # one for each of the keys 1 to 9
MAX_LABEL = 100
TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # what follows reads the other way


class AboutError(ValueError):
    """A text is too long, or there are too many of them; the message is one sentence."""


@dataclass(frozen=True)
class About:
    """A session's name, note and tags, sorted; each may be empty."""

    name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str, note: str, tags: str) -> Self:
        """Return what a form gives, the tags separated by commas or lines; raises AboutError."""
        note = clean_lines(note)
        if len(note) > MAX_NOTE:
            raise AboutError(f"note must have at most {MAX_NOTE} characters, not {len(note)}.")
        return cls(clean("name", name, MAX_NAME), note, parse_tags(tags))

    def changed(self, given: Mapping[str, str]) -> Self:
        """Return this with the name, the note and the tags that are given as in `parse`; raises AboutError."""
        texts = {"name": self.name, "note": self.note, "tags": ",".join(self.tags)}
        return self.parse(**{field: given.get(field, text) for field, text in texts.items()})


def parse_tags(text: str) -> tuple[str, ...]:
    """Return the tags in a text, sorted and each once; raises AboutError."""
    tags = split("tags", text, MAX_TAG)
    if len(tags) > MAX_TAGS:
        raise AboutError(f"there must be at most {MAX_TAGS} tags, not {len(tags)}.")
    return tuple(sorted(tags))


def parse_labels(text: str) -> tuple[str, ...]:
    """Return the labels of the keys 1 to 9 in a text, in their order; raises AboutError."""
    labels = split("labels", text, MAX_LABEL)
    if len(labels) > MAX_LABELS:
        raise AboutError(f"there must be at most {MAX_LABELS} labels, one for each of the keys 1 to 9.")
    return labels


def split(field: str, text: str, most: int) -> tuple[str, ...]:
    """Return the parts of a text between commas or line breaks, each once; raises AboutError."""
    parts = (
        clean(f"each of the {field}", part, most) for line in text.splitlines() for part in line.split(",")
    )
    return tuple(dict.fromkeys(part for part in parts if part))


def clean(field: str, text: str, most: int) -> str:
    """Return a text on one line and without control characters; raises AboutError if it is too long."""
    text = " ".join(filter(None, map(_printable, text.split())))
    if len(text) > most:
        raise AboutError(f"{field} must have at most {most} characters, not {len(text)}.")
    return text


def clean_lines(text: str) -> str:
    """Return a text with its lines, without control characters and without space around it."""
    return "\n".join(_printable(line.replace("\t", " ")) for line in text.splitlines()).strip()


def _printable(text: str) -> str:
    # databases take neither NUL nor half of a surrogate pair; a turn would go on behind the text in a page
    return "".join(
        char
        for char in text
        if unicodedata.category(char) not in ("Cc", "Cs") and unicodedata.bidirectional(char) not in TURNS
    )
