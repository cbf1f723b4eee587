"""Folders of faces as they are usually laid out: by split and emotion, as RAF-DB, and as CK+.

- train/<emotion>/ beside validation/, val/ or valid/, and test/; without validation/, test/ validates. An
  emotion's folder has its name in any usual word, or RAF-DB's number, 1 to 7, or FER2013's, 0 to 6.
- RAF-DB as its authors give it: EmoLabel/list_patition_label.txt and Image/aligned/, or basic/ with both.
- CK+: <emotion>/S010_004_00000017.png without splits. Each person is in one split, by the hash of the name.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path

from vision.emotion_names import find_emotion
from vision.emotions import EMOTIONS

TRAIN, VALIDATION, TEST = ("train", "training"), ("validation", "val", "valid"), ("test", "testing")
RAF = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")  # RAF-DB's classes from 1 on
RAF_LIST = Path("EmoLabel") / "list_patition_label.txt"  # RAF-DB's own spelling
RAF_SPLITS = {"Training": "train", "PublicTest": "test"}
TENTHS = {"Training": range(8), "PublicTest": (8,), "PrivateTest": (9,)}  # of people without splits
PICTURE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"))

Labelled = tuple[int, Path]  # an index into EMOTIONS, and a picture


class MissingSplitError(ValueError):
    """The data have no faces for that split; the message says so in one sentence."""


def find_faces(root: Path, split: str) -> Iterator[Labelled]:
    """Yield the label and the picture of each face of a split in a folder, in one order in every run.

    Raises MissingSplitError without that split, and ValueError for a layout that is not known.
    """
    for base in (root, root / "basic"):
        if (base / RAF_LIST).is_file():
            return _raf_faces(base, split)
    if split_folder := _split_folder(root, split):
        return _class_faces(split_folder, needs_all=True)
    if _split_folder(root, "Training") or _split_folder(root, "PublicTest"):
        raise MissingSplitError(f"no folder {root / _usual_name(split)}")
    if len(_class_folders(root)) > 1:
        return _people_faces(root, split)
    raise MissingSplitError(f"no folder {root / _usual_name(split)}")


def _split_folder(root: Path, split: str) -> Path | None:
    """Return the folder of a split, or None."""
    validates = _first(root, VALIDATION)
    if split == "Training":
        return _first(root, TRAIN)
    if split == "PublicTest":
        return validates or _first(root, TEST)
    return _first(root, ("private",)) or (_first(root, TEST) if validates else None)


def _usual_name(split: str) -> str:
    return {"Training": "train", "PublicTest": "test"}.get(split, "private")


def _first(root: Path, names: tuple[str, ...]) -> Path | None:
    """Return the first folder in root that has one of the names, in any case, or None."""
    there = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()}
    return next((there[name] for name in names if name in there), None)


def _class_folders(folder: Path) -> list[tuple[int, Path]]:
    """Return the label and the path of each emotion's folder, in the order of EMOTIONS."""
    paths = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    numbers = {path.name for path in paths if path.name.isdigit()}
    by_number = dict(enumerate(EMOTIONS)) if "0" in numbers else dict(enumerate(RAF, 1))
    found = []
    for path in paths:
        emotion = by_number.get(int(path.name)) if path.name in numbers else find_emotion(path.name)
        if emotion:
            found.append((EMOTIONS.index(emotion), path))
    return sorted(found)


def _class_faces(folder: Path, needs_all: bool = False) -> Iterator[Labelled]:
    """Yield the faces in the folders of the emotions; ValueError where one is missing that is needed."""
    folders = _class_folders(folder)
    there = {label for label, _ in folders}
    if needs_all and (missing := [name for label, name in enumerate(EMOTIONS) if label not in there]):
        raise ValueError(f"no folder {folder / missing[0]}")
    for label, path in folders:
        yield from ((label, file) for file in sorted(path.iterdir()) if file.suffix.lower() in PICTURE_SUFFIXES)


def _people_faces(root: Path, split: str) -> Iterator[Labelled]:
    """Yield the faces of the people of a split; a person is what a file's name has before its first _."""
    for label, path in _class_faces(root):
        person = path.stem.partition("_")[0]
        if zlib.crc32(person.encode()) % 10 in TENTHS[split]:
            yield label, path


def _raf_faces(base: Path, split: str) -> Iterator[Labelled]:
    """Yield the faces of RAF-DB, whose list has a name and a number a line; raises ValueError."""
    if split not in RAF_SPLITS:
        raise MissingSplitError(f"{base} has no faces for {split}")
    for number, line in enumerate((base / RAF_LIST).read_text(encoding="utf-8").splitlines(), 1):
        name, _, label = line.strip().partition(" ")
        if not name.startswith(RAF_SPLITS[split]):
            continue
        if label not in {str(index) for index in range(1, len(RAF) + 1)}:
            raise ValueError(f"{base / RAF_LIST} line {number} is not a file's name and a number of 1 to 7")
        path = base / "Image" / "aligned" / f"{Path(name).stem}_aligned{Path(name).suffix}"
        yield EMOTIONS.index(RAF[int(label) - 1]), path
