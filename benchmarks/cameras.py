"""Cameras without a source, whose frames a benchmark publishes itself."""

import os

import numpy as np

from streaming.viewable import State, Viewable
from vision.emotions import EMOTIONS
from vision.tracker import Track

FPS = 30
PICTURE = os.urandom(40_000)  # as large as the JPEG of a frame


class QuietCamera(Viewable):
    """A camera without threads: its frames are put into `annotated`."""

    def __init__(self) -> None:
        """Have no frame yet."""
        super().__init__(linger_s=0)

    def _begin(self) -> None:
        """Do nothing: the camera has no threads."""

    def state(self) -> State:
        """Return a state that says it runs."""
        return State("benchmark", "", True, "", FPS, 0.0, 1, self.annotated.newest())


class RandomFaces:
    """Faces with random probabilities in random places, the same in every run."""

    def __init__(self, count: int) -> None:
        """Make so many faces a frame."""
        self.count, self._random = count, np.random.default_rng(0)

    def tracks(self, t_s: float) -> list[Track]:
        """Return the faces of a frame at t_s."""
        return [self._track(number, t_s) for number in range(1, self.count + 1)]

    def _track(self, number: int, t_s: float) -> Track:
        probs = self._random.dirichlet(np.ones(7)).astype(np.float32)
        x = int(self._random.integers(0, 500))
        return Track(number, (x, 100, x + 120, 220), probs, EMOTIONS[int(probs.argmax())], True, t_s)
