"""One rule says what is kept of a text that somebody gave, whatever it is the name of."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.about import MAX_NAME, MAX_NOTE, About, AboutError
from recording.markers import parse_label
from texts import MAX_SHOWN, UNSEEN, clean, clean_file_name, clean_lines, shorten
from vision.resting_face import RestRequest

TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
UNSEEN_ONES = f"{TURNS}\u200b\u2060\ufeff\u00ad\0\x1b\x7f\x9b\ud800\U000e0041"
BREAKS = "\n\r\t\x0b\x0c\x85\u2028\u2029"
SCIENTIST, PERSIAN = "👩\u200d🔬", "می\u200cخ"

# Ordinary letters among everything that is odd.
TEXTS = st.text(
    st.one_of(st.sampled_from(f"ab é e\u0301{UNSEEN_ONES}{BREAKS}\u200c\u200d👩🔬"), st.characters())
)


def is_seen(text: str, allowed: str = "") -> bool:
    """Return whether a text has no unseen characters but joiners and those allowed."""
    return all(unicodedata.category(char) not in UNSEEN or char in f"\u200c\u200d{allowed}" for char in text)


@given(TEXTS)
def test_a_clean_text_is_one_line_of_seen_characters(text: str) -> None:
    cleaned = clean(text)
    assert is_seen(cleaned)
    assert cleaned.split() == cleaned.split(" ") or not cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert clean(cleaned) == cleaned
    cleaned.encode("utf-8")


@given(TEXTS)
def test_clean_lines_stay_lines(text: str) -> None:
    cleaned = clean_lines(text)
    assert is_seen(cleaned, "\n")
    assert cleaned == cleaned.strip()
    assert unicodedata.is_normalized("NFC", cleaned)
    assert clean_lines(cleaned) == cleaned
    cleaned.encode("utf-8")


@given(TEXTS)
def test_any_file_name_can_be_shown(name: str) -> None:
    shown = clean_file_name(name)
    assert is_seen(shown)
    assert len(shown) == min(len(name), MAX_SHOWN)
    shown.encode("utf-8")


@given(TEXTS)
def test_every_name_follows_the_one_rule(text: str) -> None:
    """A name of a session, a tag, a marker's label and the name of a resting face are cleaned alike."""
    text = text.replace(",", "")[:15] + "x"  # NFC triples some letters
    wanted = clean(text)
    about = About.parse(text, "", "")
    request = RestRequest.parse({"track_id": 1, "action": "name", "name": text})
    assert {about.name, parse_label(text), request.name} == {wanted}
    assert About.parse("", "", " ".join(text.split())).tags == ((wanted,) if wanted else ())


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  two\n words\t ", "two words"),
        ("one\u2028two\u00a0three\u3000four", "one two three four"),
        (f"gpj{TURNS}.exe", "gpj.exe"),
        ("ze\u200bro\ufeff \u2060 wi\u00addth", "zero width"),
        (f"{SCIENTIST} {PERSIAN}", f"{SCIENTIST} {PERSIAN}"),
        ("\u200d \u200c", ""),
        ("👍🏽 ❤\ufe0f 🇦🇹", "👍🏽 ❤\ufe0f 🇦🇹"),
        ("Jose\u0301", "José"),
        ("a\0b\x1b[31m\ud800c", "ab[31mc"),
        ("Frühling 猫", "Frühling 猫"),
    ],
)
def test_what_stays_of_a_text(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_lengths_are_limited_in_characters_after_the_cleaning() -> None:
    assert About.parse("é" * MAX_NAME + "\u200b" * 99, "", "").name == "é" * MAX_NAME
    assert About.parse("e\u0301" * MAX_NAME, "", "").name == "é" * MAX_NAME
    with pytest.raises(AboutError, match=f"name must have at most {MAX_NAME} characters, not {MAX_NAME + 1}"):
        About.parse("é" * (MAX_NAME + 1), "", "")
    with pytest.raises(AboutError, match=f"note must have at most {MAX_NOTE} characters, not {MAX_NOTE + 1}"):
        About.parse("", "x" * (MAX_NOTE + 1), "")


def test_a_file_name_keeps_its_end_and_shows_where_something_unseen_was() -> None:
    assert clean_file_name("x" * 300 + ".jpeg").endswith("xxx.jpeg")
    assert clean_file_name("\u202egpj.exe") == "\N{REPLACEMENT CHARACTER}gpj.exe"
    assert (
        clean_file_name(f"two  words {SCIENTIST} 猫\u3000Frühling.jpg")
        == f"two  words {SCIENTIST} 猫\u3000Frühling.jpg"
    )


def test_an_error_repeats_only_the_beginning_of_a_long_text() -> None:
    assert shorten("x" * MAX_SHOWN) == "x" * MAX_SHOWN
    assert shorten("x" * 10_000_000) == "x" * (MAX_SHOWN - 1) + "…"
    assert shorten(10**300) == "1" + "0" * (MAX_SHOWN - 2) + "…"
