"""Folders of faces in every usual layout."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data import load_faces
from training.folders import MissingSplitError
from vision.emotions import EMOTIONS

pytestmark = pytest.mark.training

CK = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")


def write_face(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((100, 100, 3), level, dtype=np.uint8))


def write_split(folder: Path, level: int, names: tuple[str, ...] = EMOTIONS) -> None:
    for name in names:
        write_face(folder / name / "a.png", level)


@pytest.mark.parametrize("validation", ["validation", "val", "Valid"])
def test_a_folder_of_validation_validates_and_leaves_the_test_for_the_end(
    tmp_path: Path, validation: str
) -> None:
    for level, name in enumerate(("Train", validation, "test")):
        write_split(tmp_path / name, level)
    for level, split in enumerate(("Training", "PublicTest", "PrivateTest")):
        faces = load_faces(tmp_path, split)
        assert (faces.images == level).all()
        assert faces.labels.tolist() == list(range(7))


def test_without_validation_the_test_validates_and_nothing_is_left(tmp_path: Path) -> None:
    write_split(tmp_path / "train", 1)
    write_split(tmp_path / "test", 2)
    assert (load_faces(tmp_path, "PublicTest").images == 2).all()
    with pytest.raises(MissingSplitError, match=r"no folder .*private"):
        load_faces(tmp_path, "PrivateTest")


def test_emotions_may_have_other_words(tmp_path: Path) -> None:
    words = ("Anger", "disgusted", "fearful", "Happiness", "sadness", "surprised", "Neutral", "contempt")
    write_split(tmp_path / "train", 3, words)
    assert load_faces(tmp_path, "Training").labels.tolist() == list(range(7))


@pytest.mark.parametrize(
    ("numbers", "labels"),
    [("1234567", [5, 2, 1, 3, 4, 0, 6]), ("0123456", [0, 1, 2, 3, 4, 5, 6])],
    ids=["RAF-DB", "FER2013"],
)
def test_folders_with_numbers_are_those_of_a_data_set(tmp_path: Path, numbers: str, labels: list[int]) -> None:
    for level, number in enumerate(numbers):
        write_face(tmp_path / "train" / number / "a.jpg", level * 30)
    faces = load_faces(tmp_path, "Training")
    by_level = {
        int(image[0, 0]) // 30: int(label) for image, label in zip(faces.images + 2, faces.labels, strict=True)
    }
    assert [by_level[level] for level in range(7)] == labels


@pytest.mark.parametrize("base", ["", "basic"])
def test_raf_db_is_read_as_its_authors_give_it(tmp_path: Path, base: str) -> None:
    root = tmp_path / base
    (root / "EmoLabel").mkdir(parents=True)
    (root / "EmoLabel" / "list_patition_label.txt").write_text("train_00001.jpg 5\ntest_0001.jpg 1\n")
    write_face(root / "Image" / "aligned" / "train_00001_aligned.jpg", 90)
    write_face(root / "Image" / "aligned" / "test_0001_aligned.jpg", 30)
    assert load_faces(tmp_path, "Training").labels.tolist() == [EMOTIONS.index("sad")]
    assert load_faces(tmp_path, "PublicTest").labels.tolist() == [EMOTIONS.index("surprise")]
    with pytest.raises(MissingSplitError):
        load_faces(tmp_path, "PrivateTest")
    (root / "EmoLabel" / "list_patition_label.txt").write_text("train_00001.jpg 9\n")
    with pytest.raises(ValueError, match="line 1 is not a file's name and a number of 1 to 7"):
        load_faces(tmp_path, "Training")


def test_ck_plus_is_split_by_people(tmp_path: Path) -> None:
    for person in range(60):
        for number, emotion in enumerate(CK):
            write_face(tmp_path / emotion / f"S{person:03}_{number:03}_00000001.png", person)
    splits = {split: load_faces(tmp_path, split) for split in ("Training", "PublicTest", "PrivateTest")}
    people = [set(faces.images[:, 0, 0].tolist()) for faces in splits.values()]
    assert set.union(*people) == set(range(60))
    assert sum(map(len, people)) == 60  # nobody is in two
    assert len(people[0]) > 40 > 15 > len(people[1]) > 0 < len(people[2])
    assert set(splits["Training"].labels.tolist()) == {0, 1, 2, 3, 4, 5}  # contempt is left out


def test_some_faces_are_chosen_in_proportion_and_alike_each_time(tmp_path: Path) -> None:
    for name, count in (("angry", 30), ("happy", 60), ("sad", 10)):
        for number in range(count):
            write_face(tmp_path / name / f"{number}.png", number)
    faces = load_faces(tmp_path, "Training")
    some = faces.some(20)
    assert len(some) == 20
    theirs, ours = (np.bincount(part.labels, minlength=7) / len(part) for part in (faces, some))
    np.testing.assert_allclose(ours, theirs, atol=0.06)
    assert some.sha256() == faces.some(20).sha256()
    assert len(faces.some(10**6)) == len(faces)
