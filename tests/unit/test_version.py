"""The program's name and version."""

import tomllib
from collections.abc import Callable, Sequence

import pytest

import main
import predict
from settings import ROOT


@pytest.mark.parametrize("program", [main.main, predict.main])
def test_version_prints_the_name_and_version_of_the_project(
    program: Callable[[Sequence[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        program(["--version"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{project['name']} {project['version']}\n"


def test_the_changelog_tells_of_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
