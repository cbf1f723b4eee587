"""The history of recordings: sessions, the faces in each, and every sighting of a face; never a picture."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    Row,
    Select,
    SmallInteger,
    String,
    Table,
    Text,
    case,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from recording.database import PRAGMAS, Database, DatabaseError, NewerDatabaseError
from recording.schema import MIGRATIONS, Migration
from settings import StartError
from vision.emotions import EMOTIONS
from vision.tracker import Track

COUNTED = (*EMOTIONS, "unsure")  # the labels under which sightings are counted
ROWS_A_READ = 1000
DAY_MS = 24 * 3600 * 1000

TABLES = MetaData()
# All times are Unix time in ms, so that both databases compute with them alike.
_sessions = Table(
    "sessions",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("key", String(32), nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger, nullable=False),  # so far; so a session that was killed has its end too
    Column("sightings", Integer, nullable=False),
    sqlite_autoincrement=True,  # or the address of a deleted session would lead to a later one
)
_faces = Table(
    "faces",
    TABLES,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("track_id", Integer, primary_key=True, autoincrement=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    *(Column(name, Integer, nullable=False) for name in COUNTED),
    sqlite_with_rowid=False,
)
# Sums of what was seen in each second, so that a chart of hours need not read every sighting.
_seconds = Table(
    "seconds",
    TABLES,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("second", Integer, primary_key=True, autoincrement=False),  # since the session began
    Column("track_id", Integer, primary_key=True, autoincrement=False),
    Column("sightings", Integer, nullable=False),
    *(Column(name, Double, nullable=False) for name in EMOTIONS),
    sqlite_with_rowid=False,
)
_sightings = Table(
    "sightings",
    TABLES,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("track_id", Integer, nullable=False),
    *(Column(name, SmallInteger, nullable=False) for name in ("x1", "y1", "x2", "y2")),
    Column("emotion", String(16), nullable=False),
    Column("sure", Boolean, nullable=False),
    *(Column(name, REAL, nullable=False) for name in EMOTIONS),
    sqlite_with_rowid=False,
)


@dataclass(eq=False)
class Session:
    """A recording that is being written; written and faces say which of its sightings are in the database."""

    started_unix_ms: int
    key: str = field(default_factory=lambda: uuid4().hex)
    session_id: int | None = None
    written: int = 0
    faces: set[int] = field(default_factory=set)  # their numbers


@dataclass(frozen=True)
class Summary:
    """A session in figures; counts has the number of sightings for each label in COUNTED."""

    session_id: int
    key: str
    source: str
    started_unix_ms: int
    ended_unix_ms: int
    sightings: int
    faces: int
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Face:
    """One face of a session in figures; counts has the number of sightings for each label in COUNTED."""

    track_id: int
    first_unix_ms: int
    last_unix_ms: int
    counts: Mapping[str, int]


@dataclass(frozen=True)
class MeanProbs:
    """The mean probabilities in one time bin, in EMOTIONS' order, over so many sightings."""

    bin: int
    sightings: int
    probs: tuple[float, ...]


