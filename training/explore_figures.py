"""The figures of a data set's report, each with its conclusion in a sentence."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from nn.emotion_net import FERPLUS
from sources.opencv import to_bgr
from training.data import Faces
from training.losses import is_face
from training.metrics import ferplus_majority
from vision.boxes import iou
from vision.detector import Detector
from vision.emotions import EMOTIONS

BINS = 32  # of the gray levels
UNLIKE_SPLITS = 0.02  # difference of a class's shares from which on splits are mixed differently
UNLIKE_LEVELS = 0.8  # overlap of two classes' gray levels below which light alone tells them apart
TELLING = 0.1  # share of the variance from which on light tells something of the emotion
ENLARGE = 2
MIN_FACE_PX = 40  # the site's default
SAME_BOX = 0.5  # iou
OUTCOMES = ("one", "several", "one badly cut", "none")  # of a search for one face
SURE = 3.0  # standard errors between the extremes of seven shares

Values = NDArray[np.float64]
Item = TypeVar("Item", bound=np.generic)


def percent(share: float) -> str:
    """Return a share, 0 to 1, as text in percent."""
    return f"{100 * share:.1f} %"


def by_emotion(values: NDArray[Item], labels: NDArray[np.int64]) -> dict[str, NDArray[Item]]:
    """Return the values (n, ...) of each emotion that occurs among the labels (n,)."""
    return {name: values[labels == i] for i, name in enumerate(EMOTIONS) if (labels == i).any()}


@dataclass(frozen=True)
class Classes:
    """The number of faces of each emotion in each split: counts[split][emotion]."""

    counts: dict[str, dict[str, int]]

    def share(self, split: str, emotion: str) -> float:
        """Return an emotion's share of a split, 0 to 1."""
        return self.counts[split][emotion] / sum(self.counts[split].values())

    def conclusion(self) -> str:
        """Return how unequal the classes are, and whether the splits are alike."""
        total = {name: sum(split[name] for split in self.counts.values()) for name in EMOTIONS}
        most, least = max(total, key=total.__getitem__), min(total, key=total.__getitem__)
        if total[least] == 0:
            missing = ", ".join(name for name in EMOTIONS if total[name] == 0)
            return f"There is no face at all for {missing}: what is trained on these cannot learn it."
        always = percent(total[most] / sum(total.values()))
        return (
            f"There are {total[most] / total[least]:.1f} times as many {most} faces as {least} ones, and "
            f"always answering {most} is right on {always}: read macro-F1 beside accuracy. {self._splits()}"
        )

    def _splits(self) -> str:
        """Return how unlike the splits are."""
        if len(self.counts) == 1:
            return "There is one split only."
        shares = np.array([[self.share(split, name) for name in EMOTIONS] for split in self.counts])
        apart = float(np.ptp(shares, axis=0).max())
        same = "have the same mixture" if apart < UNLIKE_SPLITS else "are mixed differently"
        return f"The splits {same}: a class's share differs by {100 * apart:.1f} points at most."


def count_classes(splits: dict[str, Faces]) -> Classes:
    """Return the number of faces of each emotion in each split."""
    counts = {split: np.bincount(faces.labels, minlength=len(EMOTIONS)) for split, faces in splits.items()}
    return Classes({s: dict(zip(EMOTIONS, map(int, n), strict=True)) for s, n in counts.items()})


@dataclass(frozen=True)
class Pictures:
    """The number of flat pictures, and of those without a face to most voters; None if there are no votes."""

    faces: int
    flat: int
    no_face: int | None

    def conclusion(self) -> str:
        """Return how many pictures should be left out of training."""
        voters = f", and {self.no_face:,} show no face to most FER+ voters" if self.no_face is not None else ""
        advice = (
            "leave them out of training." if self.flat or self.no_face else "there is nothing to leave out."
        )
        flat = f"{self.flat or 'none'} {'are' if self.flat > 1 else 'is'} one flat gray"
        return f"Of {self.faces:,} pictures {flat}{voters}: {advice}"


