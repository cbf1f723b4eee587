"""Imports run downward: a room knows only the rooms before it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from settings import ROOT

# Each room with what it may import beside itself; what those may import it may import too.
ROOMS = {
    "texts": (),
    "settings": ("texts",),
    "vision": ("settings",),
    "sources": ("vision",),
    "nn": ("vision",),
    "server": ("settings",),
    "streaming": ("vision",),
    "camera": ("sources", "streaming"),
    "model": ("nn",),
    "recording": ("streaming",),
    "uploads": ("model", "sources", "streaming"),
    "outputs": ("streaming",),
    "relay": ("recording", "outputs"),
    "web": ("uploads", "relay", "server", "model"),
    "app": ("camera", "web"),
    "main": ("app",),
    "predict": ("uploads",),
    "gunicorn.conf": ("server",),
    "training": ("model", "uploads"),
    "benchmarks": ("main", "training"),
}


def allowed(room: str) -> set[str]:
    """Return the rooms that a room may import."""
    return {room}.union(*({below} | allowed(below) for below in ROOMS[room]))


def room_of(path: Path) -> str:
    top = path.relative_to(ROOT).parts[0]
    return top.removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Yield the top packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


FILES = [
    path
    for path in (*ROOT.glob("*.py"), *ROOT.glob("*/*.py"), *ROOT.glob("training/*/*.py"))
    if room_of(path) != "tests"
]


def test_every_file_is_in_a_room() -> None:
    assert {room_of(path) for path in FILES} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    wrong = {
        (str(path.relative_to(ROOT)), name)
        for path in FILES
        if room_of(path) == room
        for name in imported(path)
        if name in ROOMS and name not in allowed(room)
    }
    assert wrong == set()


def test_no_test_imports_from_another() -> None:
    tests = [*(ROOT / "tests").glob("*/test_*.py")]
    names = {path.stem for path in tests}
    assert len(names) == len(tests)
    for path in tests:
        text = path.read_text(encoding="utf-8")
        assert not any(f"import {name}" in text or f".{name} " in text for name in names), path
