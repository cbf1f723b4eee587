"""The data dictionary: what each column of an export means, its unit, and when it is empty.

`recording.export` takes its columns from here, and docs/recording.md and the sidecar say the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vision.circumplex import AXES
from vision.emotions import DETAILS

SURE_LEVELS = {"0": "no emotion was probable enough to be named", "1": "the face was labelled with it"}


@dataclass(frozen=True)
class Field:
    """A column: unit is empty if there is none; empty says when the column is empty."""

    name: str
    description: str
    unit: str = ""
    empty: str = "never"
    levels: Mapping[str, str] = field(default_factory=dict)


_OLD = "in recordings of version 0.1"
_PLACED = "calculated from the seven probabilities, not measured"
_PLACES = {
    "valence": f"unpleasant to pleasant, -1 to 1; {_PLACED}",
    "arousal": f"calm to excited, -1 to 1; {_PLACED}",
}

SIGHTING_FIELDS = (
    Field("time", "moment at which the frame was captured, by the clock of the machine with the camera", "UTC"),
    Field("seconds", "seconds since the session began", "s"),
    Field("session", "number of the session"),
    Field("source", "recorded camera, video or demo"),
    Field("track_id", "number of the face in this session; a person who comes back gets another one"),
    Field("x1", "left edge of the face's box", "px"),
    Field("y1", "upper edge of the face's box", "px"),
    Field("x2", "right edge of the face's box", "px"),
    Field("y2", "lower edge of the face's box", "px"),
    Field(
        "emotion",
        "emotion of the face's label; if sure is 0, the last one named, or the most probable one",
        levels={name: emotion.description for name, emotion in DETAILS.items()},
    ),
    Field("sure", "whether the label named this emotion, or said “unsure”", levels=SURE_LEVELS),
    *(Field(name, f"probability that the face shows {name}, smoothed over time, 0 to 1") for name in DETAILS),
    *(Field(name, _PLACES[name]) for name in AXES),
    Field("brightness", "mean gray level of the whole picture, 0 (black) to 255 (white)", "gray level", _OLD),
    Field(
        "roll_deg",
        "tilt of the line through the eyes; positive: clockwise in the picture",
        "degrees",
        f"if the detector finds no landmarks (haar never does), and {_OLD}",
    ),
    Field(
        "yaw_estimate_deg",
        "turn of the head, estimated from the distance of the nose from the middle of the eyes, for a head of "
        "average proportions; positive: to the right of the picture",
        "degrees",
        "as for roll_deg",
    ),
    Field(
        "rest_since",
        "when the resting face was measured that the seven probabilities of this row are relative to",
        "UTC",
        f"if they are the network's own, and {_OLD}",
    ),
)
MARKER_FIELD = Field(
    "marker",
    "labels of the markers since the previous row, joined by “; ”; the last row also has those after it; exact "
    "times are in the markers' own file",
    empty="in rows without a marker",
)
CSV_FIELDS = (*SIGHTING_FIELDS, MARKER_FIELD)
MARKER_FIELDS = (
    Field("time", "moment of the marker: by the caller's clock if given, otherwise its arrival", "UTC"),
    Field("seconds", "seconds since the session began", "s"),
    Field("session", "number of the session"),
    Field("source", "recorded camera, video or demo"),
    Field("marker", "label of the marker"),
    Field("caller_time", "moment by the clock of the program that sent the marker", "UTC", "if it sent none"),
    Field("arrived_time", "moment at which the marker arrived at the server, by the same clock as time", "UTC"),
)


def names(fields: tuple[Field, ...]) -> tuple[str, ...]:
    """Return the names of columns."""
    return tuple(field.name for field in fields)
