"""ZIPs, friendly and hostile: read in memory, entry by entry."""

import io
import struct
import tracemalloc
import warnings
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.files import zip_of
from uploads import archives
from uploads.archives import Archive, ArchiveError, is_zip


def read(data: bytes, **limits: int) -> list[tuple[str, bytes | str]]:
    """Return each entry's name with its bytes, or with the sentence that says why there are none."""
    files = Archive(io.BytesIO(data), 100, **limits).files()
    return [(file.name, str(file.problem) if file.problem else file.data) for file in files]


def test_entries_come_in_their_order_without_what_systems_add() -> None:
    data = zip_of(
        ("b.jpg", b"1"), ("in/a.jpg", b"2"), ("__MACOSX/._b.jpg", b"x"), ("in/.DS_Store", b"x"), ("empty/", b"")
    )
    assert is_zip(data)
    assert read(data) == [("b.jpg", b"1"), ("in/a.jpg", b"2")]


def test_a_name_that_climbs_out_is_only_a_name() -> None:
    assert read(zip_of(("../../etc/passwd", b"1"), ("/abs.jpg", b"2"), ("C:\\x.jpg", b"3"))) == [
        ("../../etc/passwd", b"1"),
        ("/abs.jpg", b"2"),
        ("C:\\x.jpg", b"3"),
    ]


def test_an_entry_without_a_name_is_an_entry() -> None:
    data = bytearray(zip_of(("a", b"1")))
    for signature, lengths_at in ((b"PK\x03\x04", 26), (b"PK\x01\x02", 28)):
        at = data.index(signature) + lengths_at
        data[at : at + 4] = b"\x00\x00\x01\x00"  # the name's one byte is said to be something else
    assert read(bytes(data)) == [("", b"1")]


def test_a_zip_within_the_zip_is_not_opened() -> None:
    data = zip_of(("inner.jpg", zip_of(("a.jpg", b"1"))), ("a.jpg", b"2"))
    assert read(data) == [("inner.jpg", "It is a ZIP within the ZIP; send it separately."), ("a.jpg", b"2")]


def test_a_video_within_the_zip_is_not_read() -> None:
    video, avif = b"\x00\x00\x00\x18ftypisom" + bytes(300), b"\x00\x00\x00\x18ftypavif" + bytes(300)
    entries = read(zip_of(("clip.jpg", video), ("a.avif", avif)))
    assert entries == [("clip.jpg", "It is a video within the ZIP; send it separately."), ("a.avif", avif)]


def test_an_encrypted_entry_says_so() -> None:
    data = bytearray(zip_of(("a.jpg", b"1234")))
    for signature, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags_at] |= 1
    assert read(bytes(data)) == [("a.jpg", "It is encrypted.")]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_that_may_ask_for_much_memory_is_refused(method: int) -> None:
    [(_, problem)] = read(zip_of(("a.jpg", bytes(5000)), method=method))
    assert problem == "Its compression is not supported; pack it as an ordinary ZIP."


def test_an_entry_that_unpacks_to_far_more_than_a_picture_is_stopped() -> None:
    bomb = bytes(archives.RATIO_COUNTS_FROM * 3)
    assert read(zip_of(("bomb.bmp", bomb), ("a.jpg", b"1"))) == [
        ("bomb.bmp", "It is too large for a picture when unpacked."),
        ("a.jpg", b"1"),
    ]


def test_an_entry_over_the_limit_is_stopped() -> None:
    data = zip_of(("a.jpg", bytes(200_000)), method=zipfile.ZIP_STORED)
    [(_, problem)] = read(data, max_entry_bytes=100_000)
    assert str(problem).startswith("It is larger than")


def test_what_was_refused_is_not_kept_in_memory() -> None:
    bomb = bytes(archives.RATIO_COUNTS_FROM * 3)
    archive = Archive(io.BytesIO(zip_of(*((f"{number}.bmp", bomb) for number in range(5)))), 10)
    tracemalloc.start()
    files = list(archive.files())
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert all(file.problem for file in files)
    assert kept < archives.RATIO_COUNTS_FROM


def test_all_entries_together_have_a_limit_and_refused_ones_count() -> None:
    big, small = bytes(120_000), bytes(60_000)
    data = zip_of(("1", big), ("2", small), ("3", small), method=zipfile.ZIP_STORED)
    entries = read(data, max_entry_bytes=100_000, max_total_bytes=150_000)
    assert [str(sentence)[:13] for _, sentence in entries] == [
        "It is larger ",
        "The ZIP is to",
        "The ZIP is to",
    ]


def test_of_ten_thousand_entries_the_first_are_read_and_that_is_said() -> None:
    entries = [(f"{number:05}.jpg", b"") for number in range(10_000)]
    archive = Archive(io.BytesIO(zip_of(*entries, method=zipfile.ZIP_STORED)), 2000)
    assert len(archive) == len(list(archive.files())) == 2000
    assert archive.note == "The ZIP has 10,000 files; the first 2,000 were read."


def test_an_endless_list_of_entries_is_not_read_into_memory() -> None:
    size = archives.MAX_DIRECTORY_BYTES + 1
    data = bytes(size) + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 9, 9, size, 0, 0)
    with pytest.raises(ArchiveError, match="too many entries"):
        Archive(io.BytesIO(data), 10)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [(zip_of(), "empty"), (zip_of(("only/", b"")), "empty"), (b"PK\x03\x04 and then nothing", "damaged")],
)
def test_a_zip_without_files_or_without_an_end_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(ArchiveError, match=sentence):
        Archive(io.BytesIO(data), 10)


def test_names_of_all_kinds_are_shown() -> None:
    long = "x" * 300 + ".jpg"
    names = [name for name, _ in read(zip_of((long, b"1"), ("Füße/猫.jpg", b"2"), ("line\nbreak", b"3")))]
    assert len(names[0]) == 200
    assert names[1:] == ["Füße/猫.jpg", "line\N{REPLACEMENT CHARACTER}break"]


GOOD = zip_of(("a.jpg", b"picture " * 40), ("b/c.png", bytes(300)))


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_zip_gives_files_sentences_or_one_sentence(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(GOOD)
    for place, value in changes:
        damaged[place] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = read(bytes(damaged))
        except ArchiveError:
            return
    assert all(len(content) <= 400 for _, content in found)
