"""The sections of a data set's report, each with its figures, a sentence, pictures and a table."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from nn.emotion_net import FERPLUS
from sources.opencv import to_bgr
from training.augment import augment
from training.data import Faces
from training.duplicates import near_pairs
from training.explore_plots import (
    SHEET_COLUMNS,
    Picture,
    affect_plot,
    agreement_plot,
    classes_plot,
    light_plot,
    sheet,
)
from training.losses import is_face
from training.metrics import ferplus_majority
from vision.boxes import iou
from vision.detector import Detector
from vision.emotions import EMOTIONS

SEED = 0
SHEET_FACES = 24  # of each class
MAX_CONFLICTS = 12  # pairs shown
DETECTION_FACES = 700  # given to the detectors
SAME_BOX = 0.5  # iou
OUTCOMES = ("one", "several", "one misplaced", "none")  # of a search for one face

Table = list[tuple[str, ...]]  # the first row has the columns' names


class Section(NamedTuple):
    """A section of the report: its name in the JSON, its title, its figures, its sentence and what it shows."""

    name: str
    title: str
    figures: dict[str, Any]
    conclusion: str
    pictures: list[Picture]
    table: Table


def percent(share: float) -> str:
    """Return a share, 0 to 1, as text in percent."""
    return f"{100 * share:.1f} %"


def explore(splits: dict[str, Faces], detectors: Mapping[str, Detector]) -> Iterator[Section]:
    """Yield the report's sections, each as soon as it is ready."""
    faces = join(splits)
    yield classes(splits)
    yield pictures(faces)
    if faces.affect is not None and np.isfinite(faces.affect).all(axis=1).any():
        yield affect(faces, faces.affect)
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
        sum(faces.dropped for faces in parts),
    )


def _by_emotion(labels: NDArray[np.int64]) -> dict[str, NDArray[np.intp]]:
    """Return the rows of each emotion that occurs among the labels (n,)."""
    rows = {name: np.flatnonzero(labels == label) for label, name in enumerate(EMOTIONS)}
    return {name: found for name, found in rows.items() if len(found)}


def classes(splits: dict[str, Faces]) -> Section:
    """Return the number of faces of each emotion in each split."""
    counted = {split: np.bincount(faces.labels, minlength=len(EMOTIONS)) for split, faces in splits.items()}
    counts = {split: dict(zip(EMOTIONS, map(int, n), strict=True)) for split, n in counted.items()}
    total = {name: sum(of_split[name] for of_split in counts.values()) for name in EMOTIONS}
    most, least = max(total, key=total.__getitem__), min(total, key=total.__getitem__)
    if missing := [name for name in EMOTIONS if not total[name]]:
        conclusion = f"There is no face at all for {', '.join(missing)}."
    else:
        always = percent(total[most] / sum(total.values()))
        conclusion = f"There are {total[most] / total[least]:.1f} times as many {most} faces as {least} ones; "
        conclusion += f"always answering {most} is right on {always}."
    rows = [
        (name, *(f"{n[name]:,} ({percent(n[name] / sum(n.values()))})" for n in counts.values()))
        for name in EMOTIONS
    ]
    sizes = ("all", *(f"{len(faces):,}" for faces in splits.values()))
    table = [("class", *splits), *rows, sizes]
    return Section(
        "classes", "Classes and splits", {"counts": counts}, conclusion, [classes_plot(counts)], table
    )


def pictures(faces: Faces) -> Section:
    """Return samples of each class, augmented faces, and the number of pictures that show no face."""
    flat = int((np.ptp(faces.images, axis=(1, 2)) == 0).sum())
    no_face = int((~is_face(faces.votes)).sum()) if faces.votes.any() else None
    voters = f", and {no_face:,} show no face to most FER+ voters" if no_face is not None else ""
    rng, sheets = np.random.default_rng(SEED), []
    for name, rows in _by_emotion(faces.labels).items():
        shown = rng.permutation(rows)[:SHEET_FACES]
        sheets.append(sheet(faces.images[shown], f"{name}: {len(shown)} of {len(rows):,}"))
    return Section(
        "pictures",
        "Samples of each class",
        {"faces": len(faces), "flat": flat, "no_face": no_face},
        f"Of {len(faces):,} pictures {flat:,} are flat gray{voters}.",
        [*sheets, augmented_sheet(faces)],
        [],
    )


