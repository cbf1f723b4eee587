"""Faces from files, training settings, and what is done to a face before the network sees it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from emotions import EMOTIONS
from training.augment import augment, resize
from training.config import CONFIGS, Config, load_config, parse_config
from training.data import SPLIT_FOLDERS, Faces, load_faces

HEADER = "emotion,pixels,Usage"
PIXELS = " ".join(["7"] * 48 * 48)
GOOD_ROW = f"3,{PIXELS},Training"

SETTINGS: dict[str, Any] = {
    "network": "base",
    "batch_size": 8,
    "learning_rate": 1e-3,
    "weight_decay": 0.01,
    "dropout": 0.1,
    "dense_dropout": 0.4,
    "label_smoothing": 0.0,
    "ema_decay": 0.0,
    "schedule": "one-cycle",
    "early_stopping": 0,
    "stages": [[24, 2], [36, 3], [48, 1]],
    "seed": 1,
}


def make_faces(n: int = 7, seed: int = 0) -> Faces:
    rng = np.random.default_rng(seed)
    return Faces(rng.integers(0, 256, (n, 48, 48), dtype=np.uint8), np.arange(n, dtype=np.int64) % 7)


def write_csv(path: Path, *lines: str) -> Path:
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return path


def csv_lines(faces: Faces, split: str) -> list[str]:
    pairs = zip(faces.labels, faces.images, strict=True)
    return [f"{label},{' '.join(map(str, image.ravel()))},{split}" for label, image in pairs]


def write_folder(folder: Path, faces: Faces, split: str) -> Path:
    for number, (label, image) in enumerate(zip(faces.labels, faces.images, strict=True)):
        path = folder / SPLIT_FOLDERS[split] / EMOTIONS[label] / f"{number:03}.png"
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
    splits = {split: make_faces(7, seed) for seed, split in enumerate(SPLIT_FOLDERS)}
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
    (tmp_path / "train" / "surprise").rename(tmp_path / "train" / "surprised")
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


@pytest.mark.parametrize("change", [one_pixel, one_label])
def test_the_hash_changes_with(change: Callable[[Faces], None]) -> None:
    faces = make_faces()
    before = faces.sha256()
    assert make_faces().sha256() == before
    change(faces)
    assert faces.sha256() != before


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: str(path.stem))
def test_every_configuration_loads_by_name_and_by_path(path: Path) -> None:
    config = load_config(path.stem)
    assert config == load_config(str(path))
    assert config.side(config.epochs - 1) == 48


def test_the_default_configuration_is_there() -> None:
    assert (CONFIGS / "base.toml").is_file()


def test_the_side_walks_the_stages() -> None:
    config = parse_config(SETTINGS, "here")
    assert config.epochs == 6
    assert [config.side(epoch) for epoch in range(6)] == [24, 24, 36, 36, 36, 48]
    with pytest.raises(IndexError):
        config.side(6)


def test_an_unknown_configuration_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"no training configuration 'bsae'; there are: .*base"):
        load_config("bsae")


def test_broken_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("seed = = 1")
    with pytest.raises(ValueError, match=r"mine\.toml is not valid TOML"):
        load_config(str(path))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_missing_setting_is_named(name: str) -> None:
    values = {key: value for key, value in SETTINGS.items() if key != name}
    with pytest.raises(ValueError, match=f"here lacks {name}"):
        parse_config(values, "here")


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ValueError, match="unknown settings: epochs, momentum"):
        parse_config({**SETTINGS, "momentum": 0.9, "epochs": 3}, "here")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schedule", "cosine"),
        ("network", "resnet"),
        ("batch_size", 0),
        ("batch_size", "64"),
        ("learning_rate", "1e-3"),
        ("stages", []),
        ("stages", [[48]]),
    ],
)
def test_an_impossible_setting_is_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"here.*{name}"):
        parse_config({**SETTINGS, name: value}, "here")


def test_a_configuration_can_be_made_from_its_settings() -> None:
    assert parse_config(SETTINGS, "here") == Config(**SETTINGS)


def pictures(n: int = 4) -> torch.Tensor:
    return torch.from_numpy(make_faces(n).images).unsqueeze(1).float()


@pytest.mark.parametrize("side", [24, 36, 48])
def test_augmented_pictures_have_the_side_asked_for(side: int) -> None:
    images = pictures()
    before = images.clone()
    result = augment(images, side)
    assert result.shape == (4, 1, side, side)
    assert result.dtype == torch.float32
    assert torch.equal(images, before)
    assert images.min() <= result.min() <= result.max() <= images.max()


def test_the_same_seed_gives_the_same_augmentation() -> None:
    torch.manual_seed(5)
    first, second = augment(pictures(), 48), augment(pictures(), 48)
    torch.manual_seed(5)
    assert torch.equal(augment(pictures(), 48), first)
    assert not torch.equal(first, second)


def test_each_picture_is_warped_in_its_own_way() -> None:
    torch.manual_seed(0)
    first, second = augment(pictures(1).repeat(2, 1, 1, 1), 48)
    assert not torch.equal(first, second)


def test_augmenting_mirrors_about_half_of_the_pictures() -> None:
    images = torch.zeros(200, 1, 48, 48)
    images[..., :24] = 255
    torch.manual_seed(0)
    mirrored = augment(images, 48)[:, 0, :, 40:].mean(dim=(1, 2)) > 127
    assert 70 < mirrored.sum() < 130


def test_a_flat_picture_stays_flat() -> None:
    result = augment(torch.full((9, 1, 48, 48), 200.0), 36)
    assert (result - 200).abs().max() < 0.01


def test_resize_to_the_same_side_changes_nothing() -> None:
    images = pictures()
    assert torch.equal(resize(images, 48), images)


def test_resize_smooths_where_it_shrinks() -> None:
    stripes: NDArray[Any] = np.indices((48, 48))[1] % 2 * 200
    result = resize(torch.from_numpy(stripes).reshape(1, 1, 48, 48).float(), 16)
    assert result.shape == (1, 1, 16, 16)
    assert (result - 100).abs().max() < 30
