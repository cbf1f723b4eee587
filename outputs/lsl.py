"""Faces and markers as two streams of the Lab Streaming Layer, for LabRecorder beside EEG and eye trackers."""

import math
import time

import pylsl
from pylsl.info import XMLElement

from outputs.base import Moment
from outputs.slots import SLOTS, Slots
from settings import VERSION
from vision.circumplex import AXES, valence_arousal
from vision.emotions import EMOTIONS
from vision.tracker import Track

# Each channel of a face, with its unit and its kind, as in XDF's metadata.
CHANNELS = (
    ("number", "count", "Identifier"),
    ("sure", "boolean", "Quality"),
    *((emotion, "probability", "Emotion") for emotion in EMOTIONS),
    *((axis, "-1 to 1", "Emotion") for axis in AXES),
    *((side, "px", "Position") for side in ("x1", "y1", "x2", "y2")),
)
CLOCK = (
    "A sample's time stamp is when its frame came from the camera, on LSL's local clock: "
    "local_clock() now, less the frame's age by the monotonic clock."
)


class LslOutput:
    """Offers a stream of samples, one a frame, with SLOTS faces in each, and a stream of markers.

    The rate is irregular: cameras vary, and a frame that comes too soon is left out, so only the time stamps
    tell the truth. A face that is not found, and a place without one, is NaN.
    """

    kind, period_s = "lsl", 0.0

    def __init__(self, stream: str, name: str) -> None:
        """Create an output of a stream of that name; name is the camera's."""
        self.address, self._name = stream, name
        self._faces: pylsl.StreamOutlet | None = None
        self._markers: pylsl.StreamOutlet | None = None
        self._slots = Slots()

    def open(self) -> None:
        """Offer both streams on the network."""
        self._faces = pylsl.StreamOutlet(self._describe_faces(), max_buffered=10)
        self._markers = pylsl.StreamOutlet(self._describe_markers())

    def is_heard(self) -> bool:
        """Return whether somebody receives one of the streams."""
        return any(outlet.have_consumers() for outlet in (self._faces, self._markers) if outlet)

    def send(self, moment: Moment) -> None:
        """Send a frame's faces with its time."""
        assert self._faces
        sample: list[float] = []
        for face in self._slots.place(moment.faces, moment.captured_s):
            sample += face_channels(face)
        self._faces.push_sample(sample, to_local_clock(moment.captured_s))

    def marker(self, label: str, unix_s: float) -> None:
        """Send an event with its time."""
        assert self._markers
        self._markers.push_sample([label], pylsl.local_clock() - (time.time() - unix_s))

    def close(self) -> None:
        """Withdraw both streams; a receiver waits for them to come back."""
        self._faces = self._markers = None

    def _describe_faces(self) -> pylsl.StreamInfo:
        """Return the description of the stream of faces."""
        count = SLOTS * len(CHANNELS)
        rate, form = pylsl.IRREGULAR_RATE, pylsl.cf_float32
        info = pylsl.StreamInfo(self.address, "Expression", count, rate, form, f"{self._source}:faces")
        description = self._add_about(info)
        channels = description.append_child("channels")
        for slot in range(1, SLOTS + 1):
            for label, unit, kind in CHANNELS:
                channel = channels.append_child("channel")
                channel.append_child_value("label", f"face{slot}_{label}")
                channel.append_child_value("unit", unit)
                channel.append_child_value("type", kind)
        return info

    def _describe_markers(self) -> pylsl.StreamInfo:
        """Return the description of the stream of markers."""
        rate, form = pylsl.IRREGULAR_RATE, pylsl.cf_string
        stream = f"{self.address}-markers"
        info = pylsl.StreamInfo(stream, "Markers", 1, rate, form, f"{self._source}:markers")
        self._add_about(info)
        return info

    @property
    def _source(self) -> str:
        """The same each time, so that receivers find a stream that was away."""
        return f"live-facial-emotions:{self._name}:{self.address}"

    def _add_about(self, info: pylsl.StreamInfo) -> XMLElement:
        """Add the camera, the program and the clock to a description, and return it."""
        description = info.desc()
        about = description.append_child("acquisition")
        about.append_child_value("camera", self._name)
        about.append_child_value("model", VERSION)
        clock = description.append_child("clock")
        clock.append_child_value("mapping", CLOCK)
        clock.append_child_value("local_clock_less_monotonic_s", f"{clock_offset_s():.6f}")
        clock.append_child_value("unix_less_local_clock_s", f"{time.time() - pylsl.local_clock():.6f}")
        return description


def face_channels(face: Track | None) -> list[float]:
    """Return the CHANNELS of the face in a place; NaN for all if there is none."""
    if face is None:
        return [math.nan] * len(CHANNELS)
    return [face.track_id, face.sure, *face.probs.tolist(), *valence_arousal(face.probs).tolist(), *face.box]


def to_local_clock(captured_s: float) -> float:
    """Return the time of time.monotonic() on LSL's local clock, both in s."""
    return float(pylsl.local_clock()) - (time.monotonic() - captured_s)


def clock_offset_s() -> float:
    """Return by how much LSL's local clock is ahead of time.monotonic(), in s; on Linux both are one clock."""
    before_s = time.monotonic()
    local_s = float(pylsl.local_clock())
    return local_s - (before_s + time.monotonic()) / 2
