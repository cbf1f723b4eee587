"""The history's tables. All times are Unix time in ms, so that both databases compute with them alike."""

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

from recording.about import MAX_TAG
from vision.emotions import EMOTIONS, UNSURE

COUNTED_LABELS = (*EMOTIONS, UNSURE)  # the labels under which sightings are counted

TABLES = MetaData()


def _session_id() -> Column[int]:
    return Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)


sessions_table = Table(
    "sessions",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("key", String(32), nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger, nullable=False),  # so far; so a session that was killed has its end too
    Column("sightings", Integer, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Column("setup", Text, nullable=False, server_default=""),  # JSON: program, network and settings
    Column("found_ms", BigInteger),  # from which --keep-days counts where ended_ms cannot be right
    sqlite_autoincrement=True,  # or the address of a deleted session would lead to a later one
)
tags_table = Table(
    "tags",
    TABLES,
    _session_id(),
    Column("tag", String(MAX_TAG), primary_key=True),
    sqlite_with_rowid=False,
)
markers_table = Table(
    "markers",
    TABLES,
    _session_id(),
    Column("number", Integer, primary_key=True, autoincrement=False),  # the recorder's, from 1
    Column("label", Text, nullable=False),
    Column("caller_ms", BigInteger),  # by the caller's clock, if the caller said
    Column("arrived_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
faces_table = Table(
    "faces",
    TABLES,
    _session_id(),
    Column("track_id", Integer, primary_key=True, autoincrement=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    *(Column(name, Integer, nullable=False) for name in COUNTED_LABELS),
    sqlite_with_rowid=False,
)
# The resting faces against which sightings were read.
rests_table = Table(
    "rests",
    TABLES,
    _session_id(),
    Column("track_id", Integer, primary_key=True, autoincrement=False),
    Column("since_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    *(Column(name, REAL, nullable=False) for name in EMOTIONS),
    sqlite_with_rowid=False,
)
# Sums of what was seen in each second, so that a chart of hours need not read every sighting.
seconds_table = Table(
    "seconds",
    TABLES,
    _session_id(),
    Column("second", Integer, primary_key=True, autoincrement=False),  # since the session began
    Column("track_id", Integer, primary_key=True, autoincrement=False),
    Column("sightings", Integer, nullable=False),
    *(Column(name, Double, nullable=False) for name in EMOTIONS),
    sqlite_with_rowid=False,
)
sightings_table = Table(
    "sightings",
    TABLES,
    _session_id(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("track_id", Integer, nullable=False),
    *(Column(name, SmallInteger, nullable=False) for name in ("x1", "y1", "x2", "y2")),
    Column("emotion", String(16), nullable=False),
    Column("sure", Boolean, nullable=False),
    *(Column(name, REAL, nullable=False) for name in EMOTIONS),
    Column("brightness", SmallInteger),  # of the whole picture, mean gray level, 0 to 255
    Column("roll_deg", SmallInteger),
    Column("yaw_estimate_deg", SmallInteger),
    Column("rest_ms", BigInteger),  # since_ms of the face's rest, against which the seven were read
    sqlite_with_rowid=False,
)
