"""Report on a data set before training on it: python -m training.explore --data fer2013.csv.

The report is explore.html, a page with plots and sheets of faces, and explore.json with its figures. The page
shows photographs that belong to others: do not publish it.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
import torch
from numpy.typing import NDArray

from settings import ROOT, StartError
from training.augment import augment
from training.data import SPLITS, Faces, load_faces
from training.duplicates import near_pairs
from training.explore_figures import (
    MIN_FACE_PX,
    OUTCOMES,
    Affect,
    Agreement,
    Classes,
    Detection,
    Duplicates,
    Levels,
    Light,
    Pictures,
    by_emotion,
    count_classes,
    count_duplicates,
    count_empty,
    measure_affect,
    measure_agreement,
    measure_levels,
    measure_light,
    percent,
    try_detectors,
)
from training.explore_plots import (
    SHEET_COLUMNS,
    Picture,
    affect_plot,
    agreement_plot,
    classes_plot,
    detection_plot,
    levels_plot,
    light_plots,
    sheet,
    sizes_plot,
)
from training.folders import MissingSplitError
from vision.detector import Detector
from vision.detectors import LIVE_PX
from vision.emotions import EMOTIONS
from vision.haar import HaarDetector
from vision.mtcnn import MtcnnDetector, Networks

TEMPLATES = Path(__file__).parent / "templates"
CASCADE = ROOT / "haarcascade_frontalface_alt2.xml"
SEED = 0
SHEET_FACES = 24  # of each class
MAX_CONFLICTS = 12  # pairs shown
DETECTION_FACES = 700  # given to the detectors

Table = list[tuple[str, ...]]  # the first row has the columns' names


class Section(NamedTuple):
    """A section of the report: its name in the JSON, its title, its figures, its pictures and its table."""

    name: str
    title: str
    figures: Classes | Pictures | Affect | Levels | Light | Duplicates | Agreement | Detection
    pictures: list[Picture]
    table: Table


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


def join(splits: dict[str, Faces]) -> Faces:
    """Return the faces of all splits, one split after the other."""
    parts = list(splits.values())
    affect = [faces.affect for faces in parts if faces.affect is not None]
    return Faces(
        np.concatenate([faces.images for faces in parts]),
        np.concatenate([faces.labels for faces in parts]),
        np.concatenate([faces.votes for faces in parts]),
        np.concatenate(affect) if affect else None,
        sum(faces.dropped for faces in parts),
    )


def explore(splits: dict[str, Faces], detectors: Mapping[str, Detector]) -> Iterator[Section]:
    """Yield the report's sections, each as soon as it is ready."""
    faces, rng = join(splits), np.random.default_rng(SEED)
    classes = count_classes(splits)
    yield Section(
        "classes",
        "Classes and splits",
        classes,
        [sizes_plot(classes), classes_plot(classes)],
        _class_table(classes),
    )
    sheets = [*sample_sheets(faces, rng), augmented_sheet(faces)]
    yield Section("pictures", "Samples of each class", count_empty(faces), sheets, [])
    if (affect := measure_affect(faces)) and faces.affect is not None:
        known = np.isfinite(faces.affect).all(axis=1)
        plots = [affect_plot(faces.affect[known], faces.labels[known], affect.means)]
        yield Section("affect", "Valence and arousal", affect, plots, _affect_table(affect))
    levels = measure_levels(faces)
    yield Section("levels", "Pixel values", levels, [levels_plot(levels)], [])
    light = light_plots(faces.images, faces.labels)
    yield Section("light", "Brightness and contrast", measure_light(faces), light, [])
    pairs = near_pairs(faces.images)
    duplicates = count_duplicates(splits, pairs)
    conflicts = conflict_sheets(faces, pairs, rng)
    yield Section("duplicates", "The same face twice", duplicates, conflicts, _duplicate_table(duplicates))
    if agreement := measure_agreement(faces):
        plots = [agreement_plot(agreement)]
        yield Section(
            "agreement", "FER2013's label and FER+'s voters", agreement, plots, _share_table(agreement)
        )
    # with its own generator, so that the sheets do not change its sample
    found = try_detectors(faces, detectors, DETECTION_FACES, np.random.default_rng(SEED))
    plots = [detection_plot(found)]
    yield Section("detection", "Faces found by the detectors", found, plots, _found_table(found))


def sample_sheets(faces: Faces, rng: np.random.Generator) -> list[Picture]:
    """Return a sheet of random faces of each class."""
    return [
        sheet(
            rng.permutation(images)[:SHEET_FACES],
            f"{name}: {min(SHEET_FACES, len(images))} of {len(images):,}",
        )
        for name, images in by_emotion(faces.images, faces.labels).items()
    ]


