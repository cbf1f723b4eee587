"""Report on a data set before training on it: python -m training.explore --data fer2013.csv.

Tables are printed; explore.html has them with sheets of faces. The page shows photographs that belong to
others: do not publish it.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import jinja2
import numpy as np
import torch
from numpy.typing import NDArray

from nn.emotion_net import FERPLUS
from settings import Settings, StartError
from sources.opencv import to_bgr
from training.augment import augment
from training.data import SPLITS, Faces, load_faces
from training.duplicates import near_pairs
from training.explore_plots import SHEET_COLUMNS, Picture, affect_plot, classes_plot, light_plot, sheet
from training.folders import MissingSplitError
from training.losses import is_face
from training.metrics import ferplus_majority
from vision.boxes import iou
from vision.detector import Detector
from vision.detectors import LIVE_PX
from vision.emotions import EMOTIONS
from vision.haar import HaarDetector
from vision.mtcnn import MtcnnDetector, Networks

TEMPLATE = Path(__file__).with_name("explore.html")
SEED = 0
SHEET_FACES = 24  # of each class
MAX_CONFLICTS = 12  # pairs shown
DETECTION_FACES = 700  # given to the detectors
SAME_BOX = 0.5  # iou
OUTCOMES = ("one", "several", "misplaced", "none")  # of a search for one face

Table = list[tuple[str, ...]]  # the first row has the columns' names


class Section(NamedTuple):
    """A section of the report."""

    title: str
    table: Table
    pictures: list[Picture]


def explore(splits: dict[str, Faces], detectors: Mapping[str, Detector]) -> Iterator[Section]:
    """Yield the report's sections, each as soon as it is ready."""
    faces = join(splits)
    yield classes(splits)
    yield pictures(faces)
    if faces.affect is not None and np.isfinite(faces.affect).all(axis=1).any():
        yield affect(faces.labels, faces.affect)
    yield light(faces)
    yield duplicates(splits)
    if ferplus_majority(faces.votes)[0].any():
        yield agreement(faces)
    yield detection(faces.some(DETECTION_FACES), detectors)


def join(splits: dict[str, Faces]) -> Faces:
    """Return the faces of all splits, one split after the other."""
    parts = list(splits.values())
    affects = [faces.affect for faces in parts if faces.affect is not None]
    return Faces(
        np.concatenate([faces.images for faces in parts]),
        np.concatenate([faces.labels for faces in parts]),
        np.concatenate([faces.votes for faces in parts]),
        np.concatenate(affects) if affects else None,
    )


def _by_emotion(labels: NDArray[np.int64]) -> dict[str, NDArray[np.intp]]:
    """Return the rows of each emotion that occurs among the labels (n,)."""
    rows = {name: np.flatnonzero(labels == label) for label, name in enumerate(EMOTIONS)}
    return {name: found for name, found in rows.items() if len(found)}


def classes(splits: dict[str, Faces]) -> Section:
    """Return the number of faces of each emotion in each split."""
    counts = {split: np.bincount(faces.labels, minlength=len(EMOTIONS)) for split, faces in splits.items()}
    rows = [
        (name, *(f"{n[label]:,} ({n[label] / n.sum():.1%})" for n in counts.values()))
        for label, name in enumerate(EMOTIONS)
    ]
    sizes = ("all", *(f"{len(faces):,}" for faces in splits.values()))
    return Section("Classes and splits", [("class", *splits), *rows, sizes], [classes_plot(counts)])


def pictures(faces: Faces) -> Section:
    """Return samples of each class, augmented faces, and the number of pictures that show no face."""
    flat = int((np.ptp(faces.images, axis=(1, 2)) == 0).sum())
    table: Table = [("pictures", f"{len(faces):,}"), ("flat gray", f"{flat:,}")]
    if faces.votes.any():
        table.append(("no face to most FER+ voters", f"{(~is_face(faces.votes)).sum():,}"))
    rng, sheets = np.random.default_rng(SEED), []
    for name, rows in _by_emotion(faces.labels).items():
        shown = rng.permutation(rows)[:SHEET_FACES]
        sheets.append(sheet(faces.images[shown], f"{name}: {len(shown)} of {len(rows):,}"))
    return Section("Samples of each class", table, [*sheets, augmented_sheet(faces)])


