"""The README is short, its links lead somewhere, and its commands exist; so do those of the documentation."""

import importlib.util
import re
from pathlib import Path

import pytest

import main
import predict
from settings import ROOT

README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "weights" / "README.md"])
MIN_README_WORDS, MAX_README_WORDS = 600, 750
MAX_README_SENTENCE, MAX_SENTENCE = 25, 30  # words
RIDDLE = re.compile(r"(Who|Whoever|Whom|Whose) ")  # a subject that is a sentence of its own
FILLING = re.compile(
    r"\b(simply|basically|obviously|of course|actually|in order to|utilize|leverage|very|please note|note that"
    r"|it should be noted|easily|seamless|powerful|robust)\b",
    re.IGNORECASE,
)


def names(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


def without_code(text: str) -> str:
    """Return the text without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def sentences(text: str) -> list[str]:
    """Return the sentences of a page: those of paragraphs, items and the cells of tables."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", without_code(text))
    text = re.sub(r"^(#+ .*|[-| ]+)$", "", text, flags=re.MULTILINE)
    blocks = re.split(r"\n\s*\n|^\s*- |^\s*\d+\. | \| |^\| | \|$", text, flags=re.MULTILINE)
    return [
        sentence
        for block in blocks
        for sentence in re.split(r"(?<=[.!?])[*”)]*\s+(?=[A-Z“*`\[])", " ".join(block.split()))
        if sentence
    ]


def words(sentence: str) -> int:
    """Return the number of words: what stands between spaces and holds a letter or a digit."""
    return sum(any(sign.isalnum() for sign in word) for word in sentence.split())


def headings(page: Path) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    found = re.findall(r"^#+ (.+)$", without_code(page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def commands(text: str) -> list[str]:
    """Return the lines of code, in blocks and in the text."""
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line.split("  #")[0] for block in blocks for line in block.splitlines()]
    return lines + re.findall(r"`([^`\n]+)`", without_code(text))


def test_the_readme_can_be_read_in_a_minute_or_three() -> None:
    assert MIN_README_WORDS <= words(README.read_text("utf-8")) <= MAX_README_WORDS


def test_no_sentence_of_the_readme_is_long() -> None:
    found = sentences(README.read_text("utf-8"))
    assert len(found) > 50
    assert [sentence for sentence in found if words(sentence) > MAX_README_SENTENCE] == []


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_no_sentence_needs_a_second_reading(page: Path) -> None:
    """The cells of tables are left out: settings are described as --help does."""
    text = re.sub(r"^\|.*$", "", page.read_text("utf-8"), flags=re.MULTILINE)
    assert [sentence for sentence in sentences(text) if words(sentence) > MAX_SENTENCE] == []


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_no_sentence_begins_as_a_riddle_or_with_filling(page: Path) -> None:
    found = sentences(page.read_text("utf-8"))
    assert [it for it in found if RIDDLE.match(it) and not it.rstrip("*”").endswith("?")] == []
    assert [it for it in found if FILLING.search(re.sub(r"`[^`]*`|“[^”]*”", "", it))] == []


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text("utf-8"))):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not anchor or anchor in headings(file), target


def test_every_page_of_the_documentation_is_in_its_contents_and_in_the_readme() -> None:
    pages = {page.name for page in ROOT.glob("docs/*.md")}
    index, readme = (ROOT / "docs" / "index.md").read_text("utf-8"), README.read_text("utf-8")
    assert {page for page in pages if f"](docs/{page})" not in readme} == set()
    assert {page for page in pages - {"index.md"} if f"]({page})" not in index} == set()


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_command_names_what_is_there(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = {}
    for module in (main, predict):
        with pytest.raises(SystemExit):
            module.main(["--help"])
        flags[f"{module.__name__}.py"] = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    targets = set(re.findall(r"^([\w-]+(?: [\w-]+)*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    made = {name for line in targets for name in line.split()}
    for command in commands(page.read_text("utf-8")):
        for program, known in flags.items():
            if re.search(rf"(^|[ /\\]){program} ", command):
                assert set(re.findall(r"(?<= )--[\w-]+", command)) <= known, command
        for name in re.findall(r"python -m ((?:training|benchmarks)\.\w+)", command):
            assert importlib.util.find_spec(name), command
        for target in re.findall(r"^make ([\w-]+)", command):
            assert target in made, command
