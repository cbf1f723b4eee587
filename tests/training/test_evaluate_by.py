"""Faces with the names of people and sources: read from folders or a list, and measured name by name."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data import Faces
from training.evaluate import main
from training.evaluate_by import as_text, evaluate_by, unsure_curve
from training.named import NamedFaces, load_named
from vision.emotions import EMOTIONS

pytestmark = pytest.mark.training

HAPPY = EMOTIONS.index("happy")
BY = ("source", "person")


def write_face(path: Path, level: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((60, 60), level, dtype=np.uint8))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sources that each have a person 1; the lab's are all happy, and a third of the web's."""
    lab = ("lab/1/Happiness/a.png", "lab/1/happy/b.png", "lab/2/happy/a.jpg", "lab/2/contempt/a.png")
    for path in (*lab, "web/1/happy/a.png", "web/1/sad/a.png", "web/1/angry/a.png"):
        write_face(tmp_path / "faces" / path)
    (tmp_path / "faces" / "lab" / "notes.txt").touch()
    return tmp_path / "faces"


def test_folders_name_sources_and_people_in_the_order_of_the_names(folder: Path) -> None:
    named = load_named(folder, BY)
    assert named.names["source"].tolist() == ["lab"] * 3 + ["web"] * 3
    assert named.names["person"].tolist() == ["lab/1", "lab/1", "lab/2", "web/1", "web/1", "web/1"]
    labels = [EMOTIONS[label] for label in named.faces.labels]
    assert labels == ["happy", "happy", "happy", "angry", "happy", "sad"]


def test_a_list_names_them_in_its_columns(tmp_path: Path) -> None:
    write_face(tmp_path / "a.png", 10)
    write_face(tmp_path / "more" / "b.png", 200)
    rows = "file,person,emotion,source\na.png,Ada,joy,lab\nmore/b.png,Bob,Sadness,lab\n"
    (tmp_path / "faces.csv").write_text(rows, encoding="utf-8-sig")  # as spreadsheets write it
    named = load_named(tmp_path, BY)
    assert named.names["person"].tolist() == ["lab/Ada", "lab/Bob"]
    assert named.faces.labels.tolist() == [HAPPY, EMOTIONS.index("sad")]
    assert named.faces.images[:, 0, 0].tolist() == [10, 200]
    assert load_named(tmp_path, ("person",)).names["person"].tolist() == ["Ada", "Bob"]


@pytest.mark.parametrize(
    ("files", "rows", "by", "message"),
    [
        (["happy/a.png"], None, BY, r"happy/a.png does not lie in .*source/person/emotion/\*.png"),
        (["a.png"], None, ("source",), r"a.png does not lie in .*source/emotion/\*.png"),
        ([], None, BY, r"has no faces: it needs faces.csv or source/person/emotion/\*.png"),
        (["a.png"], "file,emotion\na.png,happy", BY, "faces.csv has no column 'source'"),
        (["a.png"], "file,emotion,source,person\na.png,happy,lab,", BY, "line 2 lacks a value"),
        ([], "file,emotion,source,person\na.png,happy,lab,1", BY, "a.png is not a picture"),
    ],
)
def test_another_layout_is_said_in_one_sentence(
    tmp_path: Path, files: list[str], rows: str | None, by: tuple[str, ...], message: str
) -> None:
    for name in files:
        write_face(tmp_path / name)
    if rows is not None:
        (tmp_path / "faces.csv").write_text(rows)
    with pytest.raises(ValueError, match=message):
        load_named(tmp_path, by)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no folder .*nowhere: --by takes a folder"):
        load_named(tmp_path / "nowhere", BY)


def test_figures_are_those_of_each_name_alone() -> None:
    labels = np.array([0, 0, 0, 1], dtype=np.int64)
    probs = np.full((4, 7), 0.02, dtype=np.float32)
    probs[:, 0] = 0.88  # sure of angry each time: right in three of four
    names = {"source": np.array(["a", "a", "b", "b"]), "person": np.array(["a/1", "a/2", "b/1", "b/1"])}
    faces = Faces(np.zeros((4, 48, 48), np.uint8), labels, np.zeros((4, 10), np.int64))
    figures = evaluate_by(probs, NamedFaces(faces, names), 0.4)
    assert figures["all"]["accuracy"] == 0.75
    assert figures["all"]["balanced"] == 0.5  # of the two emotions there
    assert {name: row["accuracy"] for name, row in figures["by"]["source"].items()} == {"a": 1.0, "b": 0.5}
    assert figures["by"]["source"]["b"]["ece"] == pytest.approx(0.38)  # sure by 0.88, right in half
    assert list(figures["by"]["person"]) == ["a/1", "a/2", "b/1"]
    assert list(figures["unsure"]) == ["all", "a", "b"]
    text = as_text(figures)
    assert text.index("\nb ") < text.index("\na ")  # the one read worst comes first
    assert "by person: 3" in text


def test_the_unsure_curve_says_how_many_are_named_and_how_many_of_them_rightly() -> None:
    probs = np.array([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.45, 0.55]], dtype=np.float32)
    labels = np.array([0, 0, 1, 0], dtype=np.int64)
    assert unsure_curve(probs, labels, (0.0, 0.65, 0.95)) == [
        (0.0, 1.0, 0.5),
        (0.65, 0.5, 1.0),
        (0.95, 0.0, 0.0),
    ]


def test_the_command_measures_a_folder_by_its_names(
    always_happy: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    command = [str(always_happy), "--data", str(folder), "--by", "source,person", "--out", str(out)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "by source: 2" in printed
    assert "lab/2" in printed
    figures = json.loads((out / "evaluation.json").read_text())
    assert figures["by"]["source"]["lab"]["accuracy"] == 1.0
    assert figures["by"]["person"]["web/1"]["balanced"] == pytest.approx(1 / 3)
    picture = cv2.imread(str(out / "by_name.png"))
    assert picture is not None
    assert picture.shape[1] > picture.shape[0] > 300


def test_the_command_says_what_is_wrong_with_a_folder(
    always_happy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(always_happy), "--data", str(tmp_path), "--by", "source"]) == 2
    assert "has no faces: it needs faces.csv or source/emotion/*.png" in capsys.readouterr().err


@pytest.mark.parametrize("by", ["", "source,,person", "source,source"])
def test_names_that_are_empty_or_repeat_are_refused(
    always_happy: Path, tmp_path: Path, by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([str(always_happy), "--data", str(tmp_path), "--by", by])
    assert "needs different names, separated by commas" in capsys.readouterr().err