def augmented_sheet(faces: Faces) -> Picture:
    """Return a sheet of eight faces, as they are in its first row, and augmented in the others."""
    chosen = np.random.default_rng(SEED).permutation(len(faces))[:SHEET_COLUMNS]
    images = torch.from_numpy(faces.images[chosen]).unsqueeze(1).float()
    torch.manual_seed(SEED)
    rows = [images, *(augment(images, images.shape[2], webcam) for webcam in (0.0, 0.0, 0.3, 0.3, 1.0, 1.0))]
    shown = torch.cat(rows).round().clamp(0, 255).squeeze(1).byte().numpy()
    return sheet(shown, "Augmented: as it is, moved (2 rows), as a webcam shows it (webcam 0.3, then 1)")


def affect(faces: Faces, annotated: NDArray[np.float32]) -> Section:
    """Return each emotion's mean valence and arousal, annotated as (n, 2), NaN where there is none."""
    known = np.isfinite(annotated).all(axis=1)
    points, labels = annotated[known], faces.labels[known]
    means = {name: [float(m) for m in points[rows].mean(axis=0)] for name, rows in _by_emotion(labels).items()}
    table = [(name, f"{valence:+.2f}", f"{arousal:+.2f}") for name, (valence, arousal) in means.items()]
    return Section(
        "affect",
        "Valence and arousal",
        {"faces": len(points), "means": means},
        f"{len(points):,} faces have valence and arousal.",
        [affect_plot({name: points[rows] for name, rows in _by_emotion(labels).items()})],
        [("class", "valence", "arousal"), *table],
    )


def light(faces: Faces) -> Section:
    """Return the faces' brightness and contrast: the mean and the standard deviation of their pixels."""
    pixels = faces.images.reshape(len(faces), -1)
    figures: dict[str, Any] = {}
    shown, sentences = [], []
    for name, values in (("brightness", pixels.mean(axis=1)), ("contrast", pixels.std(axis=1))):
        low, middle, high = (float(point) for point in np.percentile(values, (5, 50, 95)))
        explained = _explained(values, faces.labels)
        figures |= {name: [low, middle, high], f"{name}_explained": explained}
        by_emotion = {emotion: values[rows] for emotion, rows in _by_emotion(faces.labels).items()}
        shown.append(light_plot(by_emotion, name))
        sentences.append(
            f"{name} of {low:.0f} to {high:.0f}, of which the emotion explains {percent(explained)}"
        )
    conclusion = f"Nine faces in ten have a {', and a '.join(sentences)}."
    return Section("light", "Brightness and contrast", figures, conclusion, shown, [])