def augmented_sheet(faces: Faces) -> Picture:
    """Return a sheet of eight faces, as they are in its first row, and augmented in the others."""
    chosen = np.random.default_rng(SEED).permutation(len(faces))[:SHEET_COLUMNS]
    images = torch.from_numpy(faces.images[chosen]).unsqueeze(1).float()
    torch.manual_seed(SEED)
    rows = [images, *(augment(images, images.shape[2], webcam) for webcam in (0.0, 0.0, 0.3, 0.3, 1.0, 1.0))]
    shown = torch.cat(rows).round().clamp(0, 255).squeeze(1).byte().numpy()
    return sheet(shown, "Augmented: as it is, moved (2 rows), as a webcam shows it (webcam 0.3, then 1)")


def affect(labels: NDArray[np.int64], annotated: NDArray[np.float32]) -> Section:
    """Return each emotion's mean valence and arousal, annotated as (n, 2), NaN where there is none."""
    known = np.isfinite(annotated).all(axis=1)
    points = {name: annotated[known][rows] for name, rows in _by_emotion(labels[known]).items()}
    table: Table = [("class", "faces", "valence", "arousal")]
    for name, of_emotion in points.items():
        valence, arousal = of_emotion.mean(axis=0)
        table.append((name, f"{len(of_emotion):,}", f"{valence:+.2f}", f"{arousal:+.2f}"))
    return Section("Valence and arousal", table, [affect_plot(points)])


def light(faces: Faces) -> Section:
    """Return the faces' brightness and contrast: the mean and the standard deviation of their pixels."""
    pixels = faces.images.reshape(len(faces), -1)
    table: Table = [("gray levels", "5 %", "median", "95 %", "explained by the emotion")]
    plots = []
    for name, values in (("brightness", pixels.mean(axis=1)), ("contrast", pixels.std(axis=1))):
        points = (f"{point:.0f}" for point in np.percentile(values, (5, 50, 95)))
        groups = {emotion: values[rows] for emotion, rows in _by_emotion(faces.labels).items()}
        table.append((name, *points, f"{explained(groups):.1%}"))
        plots.append(light_plot(groups, name))
    return Section("Brightness and contrast", table, plots)


def explained(groups: dict[str, NDArray[np.float64]]) -> float:
    """Return the share of the variance of all values that their groups explain (eta squared)."""
    values = np.concatenate(list(groups.values()))
    between = sum(len(group) * (group.mean() - values.mean()) ** 2 for group in groups.values())
    whole = float(((values - values.mean()) ** 2).sum())
    return float(between) / whole if whole else 0.0


def duplicates(splits: dict[str, Faces]) -> Section:
    """Return the copies of faces within each split and between each two, and some that bear two labels."""
    faces, names = join(splits), list(splits)
    pairs = near_pairs(faces.images)
    owner = np.repeat(np.arange(len(splits)), [len(part) for part in splits.values()])
    same_label = faces.labels[pairs[:, 0]] == faces.labels[pairs[:, 1]]
    table: Table = [("where", "faces with a copy", "pairs", "same label")]
    for first, other in enumerate(names):
        for second, split in enumerate(names[first:], first):
            chosen = (owner[pairs] == (first, second)).all(axis=1)
            copied = len(np.unique(pairs[chosen] if first == second else pairs[chosen, 1]))
            same = f"{same_label[chosen].mean():.1%}" if chosen.any() else ""
            where = f"{split} in {'itself' if first == second else other}"
            share = f"{copied:,} ({copied / len(splits[split]):.1%})"
            table.append((where, share, f"{chosen.sum():,}", same))
    return Section("The same face twice", table, conflict_sheets(faces, pairs[~same_label]))


def conflict_sheets(faces: Faces, conflicts: NDArray[np.int64]) -> list[Picture]:
    """Return some of the pairs (k, 2) of copies with two labels, each face once, without flat images."""
    conflicts = conflicts[np.ptp(faces.images[conflicts[:, 0]], axis=(1, 2)) > 0]
    conflicts = conflicts[np.unique(conflicts[:, 0], return_index=True)[1]]
    return [
        sheet(faces.images[pair], " and ".join(EMOTIONS[label] for label in faces.labels[pair]))
        for pair in np.random.default_rng(SEED).permutation(conflicts)[:MAX_CONFLICTS]
    ]


