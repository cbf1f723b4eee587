"""The names in ZIPs are read as they were written, also where no flag says how."""

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.files import zip_of
from uploads.archives import Archive
from uploads.zip_names import UTF8_FLAG, entry_names


def zip_with(*raw_names: bytes, flag: int = 0, extra: bytes = b"") -> bytes:
    """Return a ZIP with an empty file for each name, its bytes as they are."""
    files, directory = b"", b""
    for name in raw_names:
        fields = struct.pack("<HHHHIIIHH", flag, 0, 0, 0x21, 0, 0, 0, len(name), len(extra))
        directory += b"PK\1\2" + struct.pack("<HH", 20, 20) + fields
        directory += struct.pack("<HHHII", 0, 0, 0, 0, len(files)) + name + extra
        files += b"PK\3\4" + struct.pack("<H", 20) + fields + name + extra
    ends = struct.pack("<HHHHIIH", 0, 0, len(raw_names), len(raw_names), len(directory), len(files), 0)
    return files + directory + b"PK\5\6" + ends


def names_of(data: bytes) -> list[str]:
    return [file.name for file in Archive(io.BytesIO(data), 100).files()]


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("utf-8", ["Größe.jpg", "sonrisa-niño.jpg", "写真.jpg"]),
        ("cp437", ["Größe.jpg", "café.jpg", "plain.jpg"]),
        ("cp850", ["blåbærgrød.jpg", "Ângela.jpg"]),
        ("cp1252", ["Größe.jpg", "niño.jpg", "café.jpg"]),
        ("cp866", ["Фото/Москва 1.jpg", "улыбка.jpg"]),
        ("cp1251", ["Фото.jpg", "Ёлка.jpg"]),
        ("cp932", ["写真.jpg", "笑顔_01.jpg", "カメラ.jpg"]),
        ("gbk", ["照片.jpg", "中文/笑脸.jpg"]),
    ],
)
def test_names_without_the_flag_are_read_as_they_were_written(encoding: str, names: list[str]) -> None:
    assert names_of(zip_with(*(name.encode(encoding) for name in names))) == names


def test_utf8_and_an_older_encoding_may_stand_in_one_zip() -> None:
    assert names_of(zip_with("Größe.jpg".encode(), "café.jpg".encode("cp437"))) == ["Größe.jpg", "café.jpg"]


def test_a_name_that_is_no_word_in_any_encoding_is_read_as_zips_are_by_default() -> None:
    assert names_of(zip_with(b"\xb0\xdb\xfe.jpg")) == [b"\xb0\xdb\xfe.jpg".decode("cp437")]


def test_the_extra_field_with_the_name_counts_if_it_was_made_for_it() -> None:
    def field(made_for: bytes) -> bytes:
        content = b"\1" + zlib.crc32(made_for).to_bytes(4, "little") + "猫.jpg".encode()
        return struct.pack("<HH", 0x5455, 1) + b"x" + struct.pack("<HH", 0x7075, len(content)) + content

    assert names_of(zip_with(b"\x94.jpg", extra=field(b"\x94.jpg"))) == ["猫.jpg"]
    assert names_of(zip_with(b"\x94.jpg", extra=field(b"other"))) == ["ö.jpg"]


def test_a_name_with_the_flag_is_left_alone() -> None:
    assert names_of(zip_of(("Füße/猫.jpg", b""))) == ["Füße/猫.jpg"]


def test_what_a_mac_adds_is_left_out() -> None:
    data = zip_of(("a.jpg", b"1"), ("._a.jpg", b"x"), ("sub/._b.jpg", b"x"), ("sub/b.jpg", b"2"))
    assert names_of(data) == ["a.jpg", "sub/b.jpg"]


@given(
    st.lists(st.binary(min_size=1, max_size=20), max_size=4),
    st.binary(max_size=20),
    st.sampled_from([0, UTF8_FLAG]),
)
def test_any_bytes_are_a_name_that_can_be_shown(raw_names: list[bytes], extra: bytes, flag: int) -> None:
    entries = []
    for raw in raw_names:
        entry = zipfile.ZipInfo()
        entry.filename, entry.extra, entry.flag_bits = raw.decode("cp437"), extra, flag
        entries.append(entry)
    names = entry_names(entries)
    assert len(names) == len(entries)
    assert all(name.encode() for name in names)