def count_empty(faces: Faces) -> Pictures:
    """Return the number of pictures that show no face."""
    flat = int((np.ptp(faces.images, axis=(1, 2)) == 0).sum())
    return Pictures(len(faces), flat, int((~is_face(faces.votes)).sum()) if faces.votes.any() else None)


@dataclass(frozen=True)
class Affect:
    """Annotated valence and arousal: how many faces have both, and each emotion's means of the two."""

    faces: int
    means: dict[str, tuple[float, float]]

    def conclusion(self) -> str:
        """Return which emotions lie farthest apart along each axis."""
        valence = self._ends(0, "the least pleasant", "the most")
        arousal = self._ends(1, "the calmest", "the most excited")
        return f"{self.faces:,} faces have valence and arousal: {valence}; {arousal}."

    def _ends(self, axis: int, low: str, high: str) -> str:
        """Return which emotions lie lowest and highest on an axis, in words."""
        (least, at_least), (most, at_most) = (
            end(((name, mean[axis]) for name, mean in self.means.items()), key=lambda pair: pair[1])
            for end in (min, max)
        )
        return f"{least} is {low} ({at_least:+.2f}), {most} {high} ({at_most:+.2f})"


def measure_affect(faces: Faces) -> Affect | None:
    """Return the annotated valence and arousal by emotion; None if no face has them."""
    if faces.affect is None:
        return None
    known = np.isfinite(faces.affect).all(axis=1)
    if not known.any():
        return None
    means = {
        name: (float(values[:, 0].mean()), float(values[:, 1].mean()))
        for name, values in by_emotion(faces.affect[known], faces.labels[known]).items()
    }
    return Affect(int(known.sum()), means)


@dataclass(frozen=True)
class Levels:
    """The mean gray level of each emotion's pixels, and their shares in BINS bins: shares[emotion][bin]."""

    means: dict[str, float]
    shares: dict[str, list[float]]

    def conclusion(self) -> str:
        """Return whether gray levels alone tell emotions apart."""
        light, dark = max(self.means, key=self.means.__getitem__), min(self.means, key=self.means.__getitem__)
        overlap = float(np.minimum(self.shares[light], self.shares[dark]).sum())
        alike = overlap >= UNLIKE_LEVELS
        verdict = "gray levels alone hardly tell emotions apart" if alike else "a network could learn the light"
        return (
            f"The lightest class ({light}, mean {self.means[light]:.0f}) and the darkest ({dark}, "
            f"{self.means[dark]:.0f}) share {percent(overlap)} of their gray levels: {verdict}."
        )


