"""The names in a ZIP whose flag does not say how they are encoded."""

import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from itertools import pairwise

UTF8_FLAG = 0x800
UNICODE_PATH = 0x7075  # the extra field with the name in UTF-8
DEFAULT_ENCODING = "cp437"  # as which zipfile reads a name without the flag
# Encodings of a region, each with the scripts that it is for; the first in which all names are words is taken.
REGIONS = (
    ("cp437", ("LATIN",)),
    ("cp850", ("LATIN",)),
    ("cp866", ("CYRILLIC",)),
    ("cp932", ("CJK", "HIRAGANA", "KATAKANA")),
    ("gbk", ("CJK",)),
    ("cp1252", ("LATIN",)),
    ("cp1251", ("CYRILLIC",)),
)


def entry_names(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Return the name of each entry.

    A name without the flag is read as its extra field says, else as UTF-8, else in the encoding of a region in
    which all such names of the ZIP are words, and cp437 where there is none.
    """
    names = {index: _certain_name(entry) for index, entry in enumerate(entries)}
    unknown = [index for index, name in names.items() if name is None]
    undeclared = [entries[index].filename.encode(DEFAULT_ENCODING) for index in unknown]
    encoding = next((name for name, scripts in REGIONS if _fits(undeclared, name, scripts)), DEFAULT_ENCODING)
    return [
        entry.filename.encode(DEFAULT_ENCODING).decode(encoding) if names[index] is None else names[index] or ""
        for index, entry in enumerate(entries)
    ]


def _certain_name(entry: zipfile.ZipInfo) -> str | None:
    """Return a name whose encoding is certain; None for another."""
    if entry.flag_bits & UTF8_FLAG or entry.filename.isascii():
        return entry.filename
    try:
        raw = entry.filename.encode(DEFAULT_ENCODING)
        return _unicode_path(entry.extra, raw) or raw.decode()
    except UnicodeError:
        return None


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Return the name in an extra field that was made for the raw name; None without one."""
    while len(extra) >= 4:
        kind, size = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and field[1:5] == zlib.crc32(raw).to_bytes(4, "little"):
            return field[5:].decode(errors="replace")
    return None


def _fits(raw_names: Sequence[bytes], encoding: str, scripts: tuple[str, ...]) -> bool:
    """Return whether all names, in an encoding, are words of its scripts."""
    try:
        return all(_is_words(raw.decode(encoding), scripts) for raw in raw_names)
    except UnicodeError:
        return False


def _is_words(name: str, scripts: tuple[str, ...]) -> bool:
    """Return whether each sign beyond ASCII is a letter of the scripts, in a word as people write it."""
    if not all(sign.isascii() or unicodedata.name(sign, "").startswith(scripts) for sign in name):
        return False
    return not any(_is_odd(one, other) for one, other in pairwise(name))


def _is_odd(one: str, other: str) -> bool:
    """Return whether two signs are not found one after the other in a word: oÖ, or letters of two scripts."""
    if not (one.isalpha() and other.isalpha()) or (one.isascii() and other.isascii()):
        return False
    if one.islower() and other.isupper():
        return True
    return one.isascii() != other.isascii() and not all(
        unicodedata.name(sign, "").startswith("LATIN") for sign in (one, other)
    )