def agreement(faces: Faces) -> Section:
    """Return which strict FER+ majorities the faces of each label have."""
    clear, majority = ferplus_majority(faces.votes)
    labels = faces.labels[clear]
    table: Table = [("label", "faces with a majority", "agree", *FERPLUS)]
    for name, rows in {**_by_emotion(labels), "all": np.arange(len(labels))}.items():
        shares = np.bincount(majority[rows], minlength=len(FERPLUS)) / len(rows)
        agree = (majority[rows] == labels[rows]).mean()
        table.append((name, f"{len(rows):,}", f"{agree:.1%}", *(f"{share:.0%}" for share in shares)))
    return Section("FER2013's label and FER+'s voters", table, [])


def detection(faces: Faces, detectors: Mapping[str, Detector]) -> Section:
    """Return what each detector finds in the faces, each enlarged and amid its own edges."""
    outcomes = [(title, outcome) for title in detectors for outcome in OUTCOMES]
    table: Table = [("class", "tried", *(f"{title}: {outcome}" for title, outcome in outcomes))]
    for name, rows in _by_emotion(faces.labels).items():
        counts = Counter(
            (title, outcome_of(faces.images[row], detector))
            for title, detector in detectors.items()
            for row in rows
        )
        table.append((name, f"{len(rows):,}", *(str(counts[outcome]) for outcome in outcomes)))
    return Section("Faces found by the detectors", table, [])


def outcome_of(face: NDArray[np.uint8], detector: Detector) -> str:
    """Return which of OUTCOMES a face (48, 48) uint8 in a larger image has."""
    side, margin = 2 * face.shape[0], face.shape[0]  # the border is repeated, so that it shows no edge
    large = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    scene = cv2.copyMakeBorder(large, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    boxes = detector.detect(to_bgr(scene)).boxes
    if len(boxes) != 1:
        return "several" if len(boxes) else "none"
    whole = np.array([margin, margin, margin + side, margin + side])
    return "one" if iou(whole, boxes).item() >= SAME_BOX else "misplaced"


def load_splits(path: Path, ferplus: Path | None) -> dict[str, Faces]:
    """Return the faces of each split in the data; ValueError if there is none, or one is damaged."""
    splits: dict[str, Faces] = {}
    absent: MissingSplitError | None = None
    for split in SPLITS:
        try:
            splits[split] = load_faces(path, split, ferplus)
        except MissingSplitError as error:
            absent = error
    if absent and not splits:
        raise absent
    return splits


def as_text(section: Section) -> str:
    """Return the title and the table of a section as lines for a terminal."""
    widths = [max(map(len, column)) + 2 for column in zip(*section.table, strict=True)]
    rows = ("".join(map(str.rjust, row, widths)) for row in section.table)
    return "\n".join((section.title, *rows, ""))


def main(argv: list[str] | None = None) -> int:
    """Write the report on a data set; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.explore", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of faces")
    parser.add_argument("--ferplus", type=Path, help="votes of FER+, fer2013new.csv")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/explore"), help="folder of the report (default: runs/explore)"
    )
    args: Any = parser.parse_args(argv)
    try:
        args.out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
        splits = load_splits(args.data, args.ferplus)
        for split, faces in splits.items():
            if faces.dropped:
                print(f"{split}: {faces.dropped:,} faces left out, which show none of the seven emotions")
        sections = []
        settings = Settings()
        detectors: dict[str, Detector] = {
            "Haar": HaarDetector(settings.cascade, settings.min_face_px),
            "MTCNN": MtcnnDetector(Networks.load(), settings.min_face_px, LIVE_PX),
        }
        for section in explore(splits, detectors):
            print(as_text(section), flush=True)
            sections.append(section)
        template = jinja2.Template(TEMPLATE.read_text(encoding="utf-8"), autoescape=True)
        page = template.render(data=args.data.name, sections=sections)
        (args.out / "explore.html").write_text(page, encoding="utf-8")
    except (ValueError, OSError, StartError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"report in {args.out / 'explore.html'}; it shows photographs: do not publish it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