class History:
    """Writes, reads and deletes sessions; every method raises DatabaseError, with one sentence."""

    def __init__(
        self,
        url: str,
        *,
        migrations: Sequence[Migration] = MIGRATIONS,
        pragmas: Sequence[str] = PRAGMAS,
        rows_a_read: int = ROWS_A_READ,
    ) -> None:
        """url, migrations and pragmas are as in Database; raises UrlError."""
        self.database = Database(url, TABLES, migrations=migrations, pragmas=pragmas)
        self._rows_a_read = rows_a_read

    @classmethod
    def open(cls, url: str) -> "History":
        """Return the history at url; raises StartError if its database is known to be too new, or UrlError.

        A database that cannot be reached now is none of the program's start: every later call tries again.
        """
        history = cls(url)
        try:
            history.database.check_version()
        except NewerDatabaseError as error:
            history.close()
            raise StartError(str(error)) from error
        except DatabaseError:
            pass
        return history

    def close(self) -> None:
        """Close the database's connections."""
        self.database.close()

    # For the recorder.

    def write(
        self, session: Session, sightings: Sequence[tuple[int, Track]], ended_unix_ms: int, source: str
    ) -> None:
        """Add sightings, (Unix time in ms, track), to a session, which is inserted if it is not there.

        After an error the same sightings may be given again: those that did arrive, although the answer
        was lost, are not added twice.
        """
        with self.database.begin() as connection:
            columns = (_sessions.c.id, _sessions.c.sightings, _sessions.c.ended_ms)
            row = connection.execute(select(*columns).where(_sessions.c.key == session.key)).one_or_none()
            if row:
                session_id, count, ended_before_ms = row
                sightings = sightings[max(count - session.written, 0) :]
            else:
                session_id, count = _insert_session(connection, session, source), 0
                ended_before_ms = session.started_unix_ms
            if sightings:
                rows = [_as_row(session_id, number, *it) for number, it in enumerate(sightings, count)]
                connection.execute(insert(_sightings), rows)
                _add(connection, _faces, _count_faces(session_id, sightings), COUNTED, ("last_ms",))
                _add(
                    connection, _seconds, _sum_seconds(session, session_id, sightings), ("sightings", *EMOTIONS)
                )
            count += len(sightings)
            ended_ms = max(ended_unix_ms, ended_before_ms)  # a clock may be set back
            values = {"source": source, "ended_ms": ended_ms, "sightings": count}
            connection.execute(update(_sessions).where(_sessions.c.id == session_id).values(values))
        session.session_id, session.written = session_id, count
        session.faces.update(track.track_id for _, track in sightings)

    # For the pages.

    def count(self) -> int:
        """Return how many sessions there are."""
        if self.database.is_empty():
            return 0
        with self.database.begin() as connection:
            return connection.scalar(select(func.count()).select_from(_sessions)) or 0

    def sessions(self, first: int, limit: int) -> list[Summary]:
        """Return up to limit sessions from number first on, the newest being number 0."""
        if self.database.is_empty():
            return []
        query = _summaries().order_by(_sessions.c.started_ms.desc(), _sessions.c.id.desc())
        with self.database.begin() as connection:
            return [_as_summary(row) for row in connection.execute(query.offset(first).limit(limit))]

    def session(self, session_id: int) -> Summary | None:
        """Return the session of that number, or None."""
        if self.database.is_empty():
            return None
        with self.database.begin() as connection:
            row = connection.execute(_summaries().where(_sessions.c.id == session_id)).one_or_none()
        return _as_summary(row) if row else None

    def faces(self, session_id: int, limit: int) -> list[Face]:
        """Return the faces of a session seen most often, limit at most, in the order in which they came."""
        seen: ColumnElement[int] = sum((_faces.c[name] for name in COUNTED[1:]), _faces.c[COUNTED[0]])
        query = select(_faces).where(_faces.c.session_id == session_id)
        query = query.order_by(seen.desc(), _faces.c.track_id).limit(limit)
        with self.database.begin() as connection:
            rows = connection.execute(query).mappings().all()
        faces = [
            Face(row["track_id"], row["first_ms"], row["last_ms"], {name: row[name] for name in COUNTED})
            for row in rows
        ]
        return sorted(faces, key=lambda face: (face.first_unix_ms, face.track_id))

    def mean_probs(self, summary: Summary, bin_s: int, track_id: int | None = None) -> list[MeanProbs]:
        """Return the mean of each time bin of bin_s that has a sighting, in order; of one face or of all."""
        number = _seconds.c.second // bin_s
        sums = (func.sum(_seconds.c[name]) for name in ("sightings", *EMOTIONS))
        query = select(number, *sums).where(_seconds.c.session_id == summary.session_id)
        if track_id is not None:
            query = query.where(_seconds.c.track_id == track_id)
        with self.database.begin() as connection:
            rows = connection.execute(query.group_by(number).order_by(number)).all()
        return [
            MeanProbs(number, count, tuple(prob / count for prob in probs)) for number, count, *probs in rows
        ]

    def labels(
        self, summary: Summary, bin_s: int, track_ids: Sequence[int]
    ) -> defaultdict[int, dict[int, str]]:
        """Return each face's most frequent label, one of COUNTED, by time bin of bin_s in which it was seen.

        They are counted sighting by sighting, which takes a second for a million (nine hours of one face).
        """
        seen = _sightings.c
        number = (seen.at_ms - summary.started_unix_ms) // (1000 * bin_s)
        label = case((seen.sure, seen.emotion), else_="unsure")
        query = select(seen.track_id, number, label).where(
            seen.session_id == summary.session_id,
            seen.track_id.in_(track_ids),
            # a clock may have been set back
            seen.at_ms.between(summary.started_unix_ms, summary.ended_unix_ms),
        )
        query = query.group_by(seen.track_id, number, label).order_by(func.count(), label.desc())
        labels: defaultdict[int, dict[int, str]] = defaultdict(dict)
        with self.database.begin() as connection:
            for track_id, at, name in connection.execute(query):
                labels[track_id][at] = name  # the one counted most comes last
        return labels

    def sightings(self, session_id: int) -> Iterator[Row[Any]]:
        """Yield a session's sightings in order: number, at_ms, track_id, x1 to y2, emotion, sure, seven probs.

        Read in small parts, so that a slow reader holds neither memory nor a connection.
        """
        columns = [column for column in _sightings.c if column.name != "session_id"]
        query = select(*columns).where(_sightings.c.session_id == session_id)
        query = query.order_by(_sightings.c.number).limit(self._rows_a_read)
        last = -1
        while True:
            with self.database.begin() as connection:
                rows = connection.execute(query.where(_sightings.c.number > last)).all()
            if not rows:
                return
            yield from rows
            last = rows[-1].number

    def delete(self, session_id: int) -> bool:
        """Delete a session with all that belongs to it; False if there is none of that number."""
        return self._delete(_sessions.c.id == session_id) > 0

    def delete_all(self) -> int:
        """Delete every session and return how many there were."""
        return self._delete()

    def delete_ended_before(self, at_unix_ms: int) -> int:
        """Delete the sessions that ended before that time and return how many there were."""
        return self._delete(_sessions.c.ended_ms < at_unix_ms)

    def _delete(self, *which: ColumnElement[bool]) -> int:
        if self.database.is_empty():
            return 0
        with self.database.begin() as connection:
            return connection.execute(delete(_sessions).where(*which)).rowcount


