"""Texts that people give: what of them is shown and kept, and how much of them an error repeats."""

import unicodedata

MAX_SHOWN = 200  # characters of a file's name, or of what an error repeats
JOINERS = "\u200c\u200d"  # unseen, but they change how letters and parts of an emoji are drawn
# Controls, formats (such as those that turn the direction of writing), halves of a surrogate pair, line breaks.
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def clean(text: str) -> str:
    """Return a text on one line, without unseen characters, with one space between words, in NFC."""
    words = (_without_unseen(word).strip(JOINERS) for word in text.split())
    return unicodedata.normalize("NFC", " ".join(filter(None, words)))


def clean_lines(text: str) -> str:
    """Return a text with its lines, each without unseen characters, and without space around it, in NFC."""
    lines = (_without_unseen(line.replace("\t", " ")) for line in text.splitlines())
    return unicodedata.normalize("NFC", "\n".join(lines)).strip()


def clean_file_name(name: str) -> str:
    """Return a file's name as it may be shown: unseen characters are replaced, a long name is cut within."""
    shown = _without_unseen(name, "\N{REPLACEMENT CHARACTER}")
    return shown if len(shown) <= MAX_SHOWN else f"{shown[: MAX_SHOWN - 9]}…{shown[-8:]}"


def shorten(text: object) -> str:
    """Return a text as an error repeats it: no more than MAX_SHOWN characters of it."""
    shown = str(text)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[: MAX_SHOWN - 1]}…"


def _without_unseen(text: str, instead: str = "") -> str:
    # databases take neither NUL nor half of a surrogate pair; a turn would go on behind the text in a page
    return "".join(
        char if char in JOINERS or unicodedata.category(char) not in UNSEEN else instead for char in text
    )
