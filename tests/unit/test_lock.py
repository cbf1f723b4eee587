"""The locks hold what the ranges allow: `make lock` makes them."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from settings import ROOT

BY_PIN = "torch"  # its builds for processors and for GPUs have one version and different hashes
PAIRS = [(f"requirements{of}.txt", f"requirements{of}.lock") for of in ("", "-dev", "-docs")]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
SYSTEMS = ["linux", "darwin", "win32"]


def ranges(path: Path) -> Iterator[Requirement]:
    """Yield the requirements of a file and of those that it names."""
    for line in path.read_text("utf-8").splitlines():
        if other := re.match(r"-r (\S+)", line):
            yield from ranges(path.parent / other[1])
        elif line:
            yield Requirement(line.partition("  #")[0])


def locked(path: Path) -> dict[str, list[tuple[str, Marker | None]]]:
    """Return each package's versions, and the systems on which each is installed."""
    found: dict[str, list[tuple[str, Marker | None]]] = {}
    for line in re.findall(r"^[\w.-]+==.*(?= \\$)", path.read_text("utf-8"), re.M):
        pin = Requirement(line)
        (only,) = pin.specifier
        found.setdefault(pin.name, []).append((only.version, pin.marker))
    return found


def applies(marker: Marker | None, python: str, system: str) -> bool:
    names = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": system}
    return marker is None or marker.evaluate(names)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(("range_file", "lock_file"), PAIRS)
def test_each_range_has_one_version_in_the_lock(
    range_file: str, lock_file: str, python: str, system: str
) -> None:
    lock = locked(ROOT / lock_file)
    wanted = [item for item in ranges(ROOT / range_file) if applies(item.marker, python, system)]
    assert wanted
    for item in wanted:
        pins = lock.get(canonicalize_name(item.name), [])
        versions = [version for version, marker in pins if applies(marker, python, system)]
        if item.name == BY_PIN:
            assert versions == []
        else:
            assert len(versions) == 1, f"{item}: run make lock"
            assert item.specifier.contains(versions[0]), f"{item}, not {versions[0]}: run make lock"


@pytest.mark.parametrize("lock_file", [lock_file for _, lock_file in PAIRS])
def test_each_locked_version_has_hashes_and_no_address(lock_file: str) -> None:
    text = (ROOT / lock_file).read_text("utf-8")
    pins = re.findall(r"^[\w.-]+==.* \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.M)
    assert len(pins) == len(re.findall(r"^\S+==", text, re.M)) > 25
    assert "://" not in text


@pytest.mark.parametrize("python", PYTHONS)
def test_the_locks_have_the_same_version_of_what_is_in_several(python: str) -> None:
    seen: dict[str, set[str]] = {}
    for _, lock_file in PAIRS:
        for name, pins in locked(ROOT / lock_file).items():
            versions = (version for version, marker in pins if applies(marker, python, "linux"))
            seen.setdefault(name, set()).update(versions)
    assert {name: versions for name, versions in seen.items() if len(versions) > 1} == {}


def test_what_pytorch_needs_is_locked_for_its_pinned_version() -> None:
    pin = next(item for item in ranges(ROOT / "requirements.txt") if item.name == BY_PIN)
    (metadata,) = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["uv"][
        "dependency-metadata"
    ]
    assert str(pin.specifier) == f"=={metadata['version']}"
