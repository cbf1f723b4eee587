"""From faces to painted portraits: the stages in their order."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.portraits.align import Aligned
from training.portraits.anger import Classify, closed_mouths, realign_angry
from training.portraits.average import Average, average
from training.portraits.brushes import Painting
from training.portraits.canvas import Flow, symmetric
from training.portraits.check import MAX_LIKENESS, likeness
from training.portraits.expressions import (
    GAINS,
    LESS_OF_PERSON,
    Expression,
    at_rest,
    express,
    flow_to_expression,
)
from training.portraits.looks import Looks, find_looks
from training.portraits.paint_face import paint_face
from training.portraits.paint_hair import paint_hair
from training.portraits.paint_portrait import paint_portrait
from training.portraits.proportions import reshape
from training.portraits.sitters import SITTERS, Sitter
from vision.emotions import EMOTIONS

GROUPS = 12  # of faces that look alike, from which the sitters are chosen
PERSON_SIGMAS = (8.0, 5.0, 4.0)  # px; see `average`
TEETH = ("angry", "disgust", "happy")  # that show them
CHEEK = np.s_[160:180, 80:96]


class Pool(NamedTuple):
    """How the faces of an emotion are averaged: how many at most for all, how many for one person, and kept."""

    most: int
    own: int
    keep: float
    keep_own: float


POOLS = {
    "angry": Pool(110, 48, 0.6, 0.7),
    "disgust": Pool(110, 22, 0.85, 0.9),
    "fear": Pool(110, 60, 0.5, 0.7),
    "happy": Pool(110, 60, 0.6, 0.7),
    "sad": Pool(110, 60, 0.6, 0.7),
    "surprise": Pool(110, 60, 0.6, 0.7),
    "neutral": Pool(110, 80, 0.6, 0.7),
}
CLOSED = Pool(90, 48, 0.65, 0.7)  # of the angry faces whose mouths are not wide open
LEAST_SCORE = 0.45  # of the alignment
ANGRY_SCORE = 0.3
STRETCHES = (1.0, 1.15, 1.3, 1.5)
MIN_POOL, MAX_POOL = 20, 500
CLOSED_MOUTHS = 130


@dataclass
class Means:
    """Each emotion's faces in their order, and their dense average, in the order of EMOTIONS."""

    pools: list[NDArray[np.intp]]
    averages: list[Average]


@dataclass
class Person:
    """A sitter with its seven expressions, and the rows of the photographs in each."""

    sitter: Sitter
    expressions: list[Expression]
    rows: list[list[int]]


def average_emotions(aligned: Aligned, classify: Classify, executor: Executor) -> tuple[Aligned, Means]:
    """Return the means of the seven emotions, and the faces with the angry ones aligned anew.

    Raises ValueError if too few faces of an emotion could be aligned.
    """
    pools = [_pool(aligned, emotion) for emotion in EMOTIONS]
    averages = [
        average(aligned, rows[: pool.most], executor, keep=pool.keep)
        for pool, rows in zip(POOLS.values(), pools, strict=True)
    ]
    angry = EMOTIONS.index("angry")
    aligned = realign_angry(aligned, averages[angry].image, classify, executor)
    pools[angry] = aligned.once(closed_mouths(aligned, aligned.best("angry", ANGRY_SCORE), CLOSED_MOUTHS))
    averages[angry] = average(aligned, pools[angry][: CLOSED.most], executor, keep=CLOSED.keep)
    return aligned, Means(pools, averages)


def _pool(aligned: Aligned, emotion: str) -> NDArray[np.intp]:
    """Return the rows of an emotion's faces, the best aligned first; ValueError if there are too few."""
    pool = aligned.once(aligned.best(emotion, LEAST_SCORE)[:MAX_POOL])
    if len(pool) < MIN_POOL:
        raise ValueError(f"only {len(pool)} faces of {emotion} could be aligned; the portraits need {MIN_POOL}")
    return pool


def make_people(aligned: Aligned, means: Means, executor: Executor) -> Iterator[Person]:
    """Yield each sitter with its expressions."""
    looks = find_looks(aligned)
    centres = looks.groups(GROUPS)
    rest = symmetric(means.averages[-1].image)
    to_means = [flow_to_expression(rest, symmetric(mean.image)) for mean in means.averages[:-1]]
    for sitter in SITTERS:
        yield _make_person(aligned, means, sitter, looks, centres[sitter.group], to_means, executor)


def _make_person(
    aligned: Aligned,
    means: Means,
    sitter: Sitter,
    looks: Looks,
    centre: NDArray[np.float32],
    to_means: list[Flow],
    executor: Executor,
) -> Person:
    """Return a sitter at rest and with the six other expressions."""
    averages = []
    for emotion, rows, mean in zip(EMOTIONS, means.pools, means.averages, strict=True):
        pool, own_rows = POOLS[emotion], looks.most_like(centre, rows)
        averages.append(
            average(aligned, own_rows[: pool.own], executor, mean.image, PERSON_SIGMAS, pool.keep_own)
        )
    mean_rest, own_rest = symmetric(means.averages[-1].image), symmetric(averages[-1].image)
    rest, place = at_rest(mean_rest, own_rest), looks.mean(averages[-1].rows)
    expressions = []
    for index, flow in enumerate(to_means):
        mean_face, own = symmetric(means.averages[index].image), symmetric(averages[index].image)
        share = looks.mean(averages[index].rows) @ place / (place @ place) + LESS_OF_PERSON[index]
        expressions.append(
            express(mean_rest, rest, mean_face, flow, own, float(np.clip(share, 0, 1)), GAINS[index])
        )
    expressions.append(Expression(own_rest, rest.flow))
    return Person(sitter, expressions, [one.rows for one in averages])


def paint_apart(
    person: Person, seed: int, photos: NDArray[np.float32]
) -> tuple[list[Expression], list[Painting]]:
    """Return a person's expressions with the sitter's proportions, and its portraits.

    Where a portrait is still too close to one of the photographs, whose details are given, the proportions are
    exaggerated, up to the last of STRETCHES.
    """
    for stretch in STRETCHES:
        proportions = person.sitter.proportions.stretched(stretch)
        expressions = [reshape(one, proportions) for one in person.expressions]
        portraits = paint_person(replace(person, expressions=expressions), seed)
        if likeness(portraits, photos).max() < MAX_LIKENESS:
            break
    return expressions, portraits


def paint_person(person: Person, seed: int) -> list[Painting]:
    """Return a person's portraits (400, 320, 3), in the order of EMOTIONS."""
    hair = paint_hair(person.sitter, seed)
    faces = [
        paint_face(one.face, one.flow, person.sitter, emotion in TEETH)
        for emotion, one in zip(EMOTIONS, person.expressions, strict=True)
    ]
    skin = faces[-1][CHEEK].reshape(-1, 3).mean(axis=0)
    return [
        paint_portrait(face, one.flow, skin, hair, person.sitter, seed)
        for face, one in zip(faces, person.expressions, strict=True)
    ]
