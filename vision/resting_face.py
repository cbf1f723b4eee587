"""Faces read against their own rest: what a relaxed face seems to show is taken off what it shows later.

People's resting faces differ, and a network reads some of them as angry or sad. The correction subtracts a
part of what the resting face says beyond a typical one, in logits; it needs no training.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from texts import clean
from vision.emotions import EMOTIONS

STRENGTH = 0.75  # of the correction, 0 to 1; chosen on posed expressions of ten people
MEASURE_S = 3.0  # that a face is relaxed
MAX_GAP_S = 0.5  # of a measurement, that counts between two readings
MAX_NAME = 60  # characters
MIN_PROB = 1e-6  # of a probability, before its logarithm
MAX_NAMES = 20  # of resting faces that can be used again
ACTIONS = MEASURE, USE, NAME, FORGET = "measure", "use", "name", "forget"

# What a relaxed face is taken for: mostly neutral.
TYPICAL = np.array([0.5 if emotion == "neutral" else 0.5 / 6 for emotion in EMOTIONS], dtype=np.float32)


def read_against(probs: NDArray[np.float32], rest: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return probs (..., 7) float32 read against the probabilities of the same face at rest (7,)."""
    return _shifted(probs, rest, -STRENGTH)


def read_without(probs: NDArray[np.float32], rest: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what `read_against` was given, from what it returned."""
    return _shifted(probs, rest, STRENGTH)


def _shifted(probs: NDArray[np.float32], rest: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """Return probs (..., 7) times (rest / TYPICAL) ** strength, divided by their sum."""
    beyond = np.log(np.maximum(rest, MIN_PROB)) - np.log(TYPICAL)
    logits = np.log(np.maximum(probs, MIN_PROB)) + strength * beyond
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True)
class RestingFace:
    """A face at rest: its mean probs (7,) float32, when they were measured (Unix, s), and whose they are."""

    probs: NDArray[np.float32]
    since_unix_s: float
    name: str = ""

    @property
    def since_unix_ms(self) -> int:
        """When it was measured (Unix, ms)."""
        return round(self.since_unix_s * 1000)


class Measurement:
    """A measurement of one resting face, reading by reading."""

    def __init__(self, name: str = "", *, now: Callable[[], float] = time.time) -> None:
        """Begin; name is kept with the face, and now gives the time (Unix, s)."""
        self._name, self._now = name, now
        self._sum = np.zeros(len(EMOTIONS), dtype=np.float64)
        self._count = 0
        self._measured_s = 0.0

    @property
    def progress(self) -> float:
        """The share that is done, 0 to 1."""
        return min(self._measured_s / MEASURE_S, 1.0)

    def add(self, probs: NDArray[np.float32], elapsed_s: float) -> RestingFace | None:
        """Add a reading (7,), elapsed_s after the one before; return the resting face once it is measured."""
        self._sum += probs
        self._count += 1
        self._measured_s += min(elapsed_s, MAX_GAP_S)
        if self._measured_s < MEASURE_S:
            return None
        return RestingFace((self._sum / self._count).astype(np.float32), self._now(), self._name)


class RestError(ValueError):
    """A resting face cannot be measured or used; the message says why in one sentence."""


@dataclass(frozen=True)
class RestRequest:
    """What a track's resting face is asked to become; action is one of ACTIONS."""

    track_id: int
    action: str
    name: str = ""

    @classmethod
    def parse(cls, sent: Any) -> Self:
        """Return the request that a client sent as JSON; raises RestError."""
        if not isinstance(sent, dict) or type(sent.get("track_id")) is not int or sent["track_id"] < 1:
            raise RestError("Send a JSON object, such as {“track_id”: 1, “action”: “measure”}.")
        return cls(sent["track_id"], str(sent.get("action", "")), clean(str(sent.get("name") or "")))

    def __post_init__(self) -> None:
        """Raise RestError for an action that is none, or a name that is missing or too long."""
        if self.action not in ACTIONS:
            raise RestError(f"action must be one of {', '.join(ACTIONS)}.")
        if self.action in (USE, NAME) and not self.name:
            raise RestError("name must say whose resting face it is.")
        if len(self.name) > MAX_NAME:
            raise RestError(f"name may have {MAX_NAME} characters at most.")
