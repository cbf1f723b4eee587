"""Labelled faces: FER2013 from Kaggle's fer2013.csv, AffectNet, or folders as in training.folders."""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model import preprocess
from nn.model_card import INPUT_SIDE
from training.affectnet import affectnet_faces, is_affectnet
from training.folders import MissingSplitError, find_faces
from vision.emotions import EMOTIONS
from vision.jpeg import load_gray

# fer2013new.csv's columns: EMOTIONS by FER+'s names, and the three that FER2013 lacks
VOTES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt", "unknown", "NF")
SPLITS = ("Training", "PublicTest", "PrivateTest")


@dataclass(frozen=True)
class Faces:
    """Faces with their labels.

    Attributes:
        images: The faces (n, 48, 48) uint8 gray.
        labels: Their labels (n,) int64, indices into EMOTIONS.
        votes: Their FER+ votes (n, 10) int64 in the order of VOTES; all zero where there are none.
        affect: Their valence and arousal (n, 2) float32, -1 to 1, NaN where there are none; None without any.
        dropped: How many faces of the split are left out, because they show none of EMOTIONS.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.int64]
    affect: NDArray[np.float32] | None = None
    dropped: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    def sha256(self) -> str:
        """Return the hash of pixels, labels and votes, which a model card keeps."""
        digest = hashlib.sha256(self.images.tobytes())
        digest.update(self.labels.astype("<i8").tobytes())
        digest.update(self.votes.astype("<i8").tobytes())
        return digest.hexdigest()

    def some(self, count: int) -> "Faces":
        """Return about so many of the faces, each label in proportion, the same in every run."""
        order = np.random.default_rng(0).permutation(len(self))
        order = order[np.argsort(self.labels[order], kind="stable")]  # label by label
        chosen = np.zeros(len(self), dtype=np.bool_)
        chosen[order[np.linspace(0, len(self) - 1, min(count, len(self))).round().astype(int)]] = True
        return self.select(chosen)

    def select(self, chosen: NDArray[np.bool_]) -> "Faces":
        """Return the chosen faces; chosen is (n,) bool."""
        affect = None if self.affect is None else self.affect[chosen]
        return Faces(self.images[chosen], self.labels[chosen], self.votes[chosen], affect, self.dropped)


def load_faces(path: Path, split: str, ferplus: Path | None = None) -> Faces:
    """Return the faces of one split.

    Args:
        path: fer2013.csv, or a folder of a layout in training.folders.
        split: "Training", "PublicTest" or "PrivateTest".
        ferplus: fer2013new.csv, whose rows are in the order of fer2013.csv.

    Raises:
        ValueError: The file, the split or a row cannot be read; the message says which, in one sentence.
    """
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are: {', '.join(SPLITS)}")
    if path.is_dir() and is_affectnet(path):
        if ferplus is not None:
            raise ValueError("FER+ votes are in the row order of fer2013.csv: they do not fit AffectNet")
        return _load_affectnet(path, split)
    if path.is_dir():
        rows = [(label, read_face(picture)) for label, picture in find_faces(path, split)]
    elif path.is_file():
        try:
            rows = list(_csv_rows(path, split))
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path} is not a CSV file in UTF-8 ({error})") from None
    else:
        raise ValueError(f"no data at {path}: give Kaggle's fer2013.csv or a folder with train/<emotion>/*.png")
    if not rows:
        raise MissingSplitError(f"{path} has no faces for {split}")
    labels, images = zip(*rows, strict=True)
    if ferplus is None:
        votes = no_votes(len(rows))
    elif path.is_dir():
        raise ValueError("FER+ votes are in the row order of fer2013.csv: they do not fit a folder")
    else:
        votes = load_votes(ferplus, split)
    if len(votes) != len(rows):
        raise ValueError(f"{ferplus} has votes for {len(votes)} faces of {split}, {path} has {len(rows)}")
    return Faces(np.stack(images), np.array(labels, dtype=np.int64), votes)


def _load_affectnet(path: Path, split: str) -> Faces:
    """Return the faces of a split of AffectNet that show one of EMOTIONS; raises ValueError."""
    images, labels, affect, dropped = [], [], [], 0
    for face in affectnet_faces(path, split):
        if face.label is None:
            dropped += 1
            continue
        images.append(read_face(face.picture, face.box))
        labels.append(face.label)
        affect.append(face.affect)
    if not images:
        raise MissingSplitError(f"{path} has no faces for {split}")
    votes = no_votes(len(labels))
    return Faces(np.stack(images), np.array(labels), votes, np.array(affect, dtype=np.float32), dropped)


def no_votes(count: int) -> NDArray[np.int64]:
    """Return the votes (n, 10) of so many faces that have none."""
    return np.zeros((count, len(VOTES)), dtype=np.int64)


def load_votes(path: Path, split: str) -> NDArray[np.int64]:
    """Return the votes (n, 10) int64 of a split of fer2013new.csv, in the order of VOTES; raises ValueError."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = [row for row in reader if row["Usage"] == split]
        if not {*VOTES, "Usage"} <= set(reader.fieldnames or ()):
            raise ValueError
        votes = [[int(row[name]) for name in VOTES] for row in rows]
    except (OSError, KeyError, TypeError, ValueError, csv.Error):
        raise ValueError(f"{path} is not fer2013new.csv") from None
    return np.array(votes, dtype=np.int64).reshape(-1, len(VOTES))


def _csv_rows(path: Path, split: str) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the label and the face (48, 48) uint8 of each row of a split; raises ValueError."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if not {"emotion", "pixels", "Usage"} <= set(reader.fieldnames or ()):
            raise ValueError(f"{path} is not fer2013.csv: its first line must be emotion,pixels,Usage")
        for row in reader:
            if row["Usage"] not in SPLITS:
                raise ValueError(
                    f"{path} line {reader.line_num} has no Usage: the file is cut short or damaged"
                )
            if row["Usage"] == split:
                yield _parse_row(row, f"{path} line {reader.line_num}")


def _parse_row(row: dict[str, str], where: str) -> tuple[int, NDArray[np.uint8]]:
    """Return a row's label and face (48, 48) uint8; ValueError that begins with `where`."""
    try:
        label = int(row["emotion"])
        pixels = np.array(row["pixels"].split(), dtype=np.uint8)
    except (ValueError, TypeError, OverflowError, AttributeError):
        raise ValueError(f"{where} is not an emotion number and pixels of 0 to 255") from None
    if not 0 <= label < len(EMOTIONS) or pixels.size != INPUT_SIDE * INPUT_SIDE:
        raise ValueError(f"{where} needs an emotion of 0 to 6 and {INPUT_SIDE * INPUT_SIDE} pixels")
    return label, pixels.reshape(INPUT_SIDE, INPUT_SIDE)


def read_face(path: Path, box: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
    """Return a picture, or its box (left, top, width, height) px, as a face (48, 48) uint8; ValueError."""
    gray = load_gray(path)
    if gray is None:
        raise ValueError(f"{path} is not a picture that OpenCV can read")
    left, top, width, height = box or (0, 0, gray.shape[1], gray.shape[0])
    return np.asarray(preprocess(gray, np.array([[left, top, left + width, top + height]]))[0])
