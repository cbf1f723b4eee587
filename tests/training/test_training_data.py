"""Faces from CSV files and folders."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data import SPLITS, VOTES, Faces, load_faces, load_votes
from vision.emotions import EMOTIONS

pytestmark = pytest.mark.training

HEADER = "emotion,pixels,Usage"
PIXELS = " ".join(["7"] * 48 * 48)
GOOD_ROW = f"3,{PIXELS},Training"


def make_faces(n: int = 7, seed: int = 0) -> Faces:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 48, 48), dtype=np.uint8)
    return Faces(images, np.arange(n, dtype=np.int64) % 7, np.zeros((n, 10), dtype=np.int64))


def write_csv(path: Path, *lines: str) -> Path:
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return path


def csv_lines(faces: Faces, split: str) -> list[str]:
    pairs = zip(faces.labels, faces.images, strict=True)
    return [f"{label},{' '.join(map(str, image.ravel()))},{split}" for label, image in pairs]


FOLDERS = {"Training": "train", "PublicTest": "test", "PrivateTest": "private"}


def write_folder(folder: Path, faces: Faces, split: str) -> Path:
    for number, (label, image) in enumerate(zip(faces.labels, faces.images, strict=True)):
        path = folder / FOLDERS[split] / EMOTIONS[label] / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    return folder


def refusal(path: Path, split: str = "Training") -> str:
    """Return why the data is refused: one sentence that names the file."""
    with pytest.raises(ValueError, match=r".") as caught:
        load_faces(path, split)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_a_csv_and_folders_give_the_same_faces(tmp_path: Path) -> None:
    faces = make_faces()
    table = load_faces(write_csv(tmp_path / "fer2013.csv", *csv_lines(faces, "Training")), "Training")
    folder = load_faces(write_folder(tmp_path / "faces", faces, "Training"), "Training")
    for loaded in (table, folder):
        assert np.array_equal(loaded.images, faces.images)
        assert np.array_equal(loaded.labels, faces.labels)
        assert loaded.images.dtype == np.uint8
        assert loaded.labels.dtype == np.int64
    assert table.sha256() == folder.sha256() == faces.sha256()


def test_each_split_has_its_own_faces(tmp_path: Path) -> None:
    splits = {split: make_faces(7, seed) for seed, split in enumerate(SPLITS)}
    lines = [line for split, faces in splits.items() for line in csv_lines(faces, split)]
    table = write_csv(tmp_path / "fer2013.csv", *lines)
    for split, faces in splits.items():
        write_folder(tmp_path / "faces", faces, split)
        assert load_faces(table, split).sha256() == faces.sha256()
        assert load_faces(tmp_path / "faces", split).sha256() == faces.sha256()


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no split 'Test'; there are: Training, PublicTest, PrivateTest"):
        load_faces(tmp_path, "Test")


def test_a_split_without_faces_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "fer2013.csv", GOOD_ROW)
    assert "no faces for PublicTest" in refusal(path, "PublicTest")


def test_missing_data_is_named(tmp_path: Path) -> None:
    assert "no data at" in refusal(tmp_path / "fer2013.csv")


def test_a_folder_without_the_split_is_refused(tmp_path: Path) -> None:
    assert "no folder" in refusal(tmp_path)


@pytest.mark.parametrize("content", ["", "a,b,c\n1,2,3\n", GOOD_ROW], ids=["empty", "another", "none"])
def test_a_csv_with_another_header_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text(content)
    assert "first line must be emotion,pixels,Usage" in refusal(path)


@pytest.mark.parametrize(
    "row",
    [
        f"7,{PIXELS},Training",
        f"-1,{PIXELS},Training",
        f"happy,{PIXELS},Training",
        f",{PIXELS},Training",
        f"3,{PIXELS} 7,Training",
        f"3,{PIXELS[:-2]},Training",
        "3,,Training",
        f"3,256{PIXELS[1:]},Training",
        f"3,-1{PIXELS[1:]},Training",
        f"3,1.5{PIXELS[1:]},Training",
        f"3,x{PIXELS[1:]},Training",
    ],
    ids=[
        "label 7",
        "label -1",
        "label in words",
        "no label",
        "a pixel more",
        "a pixel less",
        "no pixels",
        "pixel 256",
        "pixel -1",
        "pixel 1.5",
        "pixel x",
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    assert "line 3" in refusal(write_csv(tmp_path / "fer2013.csv", GOOD_ROW, row))


@pytest.mark.parametrize("row", [GOOD_ROW[:500], "3", GOOD_ROW[:-9]], ids=["pixels", "label", "split"])
def test_a_row_cut_short_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    assert "line 3" in refusal(write_csv(tmp_path / "fer2013.csv", GOOD_ROW, row))


@pytest.mark.parametrize(
    "content",
    [
        bytes(range(256)) * 9,
        b"\x00" * 999,
        f"{HEADER}\n{GOOD_ROW}\n".encode() + b"\xff\xfe\n",
        f"{HEADER}\n{GOOD_ROW}\n".encode("utf-16"),
        f'{HEADER}\n3,"{GOOD_ROW}\n'.encode() + b"7 " * 70_000,
    ],
    ids=["binary", "zeros", "bad bytes later on", "utf-16", "an open quote"],
)
def test_a_file_that_is_no_csv_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_bytes(content)
    refusal(path)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, make_faces(), "Training")
    broken = folder / "train" / "happy" / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"broken\.png is not a picture"):
        load_faces(folder, "Training")


def make_class_folders(folder: Path) -> None:
    for emotion in EMOTIONS:
        (folder / emotion).mkdir(parents=True)


def test_a_missing_class_folder_is_named(tmp_path: Path) -> None:
    make_class_folders(tmp_path / "train")
    (tmp_path / "train" / "surprise").rename(tmp_path / "train" / "astonished")
    with pytest.raises(ValueError, match=r"no folder .*surprise"):
        load_faces(tmp_path, "Training")


def test_a_picture_of_another_size_is_resized(tmp_path: Path) -> None:
    picture = np.zeros((96, 120), dtype=np.uint8)
    picture[:, 60:] = 200
    make_class_folders(tmp_path / "train")
    cv2.imwrite(str(tmp_path / "train" / "sad" / "large.png"), picture)
    (tmp_path / "train" / "sad" / ".DS_Store").write_bytes(b"left by a file manager")
    faces = load_faces(tmp_path, "Training")
    assert faces.images.shape == (1, 48, 48)
    assert (faces.images[0, :, :24] == 0).all()
    assert (faces.images[0, :, 24:] == 200).all()


def test_a_colour_picture_becomes_gray(tmp_path: Path) -> None:
    make_class_folders(tmp_path / "train")
    cv2.imwrite(str(tmp_path / "train" / "fear" / "gray.png"), np.full((48, 48, 3), 90, dtype=np.uint8))
    faces = load_faces(tmp_path, "Training")
    assert (faces.images == 90).all()
    assert faces.labels.tolist() == [EMOTIONS.index("fear")]


def one_pixel(faces: Faces) -> None:
    faces.images[2, 3, 4] ^= 1


def one_label(faces: Faces) -> None:
    faces.labels[2] = 0


def one_vote(faces: Faces) -> None:
    faces.votes[2, 3] = 1


@pytest.mark.parametrize("change", [one_pixel, one_label, one_vote])
def test_the_hash_changes_with(change: Callable[[Faces], None]) -> None:
    faces = make_faces()
    before = faces.sha256()
    assert make_faces().sha256() == before
    change(faces)
    assert faces.sha256() != before


VOTES_HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def write_votes(path: Path, *lines: str) -> Path:
    path.write_text("\n".join((VOTES_HEADER, *lines)) + "\n")
    return path


def test_votes_come_in_the_order_of_the_emotions(tmp_path: Path) -> None:
    path = write_votes(
        tmp_path / "v.csv", "Training,a.png,1,2,3,4,5,6,7,8,9,10", "PublicTest,b.png" + ",0" * 10
    )
    votes = load_votes(path, "Training")
    assert dict(zip(VOTES, votes[0].tolist(), strict=True)) == {
        "anger": 5, "disgust": 6, "fear": 7, "happiness": 2, "sadness": 4,
        "surprise": 3, "neutral": 1, "contempt": 8, "unknown": 9, "NF": 10,
    }  # fmt: skip
    assert len(votes) == 1


def test_faces_come_with_their_votes(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "fer2013.csv", GOOD_ROW, GOOD_ROW)
    votes = write_votes(tmp_path / "v.csv", "Training,a.png" + ",1" * 10, "Training,b.png" + ",2" * 10)
    assert load_faces(data, "Training", votes).votes[:, 0].tolist() == [1, 2]
    assert not load_faces(data, "Training").votes.any()


def test_votes_for_another_number_of_faces_are_refused(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "fer2013.csv", GOOD_ROW, GOOD_ROW)
    votes = write_votes(tmp_path / "v.csv", "Training,a.png" + ",1" * 10)
    with pytest.raises(ValueError, match="votes for 1 faces of Training"):
        load_faces(data, "Training", votes)


def test_votes_do_not_fit_a_folder(tmp_path: Path) -> None:
    write_folder(tmp_path / "faces", make_faces(), "Training")
    with pytest.raises(ValueError, match="do not fit a folder"):
        load_faces(tmp_path / "faces", "Training", tmp_path / "v.csv")


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", VOTES_HEADER + "\nTraining,a.png,x\n"])
def test_a_file_without_votes_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "v.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"v\.csv is not fer2013new\.csv"):
        load_votes(path, "Training")


def test_selected_faces_keep_what_belongs_to_them() -> None:
    faces = make_faces()
    chosen = faces.select(faces.labels > 4)
    assert chosen.labels.tolist() == [5, 6]
    assert np.array_equal(chosen.images, faces.images[5:])
    assert len(chosen.votes) == 2
