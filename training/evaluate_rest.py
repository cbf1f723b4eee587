"""The worth of a resting face: faces read as they are, against their own rest, and against another's."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.metrics import Labels, Probs, balanced_accuracy
from vision.emotions import EMOTIONS
from vision.resting_face import read_against

REST_FACES = 3  # of a person's neutral faces, at most
NEUTRAL = EMOTIONS.index("neutral")


def evaluate_rest(probs: Probs, labels: Labels, people: NDArray[np.str_]) -> dict[str, Any] | None:
    """Return how well the people's other faces are read with and without a resting face.

    A person's rest is the mean of the first REST_FACES faces that are labelled neutral; their other faces are
    measured. "other" takes the rest of the next person, to tell what a person's own rest is worth.

    Args:
        probs: The faces' probabilities (n, 7) float32.
        labels: Their labels (n,).
        people: Their people's names (n,).

    Returns:
        people and faces that were measured, and of each way, "plain", "own" and "other", the accuracy, the
        balanced accuracy, and emotions: of each that some face shows, its name with the number of faces, their
        mean probability of it, and the share that is read as it. None unless two people have a neutral face
        and another one.
    """
    rests, measured = _rests(probs, labels, people)
    if len(rests) < 2:
        return None
    names = list(rests)
    ways: dict[str, list[Probs]] = {"plain": [], "own": [], "other": []}
    for name, following in zip(names, names[1:] + names[:1], strict=True):
        faces = probs[measured[name]]
        ways["plain"].append(faces)
        ways["own"].append(read_against(faces, rests[name]))
        ways["other"].append(read_against(faces, rests[following]))
    truth = np.concatenate([labels[measured[name]] for name in names])
    figures = {way: _accuracy(np.concatenate(read), truth) for way, read in ways.items()}
    return {"people": len(names), "faces": len(truth), **figures}


def _rests(
    probs: Probs, labels: Labels, people: NDArray[np.str_]
) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.bool_]]]:
    """Return each person's rest (7,), and which faces (n,) bool are measured."""
    rests, measured = {}, {}
    for name in np.unique(people):
        own = people == name
        resting = np.flatnonzero(own & (labels == NEUTRAL))[:REST_FACES]
        others = own.copy()
        others[resting] = False
        if len(resting) and others.any():
            rests[str(name)] = probs[resting].mean(axis=0)
            measured[str(name)] = others
    return rests, measured


def _accuracy(probs: Probs, labels: Labels) -> dict[str, Any]:
    read, emotions = probs.argmax(axis=1), {}
    for label in np.unique(labels):
        own = labels == label
        emotions[EMOTIONS[label]] = {
            "faces": int(own.sum()),
            "probability": float(probs[own, label].mean()),
            "recall": float((read[own] == label).mean()),
        }
    accuracy, balanced = float((read == labels).mean()), balanced_accuracy(probs, labels)
    return {"accuracy": accuracy, "balanced": balanced, "emotions": emotions}


def rest_text(figures: dict[str, Any]) -> str:
    """Return the figures as lines for a terminal."""
    titles = {"plain": "as they are", "own": "against their own rest", "other": "against another's rest"}
    heading = f"resting faces: {figures['people']} people, {figures['faces']} other faces of theirs"
    rows = [
        f"{words:32}{figures[way]['accuracy']:8.1%}, balanced {figures[way]['balanced']:.1%}"
        for way, words in titles.items()
    ]
    return "\n".join((heading, *rows, "", *_emotion_rows(figures)))


def _emotion_rows(figures: dict[str, Any]) -> list[str]:
    """Return a table of each emotion's probability and share read right, as they are and against their rest."""
    rows = [f"{'emotion':10}{'faces':>6}{'probability':>22}{'read right':>22}"]
    for name, plain in figures["plain"]["emotions"].items():
        own = figures["own"]["emotions"][name]
        probability = f"{plain['probability']:.1%} -> {own['probability']:.1%}"
        recall = f"{plain['recall']:.1%} -> {own['recall']:.1%}"
        rows.append(f"{name:10}{plain['faces']:6}{probability:>22}{recall:>22}")
    return rows
