"""What an output gets, and what each of them can do: OSC, MQTT and LSL are the three."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vision.tracker import Track


class OutputError(Exception):
    """The receiver cannot be reached, or was lost; the message is one sentence without a password."""


@dataclass(frozen=True)
class Moment:
    """The faces that were found in one frame.

    Attributes:
        frame: The frame's number, from 0.
        captured_s: The time of its capture, time.monotonic() in s.
        size_px: The width and height of its picture; (0, 0) where they are unknown.
        faces: The tracks that were found in it; one that is only drawn where it was is not among them.
    """

    frame: int
    captured_s: float
    size_px: tuple[int, int]
    faces: Sequence[Track]

    @property
    def unix_s(self) -> float:
        """The time of its capture by this machine's clock (Unix, s)."""
        return time.time() - (time.monotonic() - self.captured_s)


@dataclass(frozen=True)
class Marker:
    """An event beside the faces, with its time (Unix, s)."""

    label: str
    unix_s: float


@dataclass(frozen=True)
class OutputStatus:
    """The state of an output: moments and markers sent, and those dropped because nothing took them in time.

    problem says in one sentence why it is not connected; empty if all is well.
    """

    output: str
    address: str
    connected: bool
    sent: int
    dropped: int
    problem: str


class Output(Protocol):
    """A way to a receiver; every method is called in one thread, and may wait for as long as seconds."""

    kind: str  # as the flag is named
    address: str  # of the receiver, without a password
    period_s: float  # between two moments; 0 for every frame

    def open(self) -> None:
        """Connect; raises OutputError."""

    def is_heard(self) -> bool:
        """Return whether a receiver is there, as far as can be told; raises OutputError if it was lost."""

    def send(self, moment: Moment) -> None:
        """Send the faces of a frame; raises OutputError."""

    def marker(self, label: str, unix_s: float) -> None:
        """Send an event with its time (Unix, s); raises OutputError."""

    def close(self) -> None:
        """Say goodbye, if the receiver is there, and disconnect; also after open failed. Raises nothing."""