def augmented_sheet(faces: Faces) -> Picture:
    """Return a sheet of eight faces, as they are in its first row, and augmented in the others."""
    chosen = np.random.default_rng(SEED).permutation(len(faces))[:SHEET_COLUMNS]
    images = torch.from_numpy(faces.images[chosen]).unsqueeze(1).float()
    torch.manual_seed(SEED)
    rows = [images, *(augment(images, images.shape[2], webcam) for webcam in (0.0, 0.0, 0.3, 0.3, 1.0, 1.0))]
    pictures = torch.cat(rows).round().clamp(0, 255).squeeze(1).byte().numpy()
    return sheet(pictures, "Augmented: as it is, moved (2 rows), as a webcam shows it (webcam 0.3, then 1)")


def conflict_sheets(faces: Faces, pairs: NDArray[np.int64], rng: np.random.Generator) -> list[Picture]:
    """Return some of the pairs (k, 2) of copies that have two labels, each face once, without flat images."""
    two_labels = faces.labels[pairs[:, 0]] != faces.labels[pairs[:, 1]]
    seen = np.ptp(faces.images[pairs[:, 0]], axis=(1, 2)) > 0
    conflicts = pairs[two_labels & seen]
    conflicts = conflicts[np.unique(conflicts[:, 0], return_index=True)[1]]
    return [
        sheet(faces.images[pair], " and ".join(EMOTIONS[label] for label in faces.labels[pair]))
        for pair in rng.permutation(conflicts)[:MAX_CONFLICTS]
    ]


def _class_table(classes: Classes) -> Table:
    """Return the number and share of each class in each split."""
    rows = [
        (name, *(f"{classes.counts[s][name]:,} ({percent(classes.share(s, name))})" for s in classes.counts))
        for name in EMOTIONS
    ]
    total = ("all", *(f"{sum(counts.values()):,}" for counts in classes.counts.values()))
    return [("class", *classes.counts), *rows, total]


def _affect_table(affect: Affect) -> Table:
    """Return each emotion's mean valence and arousal."""
    rows = [(name, f"{valence:+.2f}", f"{arousal:+.2f}") for name, (valence, arousal) in affect.means.items()]
    return [("class", "valence", "arousal"), *rows]


def _duplicate_table(duplicates: Duplicates) -> Table:
    """Return the copies within each split and between each two."""
    rows = [
        (
            f"{o.split} in itself" if o.split == o.other else f"{o.split} in {o.other}",
            f"{o.faces:,} ({percent(o.share)})",
            f"{o.pairs:,}",
            percent(o.same_label / o.pairs) if o.pairs else "",
        )
        for o in duplicates.overlaps
    ]
    return [("where", "faces with a copy", "pairs", "same label"), *rows]


def _share_table(agreement: Agreement) -> Table:
    """Return each label's faces with a majority, and the share that agrees."""
    rows = [
        (name, f"{sum(agreement.counts[name].values()):,}", percent(share))
        for name, share in agreement.shares.items()
    ]
    return [("label", "faces with a majority", "agrees"), *rows]


def _found_table(found: Detection) -> Table:
    """Return the faces of each emotion that were tried, and how many of them have each outcome."""
    rows = [
        (name, str(found.tried(name)), *(str(n) for each in found.counts.values() for n in each[name].values()))
        for name in found.weights
    ]
    outcomes = [f"{title}: {outcome}" for title in found.counts for outcome in OUTCOMES]
    return [("class", "tried", *outcomes), *rows]


def write_report(out: Path, data: str, sections: list[Section]) -> None:
    """Write explore.html and explore.json into the folder `out`; data is the data set's name."""
    figures = {s.name: asdict(s.figures) | {"conclusion": s.figures.conclusion()} for s in sections}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("explore.html").render(data=data, sections=sections)
    out.mkdir(parents=True, exist_ok=True)
    (out / "explore.json").write_text(json.dumps({"data": data, **figures}, indent=2), encoding="utf-8")
    (out / "explore.html").write_text(page, encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Write the report on a data set; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.explore", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder of faces")
    parser.add_argument("--ferplus", type=Path, help="votes of FER+, fer2013new.csv")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/explore"), help="report's folder (default: runs/explore)"
    )
    args: Any = parser.parse_args(argv)
    try:
        args.out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
        splits = load_splits(args.data, args.ferplus)
        for split, faces in splits.items():
            if faces.dropped:
                print(f"{split}: {faces.dropped:,} faces left out, which show none of the seven emotions")
        sections = []
        detectors: dict[str, Detector] = {
            "Haar": HaarDetector(CASCADE, MIN_FACE_PX),
            "MTCNN": MtcnnDetector(Networks.load(), MIN_FACE_PX, LIVE_PX),
        }
        for section in explore(splits, detectors):
            print(f"{section.title}: {section.figures.conclusion()}")
            sections.append(section)
        write_report(args.out, args.data.name, sections)
    except (ValueError, OSError, StartError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"report in {args.out / 'explore.html'}; it shows photographs: do not publish it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
