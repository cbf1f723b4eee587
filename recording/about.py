"""The name, the note and the tags that people give a session, each kept short and printable."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from texts import clean, clean_lines

MAX_NAME = 120  # characters, as all of these
MAX_NOTE = 4000
MAX_TAG = 60
MAX_TAGS = 20
MAX_LABELS = 9  # one for each of the keys 1 to 9
MAX_LABEL = 100


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
        return cls(clean_field("name", name, MAX_NAME), note, parse_tags(tags))

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
    parts = [part for line in text.splitlines() for part in line.split(",")]
    cleaned = [clean_field(f"each of the {field}", part, most) for part in parts]
    return tuple(dict.fromkeys(filter(None, cleaned)))


def clean_field(field: str, text: str, most: int) -> str:
    """Return a text as `texts.clean` does; raises AboutError if it is too long."""
    text = clean(text)
    if len(text) > most:
        raise AboutError(f"{field} must have at most {most} characters, not {len(text)}.")
    return text
