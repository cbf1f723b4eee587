"""AffectNet's two published layouts, in made-up files: the data set itself was never here."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.affectnet import COLUMNS
from training.data import load_faces
from training.explore import main
from training.folders import MissingSplitError
from vision.emotions import EMOTIONS

pytestmark = pytest.mark.training

CODES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
LABELS = ["neutral", "happy", "sad", "surprise", "fear", "disgust", "angry"]


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (120, 120), dtype=np.uint8)
    noise[20:68, 10:58] = seed
    cv2.imwrite(str(path), noise)


def affect_of(code: int) -> tuple[float, float]:
    return (-2.0, -2.0) if code in (9, 10) else (code / 10 - 0.3, code / 20)


def write_lists(root: Path, header: bool = True, images: str = "Manually_Annotated_Images") -> Path:
    """Write a list with a face of each code for each split; the face of a code is a square of that gray."""
    for name in ("training.csv", "validation.csv"):
        lines = [",".join(COLUMNS)] if header or name == "training.csv" else []
        for code in CODES:
            picture(root / images / f"{code}/a{code}.png", code)
            valence, arousal = affect_of(code)
            lines.append(f"{code}/a{code}.png,10,20,48,48,1.0;2.0,{code},{valence},{arousal}")
        (root / name).write_text("\n".join(lines) + "\n")
    return root


def write_arrays(root: Path) -> Path:
    """Write the same as images and arrays, as AffectNet's smaller package has them."""
    for folder in ("train_set", "val_set"):
        (root / folder / "annotations").mkdir(parents=True)
        for code in CODES:
            path = root / folder / "images" / f"{code + 100}.jpg"
            path.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(path), np.full((224, 224), 10 * code, dtype=np.uint8))
            for name, value in zip(("exp", "val", "aro"), (code, *affect_of(code)), strict=True):
                np.save(root / folder / "annotations" / f"{code + 100}_{name}.npy", np.array(str(value)))
            np.save(root / folder / "annotations" / f"{code + 100}_lnd.npy", np.zeros(136))
    return root


@pytest.mark.parametrize("write", [write_lists, write_arrays])
@pytest.mark.parametrize("split", ["Training", "PublicTest"])
def test_the_seven_emotions_are_read_and_the_others_are_counted(
    tmp_path: Path, write: Callable[[Path], Path], split: str
) -> None:
    faces = load_faces(write(tmp_path), split)
    assert [EMOTIONS[label] for label in faces.labels] == LABELS
    assert faces.dropped == 4
    assert faces.affect is not None
    assert faces.affect == pytest.approx(np.array([affect_of(code) for code in range(7)]), abs=1e-6)
    with pytest.raises(MissingSplitError, match="has no faces for PrivateTest"):
        load_faces(tmp_path, "PrivateTest")


def test_a_list_s_face_is_cut_out_by_its_box(tmp_path: Path) -> None:
    faces = load_faces(write_lists(tmp_path), "Training")
    assert [int(image.max()) for image in faces.images] == list(range(7))


def test_a_list_without_a_line_of_names_is_known_by_its_values(tmp_path: Path) -> None:
    assert len(load_faces(write_lists(tmp_path, header=False), "PublicTest")) == 7


def test_pictures_may_lie_beside_the_folder_of_the_lists(tmp_path: Path) -> None:
    write_lists(tmp_path, images="../Manually_Annotated/Manually_Annotated_Images")
    assert len(load_faces(tmp_path, "Training")) == 7


def test_valence_that_was_not_annotated_is_none(tmp_path: Path) -> None:
    write_lists(tmp_path)
    path = tmp_path / "training.csv"
    path.write_text(path.read_text().replace(",1,-0.19999999999999998,0.05", ",1,-2,-2"))
    affect = load_faces(tmp_path, "Training").affect
    assert affect is not None
    assert np.isnan(affect[1]).all()
    assert np.isfinite(affect[0]).all()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("0/a0.png,10,20,48,48,1;2,11,0,0", "line 13 has no box, expression"),
        ("0/a0.png,10,20,48,48,1;2,1,x,0", "line 13 has no box, expression"),
        ("0/a0.png,10,20,48,48,1;2,1,0", "line 13 has 8 values in place of 9"),
        ("no/where.png,10,20,48,48,1;2,1,0,0", "line 13 names no/where.png, which is not there"),
    ],
)
def test_a_bad_line_is_named_in_one_sentence(tmp_path: Path, line: str, sentence: str) -> None:
    path = write_lists(tmp_path) / "training.csv"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=sentence):
        load_faces(tmp_path, "Training")


def test_an_annotation_that_is_missing_is_named(tmp_path: Path) -> None:
    (write_arrays(tmp_path) / "train_set/annotations/103_aro.npy").unlink()
    with pytest.raises(ValueError, match=r"103_aro\.npy is not an annotation that can be read"):
        load_faces(tmp_path, "Training")


def test_the_report_shows_valence_and_arousal_and_says_what_was_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(write_lists(tmp_path)), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "Training: 4 faces left out, which show none of the seven emotions" in printed
    table = printed[printed.index("Valence and arousal") :].splitlines()
    assert table[1].split() == ["class", "faces", "valence", "arousal"]
    assert table[2].split() == ["angry", "2", "+0.30", "+0.30"]
    page = (tmp_path / "out/explore.html").read_text()
    assert "As annotated; the large points are each class" in page
