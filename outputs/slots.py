"""Fixed places for faces, for receivers with fixed channels: a face stays in its place while it is there."""

from collections.abc import Sequence

from vision.tracker import KEEP_S, Track

SLOTS = 4


class Slots:
    """SLOTS places; a face keeps its own until it was not found for KEEP_S, as it keeps its number.

    The largest face comes first where several are new. A new face for which no place is free waits for one.
    """

    def __init__(self) -> None:
        """Have every place free."""
        # of each place the face's number, 0 for none, and when it was found (s)
        self._held: list[tuple[int, float]] = [(0, 0.0)] * SLOTS

    def place(self, faces: Sequence[Track], t_s: float) -> list[Track | None]:
        """Return the face in each place at t_s, None where none is found now."""
        found = {face.track_id: face for face in faces}
        for slot, (number, seen_s) in enumerate(self._held):
            if number in found:
                self._held[slot] = number, t_s
            elif number and not 0 <= t_s - seen_s <= KEEP_S:
                self._held[slot] = 0, 0.0
        held = {number for number, _ in self._held}
        new = sorted((face for face in faces if face.track_id not in held), key=area, reverse=True)
        free = [slot for slot, (number, _) in enumerate(self._held) if not number]
        for slot, face in zip(free, new, strict=False):
            self._held[slot] = face.track_id, t_s
        return [found.get(number) for number, _ in self._held]


def area(face: Track) -> int:
    """Return the area of a face's box in px."""
    x1, y1, x2, y2 = face.box
    return (x2 - x1) * (y2 - y1)