def _insert_session(connection: Connection, session: Session, source: str) -> int:
    at_ms = session.started_unix_ms
    values = {"key": session.key, "source": source, "started_ms": at_ms, "ended_ms": at_ms, "sightings": 0}
    result = connection.execute(insert(_sessions).values(values))
    assert result.inserted_primary_key is not None
    session_id: int = result.inserted_primary_key[0]
    return session_id


def _as_row(session_id: int, number: int, at_ms: int, track: Track) -> dict[str, Any]:
    which = {"session_id": session_id, "number": number, "at_ms": at_ms, "track_id": track.track_id}
    box = dict(zip(("x1", "y1", "x2", "y2"), track.box, strict=True))
    named = {"emotion": track.emotion, "sure": track.sure}
    return {**which, **box, **named, **dict(zip(EMOTIONS, track.probs.tolist(), strict=True))}


def _count_faces(session_id: int, sightings: Iterable[tuple[int, Track]]) -> Iterator[dict[str, Any]]:
    """Yield the figures of each face in sightings."""
    times: defaultdict[int, list[int]] = defaultdict(list)
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for at_ms, track in sightings:
        times[track.track_id].append(at_ms)
        counts[track.track_id][track.emotion if track.sure else "unsure"] += 1
    for track_id, at in times.items():
        which = {"session_id": session_id, "track_id": track_id, "first_ms": min(at), "last_ms": max(at)}
        yield {**which, **{name: counts[track_id][name] for name in COUNTED}}


def _sum_seconds(
    session: Session, session_id: int, sightings: Iterable[tuple[int, Track]]
) -> Iterator[dict[str, Any]]:
    """Yield the sums of each second of each face in sightings."""
    parts: defaultdict[tuple[int, int], list[Track]] = defaultdict(list)
    for at_ms, track in sightings:
        parts[(at_ms - session.started_unix_ms) // 1000, track.track_id].append(track)
    for (second, track_id), tracks in parts.items():
        which = {"session_id": session_id, "second": second, "track_id": track_id, "sightings": len(tracks)}
        sums = (sum(column) for column in zip(*(track.probs.tolist() for track in tracks), strict=True))
        yield {**which, **dict(zip(EMOTIONS, sums, strict=True))}


def _add(
    connection: Connection,
    table: Table,
    rows: Iterable[dict[str, Any]],
    summed: Iterable[str],
    replaced: Iterable[str] = (),
) -> None:
    """Insert rows; where one of the same key is there, add to what is summed and renew what is replaced."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(table)
    values = {name: table.c[name] + new.excluded[name] for name in summed}
    values |= {name: new.excluded[name] for name in replaced}
    connection.execute(new.on_conflict_do_update(index_elements=table.primary_key, set_=values), list(rows))


def _summaries() -> Select[Any]:
    totals = (func.coalesce(func.sum(_faces.c[name]), 0).label(name) for name in COUNTED)
    faces = func.count(_faces.c.track_id).label("faces")
    return select(_sessions, faces, *totals).outerjoin(_faces).group_by(_sessions.c.id)


def _as_summary(row: Row[Any]) -> Summary:
    values = row._mapping
    return Summary(
        session_id=values["id"],
        key=values["key"],
        source=values["source"],
        started_unix_ms=values["started_ms"],
        ended_unix_ms=values["ended_ms"],
        sightings=values["sightings"],
        faces=values["faces"],
        counts={name: int(values[name]) for name in COUNTED},
    )
