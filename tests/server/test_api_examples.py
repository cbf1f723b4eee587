"""The examples of docs/api.md run against the real program."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import cv2
import pytest

from settings import ROOT
from tests.fakes.documents import Example, examples
from tests.fakes.server import Server, running_demo
from tests.fakes.waiting import PATIENCE_S

pytestmark = pytest.mark.server

SAMPLES = ROOT / "static" / "samples"
EXAMPLES = [example for example in examples("api.md", "sh", "python", "js") if "localhost" in example.code]
ONLY_PRINTS = ("", b"")
# Of each example, in order: a pattern of what it prints; a file that it writes, and how that begins.
PROMISES = [
    (r'("faces":\[\{.+){2}"whole":true.+"progress":1.0', ONLY_PRINTS),
    (r"^happy [\d.]+ \[\d+, \d+, \d+, \d+\]$", ONLY_PRINTS),
    (r"^\[ 'happy [\d.]+' \]$", ONLY_PRINTS),
    (r"\nLocation: /pictures/\w+", ONLY_PRINTS),
    (r'"source":"demo"', ONLY_PRINTS),
    (r"^([\d.]+ \[.*\]\n|None \[\]\n){3}$", ONLY_PRINTS),
    ("", ("session.csv", "\ufefftime,seconds,".encode())),
    (r"^True \(240, 320, 3\)$", ONLY_PRINTS),
    ("", ("now.jpg", b"\xff\xd8")),
]
RUNS = {"sh": ["sh", "-ec"], "python": [sys.executable, "-c"], "js": ["node", "--input-type=module", "-e"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_demo(tmp_path_factory.mktemp("history")) as server:
        yield server
    assert "Traceback" not in server.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the examples send."""
    for name in ("face", "a", "anna"):
        shutil.copy(SAMPLES / "happy" / "01.jpg", tmp_path / f"{name}.jpg")
    shutil.copy(SAMPLES / "neutral" / "01.jpg", tmp_path / "anna-relaxed.jpg")
    face = cv2.imread(str(SAMPLES / "happy" / "01.jpg"), cv2.IMREAD_GRAYSCALE)
    assert face is not None
    cv2.imwrite(str(tmp_path / "cut.png"), cv2.resize(face, (48, 48)))
    with ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(SAMPLES / "sad" / "01.jpg", "sad.jpg")
    return tmp_path


def run(example: Example, server: Server, folder: Path, max_lines: int) -> str:
    """Run an example in the folder and return what it prints, or its first lines if it never ends by itself."""
    command = [*RUNS[example.language], example.at(server.url)]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        if max_lines:
            printed = "".join(process.stdout.readline() for _ in range(max_lines))
            process.kill()
            return printed
        printed, problem = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, problem
        return printed


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda it: f"{it.heading}, {it.language}")
def test_an_example_prints_and_writes_what_it_promises(example: Example, server: Server, folder: Path) -> None:
    printed, (name, begins) = PROMISES[EXAMPLES.index(example)]
    found = run(example, server, folder, max_lines=3 if "stream=True" in example.code else 0)
    assert re.search(printed, found, re.DOTALL), found
    assert not name or (folder / name).read_bytes().startswith(begins)


def test_each_example_has_its_promise() -> None:
    assert len(EXAMPLES) == len(PROMISES)