def _explained(values: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the share of the variance of values (n,) that the labels (n,) explain (eta squared)."""
    groups = [values[rows] for rows in _by_emotion(labels).values()]
    between = sum(len(group) * (group.mean() - values.mean()) ** 2 for group in groups)
    whole = float(((values - values.mean()) ** 2).sum())
    return float(between) / whole if whole else 0.0


def duplicates(splits: dict[str, Faces]) -> Section:
    """Return the copies of faces within each split and between each two, and some that bear two labels."""
    faces, names = join(splits), list(splits)
    pairs = near_pairs(faces.images)
    owner = np.repeat(np.arange(len(splits)), [len(part) for part in splits.values()])
    same_label = faces.labels[pairs[:, 0]] == faces.labels[pairs[:, 1]]
    overlaps: list[dict[str, Any]] = []
    for first, other in enumerate(names):
        for second, split in enumerate(names[first:], first):
            chosen = (owner[pairs] == (first, second)).all(axis=1)
            copied = len(np.unique(pairs[chosen] if first == second else pairs[chosen, 1]))
            overlaps.append(
                {
                    "split": split,
                    "other": other,
                    "faces": copied,
                    "share": copied / len(splits[split]),
                    "pairs": int(chosen.sum()),
                    "same_label": int(same_label[chosen].sum()),
                }
            )
    conclusion = "No face occurs twice."
    if len(pairs):
        conclusion = f"Of {len(pairs):,} pairs of copies {percent(1 - same_label.mean())} bear two labels."
    table = [
        (
            f"{o['split']} in {'itself' if o['split'] == o['other'] else o['other']}",
            f"{o['faces']:,} ({percent(o['share'])})",
            f"{o['pairs']:,}",
            percent(o["same_label"] / o["pairs"]) if o["pairs"] else "",
        )
        for o in overlaps
    ]
    return Section(
        "duplicates",
        "The same face twice",
        {"overlaps": overlaps},
        conclusion,
        conflict_sheets(faces, pairs[~same_label]),
        [("where", "faces with a copy", "pairs", "same label"), *table],
    )


def conflict_sheets(faces: Faces, conflicts: NDArray[np.int64]) -> list[Picture]:
    """Return some of the pairs (k, 2) of copies with two labels, each face once, without flat images."""
    conflicts = conflicts[np.ptp(faces.images[conflicts[:, 0]], axis=(1, 2)) > 0]
    conflicts = conflicts[np.unique(conflicts[:, 0], return_index=True)[1]]
    return [
        sheet(faces.images[pair], " and ".join(EMOTIONS[label] for label in faces.labels[pair]))
        for pair in np.random.default_rng(SEED).permutation(conflicts)[:MAX_CONFLICTS]
    ]


def agreement(faces: Faces) -> Section:
    """Return how FER2013's labels agree with FER+'s strict majorities."""
    clear, majority = ferplus_majority(faces.votes)
    labels = faces.labels[clear]
    seen = {name: majority[rows] for name, rows in _by_emotion(labels).items()}
    counts = {
        name: dict(zip(FERPLUS, np.bincount(given, minlength=len(FERPLUS)).tolist(), strict=True))
        for name, given in seen.items()
    }
    shares = {name: float((given == EMOTIONS.index(name)).mean()) for name, given in seen.items()}
    share = float((majority == labels).mean())
    undecided = len(faces) - len(labels)
    table = [(name, f"{len(seen[name]):,}", percent(shares[name])) for name in seen]
    return Section(
        "agreement",
        "FER2013's label and FER+'s voters",
        {"faces": len(labels), "undecided": undecided, "share": share, "shares": shares, "counts": counts},
        f"Label and voters agree on {percent(share)} of the {len(labels):,} faces with a majority.",
        [agreement_plot(counts)],
        [("label", "faces with a majority", "agrees"), *table],
    )


def detection(faces: Faces, detectors: Mapping[str, Detector]) -> Section:
    """Return what the detectors find in the faces, each enlarged and amid its own edges."""
    found = {
        title: {
            name: dict.fromkeys(OUTCOMES, 0) | Counter(outcome_of(faces.images[row], detector) for row in rows)
            for name, rows in _by_emotion(faces.labels).items()
        }
        for title, detector in detectors.items()
    }
    sentences = [
        f"{title} finds one face in {percent(sum(n['one'] for n in counts.values()) / len(faces))}"
        for title, counts in found.items()
    ]
    table = [
        (name, f"{len(rows):,}", *(str(n) for counts in found.values() for n in counts[name].values()))
        for name, rows in _by_emotion(faces.labels).items()
    ]
    outcomes = [f"{title}: {outcome}" for title in found for outcome in OUTCOMES]
    return Section(
        "detection",
        "Faces found by the detectors",
        {"counts": found},
        f"Of {len(faces):,} pictures {', '.join(sentences)}.",
        [],
        [("class", "tried", *outcomes), *table],
    )


def outcome_of(face: NDArray[np.uint8], detector: Detector) -> str:
    """Return which of OUTCOMES a face (48, 48) uint8 in a larger image has."""
    side, margin = 2 * face.shape[0], face.shape[0]  # the border is repeated, so that it shows no edge
    large = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    scene = cv2.copyMakeBorder(large, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    boxes = detector.detect(to_bgr(scene)).boxes
    if len(boxes) != 1:
        return "several" if len(boxes) else "none"
    whole = np.array([margin, margin, margin + side, margin + side])
    return "one" if iou(whole, boxes).item() >= SAME_BOX else "one misplaced"
