"""A frame of a source, and the same frame annotated: the types that pass between the rooms."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision.tracker import Track

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Frame:
    """A source's image with its number and its time.

    Attributes:
        index: The frame's number, from 0.
        captured_s: The time of its capture, time.monotonic() in s.
        image: The image (H, W, 3) uint8 BGR.
    """

    index: int
    captured_s: float
    image: Image


@dataclass(frozen=True)
class AnnotatedFrame:
    """A frame as viewers get it: a JPEG with the tracks drawn on it.

    Attributes:
        index: The frame's number, from 0.
        captured_s: The time of its capture, time.monotonic() in s.
        published_s: The time at which viewers could get it, time.monotonic() in s.
        jpeg: The annotated JPEG.
        tracks: The tracks that are drawn.
        step_ms: The duration of each of the pipeline's steps in ms.
        problem: The reason why there is no picture; empty where there is one.
        brightness: The mean gray level of the source's image, 0 to 255; None where it is not known.
        scene: The JPEG's pixels (H, W, 3) uint8 BGR, from which other sizes are encoded.
    """

    index: int
    captured_s: float
    published_s: float
    jpeg: bytes
    tracks: list[Track] = field(default_factory=list)
    step_ms: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    brightness: float | None = None
    scene: Image | None = field(default=None, repr=False)