def measure_levels(faces: Faces) -> Levels:
    """Return the distribution of each emotion's gray levels."""
    pixels = {name: images.ravel() for name, images in by_emotion(faces.images, faces.labels).items()}
    counts = {name: np.bincount(p // (256 // BINS), minlength=BINS) for name, p in pixels.items()}
    return Levels(
        {name: float(p.mean()) for name, p in pixels.items()},
        {name: (n / n.sum()).tolist() for name, n in counts.items()},
    )


@dataclass(frozen=True)
class Light:
    """The 5 %, 50 % and 95 % points of brightness and contrast, and the shares that the emotion explains."""

    brightness: list[float]
    contrast: list[float]
    brightness_explained: float
    contrast_explained: float

    def conclusion(self) -> str:
        """Return how much the light varies, and whether it tells something of the emotion."""
        most = max(self.brightness_explained, self.contrast_explained)
        advice = (
            "light says something of the emotion, so check what the network looks at"
            if most >= TELLING
            else "light says next to nothing of the emotion, so take it out: standardise every face"
        )
        dim, bright = self.brightness[0], self.brightness[2]
        faint, hard = self.contrast[0], self.contrast[2]
        return (
            f"Nine faces in ten have a brightness of {dim:.0f} to {bright:.0f} and a contrast of {faint:.0f} "
            f"to {hard:.0f}. The emotion explains {percent(self.brightness_explained)} of the differences in "
            f"the first and {percent(self.contrast_explained)} in the second: {advice}."
        )


def light_of(images: NDArray[np.uint8]) -> tuple[Values, Values]:
    """Return each face's brightness and contrast (n,): the mean and the standard deviation of its pixels."""
    rows = images.reshape(len(images), -1)
    return rows.mean(axis=1), rows.std(axis=1)


def measure_light(faces: Faces) -> Light:
    """Return the distribution of the faces' brightness and contrast."""
    points = [[float(p) for p in np.percentile(values, (5, 50, 95))] for values in light_of(faces.images)]
    explained = [_explained(values, faces.labels) for values in light_of(faces.images)]
    return Light(points[0], points[1], explained[0], explained[1])


def _explained(values: Values, labels: NDArray[np.int64]) -> float:
    """Return the share of the variance of values (n,) that the labels (n,) explain (eta squared)."""
    between = sum(len(v) * (v.mean() - values.mean()) ** 2 for v in by_emotion(values, labels).values())
    whole = float(((values - values.mean()) ** 2).sum())
    return float(between) / whole if whole else 0.0


@dataclass(frozen=True)
class Overlap:
    """The faces of a split that have a copy in another, or in itself; pairs counts each two copies."""

    split: str
    other: str
    faces: int
    share: float
    pairs: int
    same_label: int


@dataclass(frozen=True)
class Duplicates:
    """The overlap of each two splits, and of each split with itself."""

    overlaps: list[Overlap]

    def conclusion(self) -> str:
        """Return how many test faces are in other splits, and how often copies have two labels."""
        pairs = sum(o.pairs for o in self.overlaps)
        if pairs == 0:
            return "No face occurs twice: the test splits are as new to the network as they look."
        leaks = [
            f"{percent(o.share)} of {o.split} ({o.faces:,} faces) stand in {o.other} too"
            for o in self.overlaps
            if o.faces and o.split != o.other
        ]
        leak = (
            "; ".join(leaks) + ": test on the others as well."
            if leaks
            else "No split shares a face with another."
        )
        differ = percent(1 - sum(o.same_label for o in self.overlaps) / pairs)
        return f"{leak} Of {pairs:,} pairs of copies {differ} bear two labels: the same picture, judged twice."


def count_duplicates(splits: dict[str, Faces], pairs: NDArray[np.int64]) -> Duplicates:
    """Return the overlaps of the splits; pairs (k, 2) are `near_pairs` of the faces of `join`."""
    labels = np.concatenate([faces.labels for faces in splits.values()])
    owner = np.repeat(np.arange(len(splits)), [len(faces) for faces in splits.values()])
    names = list(splits)
    overlaps = []
    for first in range(len(names)):
        for second in range(first, len(names)):
            chosen = pairs[(owner[pairs] == (first, second)).all(axis=1)]
            copied = np.unique(chosen if first == second else chosen[:, 1])
            same = int((labels[chosen[:, 0]] == labels[chosen[:, 1]]).sum())
            share = len(copied) / len(splits[names[second]])
            overlaps.append(Overlap(names[second], names[first], len(copied), share, len(chosen), same))
    return Duplicates(overlaps)


@dataclass(frozen=True)
class Agreement:
    """FER2013's labels and FER+'s strict majorities: counts[label][class], and the shares[label] that agree."""

    faces: int
    undecided: int
    share: float
    shares: dict[str, float]
    counts: dict[str, dict[str, int]]

    def conclusion(self) -> str:
        """Return how often label and majority agree, and for which label most and least."""
        best = max(self.shares, key=self.shares.__getitem__)
        worst = min(self.shares, key=self.shares.__getitem__)
        seen = max(self.counts[worst], key=self.counts[worst].__getitem__)
        instead = f", mostly seen as {seen}" if seen != worst else ""
        return (
            f"The label says what most voters say on {percent(self.share)} of the {self.faces:,} faces that "
            f"have a majority: on {best} most often ({percent(self.shares[best])}), on {worst} least "
            f"({percent(self.shares[worst])}{instead}). On the others at least one of the two is wrong."
        )


def measure_agreement(faces: Faces) -> Agreement | None:
    """Return the agreement of FER2013's labels with FER+'s majorities; None if no face has a majority."""
    clear, majority = ferplus_majority(faces.votes)
    if not clear.any():
        return None
    labels = faces.labels[clear]
    answers = by_emotion(majority, labels)
    counts = {name: np.bincount(given, minlength=len(FERPLUS)) for name, given in answers.items()}
    return Agreement(
        len(labels),
        len(faces) - len(labels),
        float((majority == labels).mean()),
        {name: float((given == EMOTIONS.index(name)).mean()) for name, given in answers.items()},
        {name: dict(zip(FERPLUS, map(int, n), strict=True)) for name, n in counts.items()},
    )


@dataclass(frozen=True)
class Detection:
    """What detectors find in pictures of one face each: counts[detector][emotion][outcome], by OUTCOMES.

    Attributes:
        counts: The number of random faces of each emotion by what is found.
        weights: Each emotion's share of the data, by which the shares of all faces are weighted.
    """

    counts: dict[str, dict[str, dict[str, int]]]
    weights: dict[str, float]

    def tried(self, emotion: str) -> int:
        """Return the number of the emotion's faces that each detector was given."""
        return sum(next(iter(self.counts.values()))[emotion].values())

    def share(self, detector: str, emotion: str, outcome: str = "one") -> float:
        """Return the share of the emotion's faces with that outcome, 0 to 1."""
        return self.counts[detector][emotion][outcome] / self.tried(emotion)

    def overall(self, detector: str, outcome: str = "one") -> float:
        """Return the share of all faces with that outcome, 0 to 1."""
        return sum(weight * self.share(detector, name, outcome) for name, weight in self.weights.items())

    def error(self, detector: str, emotion: str) -> float:
        """Return the standard error of `share`."""
        share = self.share(detector, emotion)
        return float((share * (1 - share) / self.tried(emotion)) ** 0.5)

    def conclusion(self) -> str:
        """Return what each detector finds, and whether it misses an emotion more often than others."""
        return " ".join(self._of(detector) for detector in self.counts)

    def _of(self, detector: str) -> str:
        worst, best = (pick(self.weights, key=partial(self.share, detector)) for pick in (min, max))
        few, many = self.share(detector, worst), self.share(detector, best)
        noise = (self.error(detector, best) ** 2 + self.error(detector, worst) ** 2) ** 0.5
        verdict = f"{worst} faces are missed more often than {best} ones" if many - few > SURE * noise else ""
        one, *rest = (f"{percent(self.overall(detector, outcome))}" for outcome in OUTCOMES)
        others = ", ".join(f"{outcome} in {share}" for outcome, share in zip(OUTCOMES[1:], rest, strict=True))
        return (
            f"{detector} finds one face in {one} of the pictures, {others}: "
            f"{verdict or 'no class stands out'} ({percent(few)} of {worst}, {percent(many)} of {best})."
        )


def try_detectors(
    faces: Faces, detectors: Mapping[str, Detector], count: int, rng: np.random.Generator
) -> Detection:
    """Return what the detectors find of about `count` random faces, equally many of each emotion."""
    indices = by_emotion(np.arange(len(faces)), faces.labels)
    chosen = {name: rng.permutation(i)[: count // len(EMOTIONS)] for name, i in indices.items()}
    counts = {
        title: {
            name: dict.fromkeys(OUTCOMES, 0) | Counter(outcome_of(face, detector) for face in faces.images[i])
            for name, i in chosen.items()
        }
        for title, detector in detectors.items()
    }
    return Detection(counts, {name: len(i) / len(faces) for name, i in indices.items()})


def outcome_of(face: NDArray[np.uint8], detector: Detector) -> str:
    """Return which of OUTCOMES a face (48, 48) uint8 in a larger image has."""
    side, margin = face.shape[0] * ENLARGE, face.shape[0]  # the border is repeated, so that it shows no edge
    large = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    scene = cv2.copyMakeBorder(large, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    boxes = detector.detect(to_bgr(scene)).boxes
    if len(boxes) != 1:
        return "several" if len(boxes) else "none"
    whole = np.array([margin, margin, margin + side, margin + side])
    return "one" if iou(whole, boxes).item() >= SAME_BOX else "one badly cut"
