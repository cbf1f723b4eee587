"""Faces of any source with the names of people and sources, to be measured name by name.

A folder holds either faces.csv with the columns file, emotion and one for each name (file is a path in the
folder), or a level of folders for each name and below them the emotions: source/person/emotion/*.png is read by
the names source,person. A picture is a face by itself, cut as FER2013's are; an emotion is any usual word.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data import Faces, no_votes, read_face
from training.folders import PICTURE_SUFFIXES
from vision.emotion_names import find_emotion
from vision.emotions import EMOTIONS

LIST = "faces.csv"
PERSON = "person"  # the kind of name whose faces are also read against their rest

Named = tuple[Path, str, tuple[str, ...]]  # a picture, the word for its emotion, and its names


@dataclass(frozen=True)
class NamedFaces:
    """Faces and their names.

    Attributes:
        faces: The faces.
        names: The names (n,) str of each kind, such as "source" and "person": within a name of the kind before,
            so that two sources may each have a person 1.
    """

    faces: Faces
    names: dict[str, NDArray[np.str_]]


def load_named(folder: Path, kinds: Sequence[str]) -> NamedFaces:
    """Return the faces in a folder of one of the two layouts, in one order in every run.

    Faces of other emotions, as contempt, are left out. Raises ValueError, in one sentence, if the folder, a
    column, a level or a picture is missing or cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"no folder {folder}: --by takes a folder with {LIST} or {_layout(kinds)}")
    found = _listed(folder, kinds) if (folder / LIST).is_file() else _in_folders(folder, kinds)
    rows = [(path, emotion, names) for path, word, names in found if (emotion := find_emotion(word))]
    if not rows:
        raise ValueError(f"{folder} has no faces: it needs {LIST} or {_layout(kinds)}")
    images = np.stack([read_face(path) for path, _, _ in rows])
    labels = np.array([EMOTIONS.index(emotion) for _, emotion, _ in rows], dtype=np.int64)
    faces = Faces(images, labels, no_votes(len(rows)))
    nested = [["/".join(names[: level + 1]) for _, _, names in rows] for level in range(len(kinds))]
    return NamedFaces(faces, {kind: np.array(names) for kind, names in zip(kinds, nested, strict=True)})


def _layout(kinds: Sequence[str]) -> str:
    return "/".join((*kinds, "emotion", "*.png"))


def _in_folders(folder: Path, kinds: Sequence[str]) -> Iterator[Named]:
    """Yield the pictures in folders; ValueError for one that is at another level."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in PICTURE_SUFFIXES:
            continue
        *names, word, _ = path.relative_to(folder).parts if path.parent != folder else ("", "")
        if len(names) != len(kinds):
            raise ValueError(f"{path} does not lie in {folder / _layout(kinds)}")
        yield path, word, tuple(names)


def _listed(folder: Path, kinds: Sequence[str]) -> Iterator[Named]:
    """Yield the pictures of faces.csv; ValueError where a column or a value is missing."""
    with (folder / LIST).open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns = ("file", "emotion", *kinds)
        if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
            raise ValueError(f"{folder / LIST} has no column {missing[0]!r}")
        for row in reader:
            values = [row[column] for column in columns]
            if not all(values):
                raise ValueError(f"{folder / LIST} line {reader.line_num} lacks a value")
            yield folder / values[0], values[1], tuple(values[2:])
