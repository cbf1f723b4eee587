"""A video's faces over time: each face's stay, and the mean of all faces."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.emotions import EMOTIONS
from vision.tracker import Track

SUMS_A_SECOND = 5  # a second, at which frames are added up
MAX_POINTS = 120  # of the chart
MAX_FACES = 24  # the longest stays; short ones are mostly patterns


@dataclass
class _Sum:
    """Probabilities (7,) added up, and how many."""

    probs: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(EMOTIONS)))
    count: int = 0
    sure: int = 0
    first_s: float = 0.0
    last_s: float = 0.0

    def add(self, face: Track, t_s: float) -> None:
        self.first_s = t_s if self.count == 0 else self.first_s
        self.last_s = t_s
        self.probs += face.probs
        self.count += 1
        self.sure += face.sure

    @property
    def mean(self) -> list[float]:
        return [round(float(prob), 4) for prob in self.probs / max(self.count, 1)]


class Timeline:
    """Adds up a video's frames; its size depends on the video's length and its faces, not on its frame rate."""

    def __init__(self) -> None:
        """Begin with no frame."""
        self.frames = 0
        self.frames_with_faces = 0
        self._end_s = 0.0
        self._slots: dict[int, _Sum] = {}
        self._faces: dict[int, _Sum] = {}

    def add(self, t_s: float, faces: list[Track]) -> None:
        """Add the faces of the frame at t_s since the beginning; frames come in order."""
        self.frames += 1
        self.frames_with_faces += bool(faces)
        self._end_s = t_s
        for face in faces:
            self._slots.setdefault(int(t_s * SUMS_A_SECOND), _Sum()).add(face, t_s)
            self._faces.setdefault(face.track_id, _Sum()).add(face, t_s)

    def summary(self) -> dict[str, Any]:
        """Return it as JSON: points [s, mean probabilities or null], and faces, the longest stays first."""
        longest = sorted(self._faces.items(), key=lambda pair: -pair[1].count)
        return {
            "frames": self.frames,
            "frames_with_faces": self.frames_with_faces,
            "duration_s": round(self._end_s, 2),
            "points": self._points(),
            "face_count": len(longest),
            "faces": [_face(track_id, total) for track_id, total in longest[:MAX_FACES]],
        }

    def _points(self) -> list[tuple[float, list[float] | None]]:
        step = -(-(int(self._end_s * SUMS_A_SECOND) + 1) // MAX_POINTS)
        totals: dict[int, _Sum] = {}
        for slot, part in self._slots.items():
            total = totals.setdefault(slot // step, _Sum())
            total.probs += part.probs
            total.count += part.count
        count = int(self._end_s * SUMS_A_SECOND) // step + 1
        means = (totals[number].mean if number in totals else None for number in range(count))
        return [(number * step / SUMS_A_SECOND, mean) for number, mean in enumerate(means)]


def _face(track_id: int, total: _Sum) -> dict[str, Any]:
    """Return a face's stay as JSON, with its mean probabilities; sure if most of its frames were."""
    best = int(total.probs.argmax())
    return {
        "track_id": track_id,
        "first_s": round(total.first_s, 2),
        "last_s": round(total.last_s, 2),
        "emotion": EMOTIONS[best],
        "confidence": total.mean[best],
        "sure": 2 * total.sure >= total.count,
        "probs": dict(zip(EMOTIONS, total.mean, strict=True)),
    }
