"""The types that every room speaks of: a frame of a source, and the same frame annotated."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision.tracker import Track

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Frame:
    """One picture of a source: its index from 0, time.monotonic() in s when it was taken, image BGR."""

    index: int
    captured_s: float
    image: Image


@dataclass(frozen=True)
class AnnotatedFrame:
    """One frame as viewers get it, with the tracks drawn on it and how long each step took.

    captured_s and published_s are time.monotonic() in s; problem says why there is no picture, or is
    empty where there is one.
    """

    index: int
    captured_s: float
    published_s: float
    jpeg: bytes
    tracks: list[Track] = field(default_factory=list)
    step_ms: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    scene: Image | None = field(default=None, repr=False)  # what the JPEG shows, for other sizes of it
