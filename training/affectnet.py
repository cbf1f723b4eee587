"""AffectNet in its two published layouts (Mollahosseini, Hasani and Mahoor 2017, arXiv 1708.03985).

- Lists: training.csv and validation.csv, with subDirectory_filePath, face_x, face_y, face_width, face_height,
  facial_landmarks, expression, valence, arousal; some copies of validation.csv have no line of names. The
  pictures lie in the same folder, in Manually_Annotated_Images/, or beside the folder of the lists.
- Arrays: train_set/ and val_set/, each with images/N.jpg and annotations/N_{exp,val,aro,lnd}.npy.

Written from their descriptions and tested on made-up files: it never ran on the data set itself.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from training.folders import PICTURE_SUFFIXES
from vision.emotions import EMOTIONS

# Expressions 0 to 6; 7 is contempt, 8 none, 9 uncertain, 10 no face.
CLASSES = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry")
OTHERS = range(7, 11)
COLUMNS = (
    *("subDirectory_filePath", "face_x", "face_y", "face_width", "face_height"),
    *("facial_landmarks", "expression", "valence", "arousal"),
)
LISTS = {"Training": "training.csv", "PublicTest": "validation.csv"}
SETS = {"Training": "train_set", "PublicTest": "val_set"}
LIST_FOLDERS = ("", "Manually_Annotated_file_lists")
PICTURE_FOLDERS = ("", "Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images")


class AffectFace(NamedTuple):
    """A picture of AffectNet with its label.

    label is an index into EMOTIONS, or None for an expression that is none of them; box is (left, top, width,
    height) px of the face, None for the whole picture; affect is (valence, arousal), -1 to 1, NaN where the
    annotators gave none.
    """

    picture: Path
    label: int | None
    box: tuple[int, int, int, int] | None
    affect: tuple[float, float]


def is_affectnet(root: Path) -> bool:
    """Return whether a folder has one of the two layouts."""
    return _list_folder(root) is not None or any(_is_set(root / name) for name in SETS.values())


def affectnet_faces(root: Path, split: str) -> Iterator[AffectFace]:
    """Yield the faces of a split, in one order in every run; none without that split.

    Raises ValueError, in one sentence, for a row or a file that cannot be read.
    """
    if split not in LISTS:
        return
    folder = _list_folder(root)
    if folder is not None and (folder / LISTS[split]).is_file():
        yield from _listed(root, folder / LISTS[split])
    elif _is_set(root / SETS[split]):
        yield from _in_arrays(root / SETS[split])


def _list_folder(root: Path) -> Path | None:
    """Return the folder with one of the lists, if the list's columns are AffectNet's."""
    for name in LIST_FOLDERS:
        for path in (root / name / file for file in LISTS.values()):
            if path.is_file():
                with path.open(newline="", encoding="utf-8-sig") as file:
                    row = next(csv.reader(file), [])
                if tuple(row) == COLUMNS or (len(row) == len(COLUMNS) and row[6].isdigit()):
                    return root / name
    return None


def _is_set(folder: Path) -> bool:
    return (folder / "images").is_dir() and (folder / "annotations").is_dir()


def _listed(root: Path, path: Path) -> Iterator[AffectFace]:
    """Yield the faces of a list."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        for row in reader:
            if tuple(row) == COLUMNS:
                continue
            where = f"{path} line {reader.line_num}"
            if len(row) != len(COLUMNS):
                raise ValueError(f"{where} has {len(row)} values in place of {len(COLUMNS)}")
            try:
                left, top, width, height = (round(float(value or 0)) for value in row[1:5])
                label, affect = _label(row[6]), _affect(row[7], row[8])
            except ValueError:
                raise ValueError(f"{where} has no box, expression, valence and arousal of a face") from None
            picture = _find_picture(root, row[0]) if label is not None else root / row[0]
            if picture is None:
                raise ValueError(f"{where} names {row[0]}, which is not there")
            box = (left, top, width, height) if width > 0 and height > 0 else None
            yield AffectFace(picture, label, box, affect)


def _find_picture(root: Path, name: str) -> Path | None:
    places = (base / folder / name for base in (root, root.parent) for folder in PICTURE_FOLDERS)
    return next((path for path in places if path.is_file()), None)


def _in_arrays(folder: Path) -> Iterator[AffectFace]:
    """Yield the faces of a set."""
    pictures = [path for path in (folder / "images").iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
    for picture in sorted(pictures, key=lambda path: (len(path.stem), path.stem)):
        expression, valence, arousal = (
            _read_value(folder / "annotations" / f"{picture.stem}_{name}.npy") for name in ("exp", "val", "aro")
        )
        try:
            label, affect = _label(expression), _affect(valence, arousal)
        except ValueError:
            raise ValueError(f"the annotations of {picture} are not numbers of AffectNet") from None
        yield AffectFace(picture, label, None, affect)


def _read_value(path: Path) -> str:
    """Return the one value of an .npy file as text; raises ValueError."""
    try:
        return str(np.load(path, allow_pickle=False).item())
    except (OSError, ValueError, EOFError):
        raise ValueError(f"{path} is not an annotation that can be read") from None


def _label(expression: str) -> int | None:
    """Return an expression's index into EMOTIONS, None for one of OTHERS; raises ValueError."""
    number = int(float(expression))
    if number in OTHERS:
        return None
    if not 0 <= number < len(CLASSES):
        raise ValueError(expression)
    return EMOTIONS.index(CLASSES[number])


def _affect(valence: str, arousal: str) -> tuple[float, float]:
    """Return valence and arousal, NaN where one is beyond -1 to 1 (-2: not annotated); ValueError."""
    pair = float(valence), float(arousal)
    return pair if all(-1 <= value <= 1 for value in pair) else (float("nan"), float("nan"))
