"""The history of recordings: sessions, the faces in each, and every sighting of a face; never a picture."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    case,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from recording.about import About
from recording.database import PRAGMAS, Database, DatabaseError, NewerDatabaseError
from recording.markers import Marker
from recording.schema import MIGRATIONS, Migration
from recording.tables import (
    COUNTED_LABELS,
    TABLES,
    faces_table,
    markers_table,
    rests_table,
    seconds_table,
    sessions_table,
    sightings_table,
    tags_table,
)
from settings import StartError
from vision.emotions import EMOTIONS, UNSURE
from vision.head_pose import roll_deg, yaw_estimate_deg
from vision.resting_face import RestingFace
from vision.tracker import Track

ROWS_A_READ = 1000
DAY_MS = 24 * 3600 * 1000
FIRST_MS = 1_735_689_600_000  # 2025-01-01; no session ended earlier, whatever its clock said
# (Unix time in ms, face), and the brightness of the picture where it is known.
Sighting = tuple[int, Track] | tuple[int, Track, float | None]


@dataclass(eq=False)
class Session:
    """A recording that is being written.

    about and setup (JSON) are the recorder's; written and faces say which of its sightings are in the database,
    and about_written what is said of the session there.
    """

    started_unix_ms: int
    about: About = field(default_factory=About)
    setup: str = ""
    key: str = field(default_factory=lambda: uuid4().hex)
    session_id: int | None = None
    written: int = 0
    faces: set[int] = field(default_factory=set)  # their numbers
    about_written: About = field(default_factory=About)


@dataclass(frozen=True)
class Summary:
    """A session in figures; counts has the number of sightings for each label in COUNTED_LABELS."""

    session_id: int
    key: str
    source: str
    started_unix_ms: int
    ended_unix_ms: int
    sightings: int
    faces: int
    counts: Mapping[str, int]
    about: About = field(default_factory=About)
    setup: str = ""  # JSON: program, network and settings; empty for sessions of older versions


@dataclass(frozen=True)
class Search:
    """Which sessions are wanted: with text in their words, and with a tag; empty ones mean any."""

    text: str = ""
    tag: str = ""


ANY_SESSION = Search()
LABEL_COLUMN = case((sightings_table.c.sure, sightings_table.c.emotion), else_=UNSURE)
NEWEST_FIRST = (sessions_table.c.started_ms.desc(), sessions_table.c.id.desc())


@dataclass(frozen=True)
class Face:
    """One face of a session in figures; counts has the number of sightings for each label in COUNTED_LABELS."""

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
        self,
        session: Session,
        sightings: Sequence[Sighting],
        ended_unix_ms: int,
        source: str,
        markers: Sequence[Marker] = (),
    ) -> None:
        """Add sightings and markers to a session, which is inserted if it is not there, and what is said of it.

        After an error the same ones may be given again: those that did arrive, although the answer was lost,
        are not added twice.
        """
        about = session.about  # another thread may change it meanwhile
        with self.database.begin() as connection:
            columns = (sessions_table.c.id, sessions_table.c.sightings, sessions_table.c.ended_ms)
            row = connection.execute(select(*columns).where(sessions_table.c.key == session.key)).one_or_none()
            if row:
                session_id, count, ended_before_ms = row
                sightings = sightings[max(count - session.written, 0) :]
            else:
                session_id, count = _insert_session(connection, session, source), 0
                ended_before_ms, session.about_written = session.started_unix_ms, About()
            if about != session.about_written:
                describe_session(connection, session_id, about)
            if markers:
                _insert_markers(connection, session_id, markers)
            if sightings:
                rows = [_as_row(session_id, number, *it) for number, it in enumerate(sightings, count)]
                connection.execute(insert(sightings_table), rows)
                _insert_rests(connection, session_id, sightings)
                _add(connection, faces_table, _count_faces(session_id, sightings), COUNTED_LABELS, ("last_ms",))
                _add(
                    connection,
                    seconds_table,
                    _sum_seconds(session, session_id, sightings),
                    ("sightings", *EMOTIONS),
                )
            count += len(sightings)
            ended_ms = max(ended_unix_ms, ended_before_ms)  # a clock may be set back
            values = {"source": source, "ended_ms": ended_ms, "sightings": count}
            connection.execute(update(sessions_table).where(sessions_table.c.id == session_id).values(values))
        session.session_id, session.written, session.about_written = session_id, count, about
        session.faces.update(sighting[1].track_id for sighting in sightings)

    # For the pages.

    def count(self, search: Search = ANY_SESSION) -> int:
        """Return how many sessions there are, or match."""
        if self.database.is_empty():
            return 0
        query = select(func.count()).select_from(sessions_table).where(*_matches(search))
        with self.database.begin() as connection:
            return connection.scalar(query) or 0

    def sessions(self, first: int, limit: int, search: Search = ANY_SESSION) -> list[Summary]:
        """Return up to limit sessions that match, from number first on, the newest being number 0."""
        if self.database.is_empty():
            return []
        query = _summaries().where(*_matches(search)).order_by(*NEWEST_FIRST).offset(first).limit(limit)
        return self._read_summaries(query)

    def session(self, session_id: int) -> Summary | None:
        """Return the session of that number, or None."""
        if self.database.is_empty():
            return None
        with self.database.begin() as connection:
            return read_session(connection, session_id)

    def merge_candidates(self, summary: Summary, limit: int) -> list[Summary]:
        """Return up to limit other sessions of the same source that overlap it nowhere, the nearest first."""
        table = sessions_table.c
        apart = or_(table.started_ms >= summary.ended_unix_ms, table.ended_ms <= summary.started_unix_ms)
        query = _summaries().where(table.source == summary.source, table.id != summary.session_id, apart)
        distance = func.abs(table.started_ms - summary.started_unix_ms)
        return self._read_summaries(query.order_by(distance, table.id).limit(limit))

    def _read_summaries(self, query: Select[Any]) -> list[Summary]:
        with self.database.begin() as connection:
            return _read_summaries(connection, query)

    def tags(self, limit: int) -> list[str]:
        """Return the tags in use, limit at most, those of the most sessions first."""
        if self.database.is_empty():
            return []
        tag = tags_table.c.tag
        query = select(tag).group_by(tag).order_by(func.count().desc(), tag).limit(limit)
        with self.database.begin() as connection:
            return list(connection.scalars(query))

    def describe(self, session_id: int, about: About) -> None:
        """Replace what is said of a session."""
        with self.database.begin() as connection:
            describe_session(connection, session_id, about)

    def markers(self, session_id: int) -> list[Marker]:
        """Return a session's markers in the order of their moments."""
        columns = (getattr(markers_table.c, name) for name in ("number", "label", "caller_ms", "arrived_ms"))
        query = select(*columns).where(markers_table.c.session_id == session_id)
        with self.database.begin() as connection:
            markers = [Marker(*row) for row in connection.execute(query)]
        return sorted(markers, key=lambda marker: (marker.at_unix_ms, marker.number))

    def rests(self, session_id: int) -> dict[tuple[int, int], RestingFace]:
        """Return a session's resting faces in order, by the face's number and their time (Unix, ms)."""
        query = select(rests_table).where(rests_table.c.session_id == session_id)
        query = query.order_by(rests_table.c.since_ms, rests_table.c.track_id)
        with self.database.begin() as connection:
            rows = connection.execute(query).mappings().all()
        return {
            (row["track_id"], row["since_ms"]): RestingFace(
                np.array([row[name] for name in EMOTIONS], np.float32), row["since_ms"] / 1000, row["name"]
            )
            for row in rows
        }

    def faces(self, session_id: int, limit: int) -> list[Face]:
        """Return the faces of a session seen most often, limit at most, in the order in which they came."""
        seen: ColumnElement[int] = sum(
            (faces_table.c[name] for name in COUNTED_LABELS[1:]), faces_table.c[COUNTED_LABELS[0]]
        )
        query = select(faces_table).where(faces_table.c.session_id == session_id)
        query = query.order_by(seen.desc(), faces_table.c.track_id).limit(limit)
        with self.database.begin() as connection:
            rows = connection.execute(query).mappings().all()
        faces = [
            Face(row["track_id"], row["first_ms"], row["last_ms"], {name: row[name] for name in COUNTED_LABELS})
            for row in rows
        ]
        return sorted(faces, key=lambda face: (face.first_unix_ms, face.track_id))

    def faces_within(self, session_id: int, stretch_ms: range) -> list[Face]:
        """Return all faces of a stretch of a session (Unix time in ms), those seen most often first.

        They are counted sighting by sighting, as in `labels`.
        """
        seen = sightings_table.c
        query = select(seen.track_id, LABEL_COLUMN, func.count(), func.min(seen.at_ms), func.max(seen.at_ms))
        query = query.where(seen.session_id == session_id, _within(stretch_ms)).group_by(
            seen.track_id, LABEL_COLUMN
        )
        found: defaultdict[int, list[tuple[str, int, int, int]]] = defaultdict(list)
        with self.database.begin() as connection:
            for track_id, *figures in connection.execute(query):
                found[track_id].append(tuple(figures))
        faces = [
            Face(
                track_id,
                min(first_ms for *_, first_ms, _ in parts),
                max(last_ms for *_, last_ms in parts),
                dict.fromkeys(COUNTED_LABELS, 0) | {label: count for label, count, *_ in parts},
            )
            for track_id, parts in found.items()
        ]
        return sorted(faces, key=lambda face: (-sum(face.counts.values()), face.track_id))

    def mean_probs(
        self, summary: Summary, bin_s: int, track_id: int | None = None, seconds: range | None = None
    ) -> list[MeanProbs]:
        """Return the mean of each time bin of bin_s that has a sighting, in order; of one face or of all.

        seconds since the session began limit them to a stretch, and bins are counted from its first.
        """
        number = (seconds_table.c.second - (seconds.start if seconds else 0)) // bin_s
        sums = (func.sum(seconds_table.c[name]) for name in ("sightings", *EMOTIONS))
        query = select(number, *sums).where(seconds_table.c.session_id == summary.session_id)
        if track_id is not None:
            query = query.where(seconds_table.c.track_id == track_id)
        if seconds is not None:
            query = query.where(seconds_table.c.second.between(seconds.start, seconds.stop - 1))
        with self.database.begin() as connection:
            rows = connection.execute(query.group_by(number).order_by(number)).all()
        return [
            MeanProbs(number, count, tuple(prob / count for prob in probs)) for number, count, *probs in rows
        ]

    def labels(
        self, summary: Summary, bin_s: int, track_ids: Sequence[int], seconds: range | None = None
    ) -> defaultdict[int, dict[int, str]]:
        """Return each face's most frequent label, of COUNTED_LABELS, by time bin of bin_s in which it was seen.

        seconds are as in `mean_probs`. They are counted sighting by sighting, which takes a second for a
        million (nine hours of one face).
        """
        seen, started_ms = sightings_table.c, summary.started_unix_ms
        # within the session: a clock may have been set back
        stretch_ms = range(started_ms, summary.ended_unix_ms + 1)
        if seconds is not None:
            stretch_ms = range(started_ms + 1000 * seconds.start, started_ms + 1000 * seconds.stop)
        number = (seen.at_ms - stretch_ms.start) // (1000 * bin_s)
        query = select(seen.track_id, number, LABEL_COLUMN).where(
            seen.session_id == summary.session_id, seen.track_id.in_(track_ids), _within(stretch_ms)
        )
        query = query.group_by(seen.track_id, number, LABEL_COLUMN).order_by(func.count(), LABEL_COLUMN.desc())
        labels: defaultdict[int, dict[int, str]] = defaultdict(dict)
        with self.database.begin() as connection:
            for track_id, at, name in connection.execute(query):
                labels[track_id][at] = name  # the one counted most comes last
        return labels

    def sightings(self, session_id: int, stretch_ms: range | None = None) -> Iterator[Row[Any]]:
        """Yield a session's sightings in order, or those of a stretch of it (Unix time in ms).

        Each is number, at_ms, track_id, x1 to y2, emotion, sure, seven probs, brightness, roll_deg,
        yaw_estimate_deg and rest_ms. Read in small parts, so that a slow reader holds neither memory nor a
        connection.
        """
        columns = [column for column in sightings_table.c if column.name != "session_id"]
        query = select(*columns).where(sightings_table.c.session_id == session_id)
        if stretch_ms is not None:
            query = query.where(_within(stretch_ms))
        query = query.order_by(sightings_table.c.number).limit(self._rows_a_read)
        last = -1
        while True:
            with self.database.begin() as connection:
                rows = connection.execute(query.where(sightings_table.c.number > last)).all()
            if not rows:
                return
            yield from rows
            last = rows[-1].number

    def delete(self, session_id: int) -> bool:
        """Delete a session with all that belongs to it; False if there is none of that number."""
        return self._delete(sessions_table.c.id == session_id) > 0

    def delete_all(self) -> int:
        """Delete every session and return how many there were."""
        return self._delete()

    def delete_ended_before(self, at_unix_ms: int, now_unix_ms: int) -> int:
        """Delete the sessions that ended before that time and return how many there were.

        A session whose end cannot be right, before FIRST_MS or after now, counts from the first call for it.
        """
        if self.database.is_empty():
            return 0
        table = sessions_table.c
        is_possible = table.ended_ms.between(FIRST_MS, now_unix_ms)
        found = update(sessions_table).where(not_(is_possible), table.found_ms.is_(None))
        with self.database.begin() as connection:
            connection.execute(found.values(found_ms=now_unix_ms))
        return self._delete(case((is_possible, table.ended_ms), else_=table.found_ms) < at_unix_ms)

    def _delete(self, *which: ColumnElement[bool]) -> int:
        if self.database.is_empty():
            return 0
        with self.database.begin() as connection:
            return connection.execute(delete(sessions_table).where(*which)).rowcount


def _insert_session(connection: Connection, session: Session, source: str) -> int:
    at_ms = session.started_unix_ms
    values = {"key": session.key, "source": source, "started_ms": at_ms, "ended_ms": at_ms, "sightings": 0}
    values["setup"] = session.setup
    result = connection.execute(insert(sessions_table).values(values))
    assert result.inserted_primary_key is not None
    session_id: int = result.inserted_primary_key[0]
    return session_id


def read_session(connection: Connection, session_id: int) -> Summary | None:
    """Return the session of that number, or None, in a transaction."""
    return next(iter(_read_summaries(connection, _summaries().where(sessions_table.c.id == session_id))), None)


def _read_summaries(connection: Connection, query: Select[Any]) -> list[Summary]:
    rows = connection.execute(query).all()
    tags = _read_tags(connection, [row.id for row in rows])
    return [_as_summary(row, tags[row.id]) for row in rows]


def describe_session(connection: Connection, session_id: int, about: About) -> None:
    """Replace what is said of a session, in a transaction; nothing if it is not there any more."""
    values = {"name": about.name, "note": about.note}
    found = connection.execute(update(sessions_table).where(sessions_table.c.id == session_id).values(values))
    if not found.rowcount:
        return
    connection.execute(delete(tags_table).where(tags_table.c.session_id == session_id))
    if about.tags:
        connection.execute(insert(tags_table), [{"session_id": session_id, "tag": tag} for tag in about.tags])


def _insert_markers(connection: Connection, session_id: int, markers: Iterable[Marker]) -> None:
    """Insert markers; those that are there already stay as they are."""
    rows = [
        {
            "session_id": session_id,
            "number": marker.number,
            "label": marker.label,
            "caller_ms": marker.caller_unix_ms,
            "arrived_ms": marker.arrived_unix_ms,
        }
        for marker in markers
    ]
    connection.execute(_dialect(connection).insert(markers_table).on_conflict_do_nothing(), rows)


def _insert_rests(connection: Connection, session_id: int, sightings: Iterable[Sighting]) -> None:
    """Insert the resting faces of sightings; those that are there already may have got a name since."""
    rows = {
        (track.track_id, rest.since_unix_ms): {
            "session_id": session_id,
            "track_id": track.track_id,
            "since_ms": rest.since_unix_ms,
            "name": rest.name,
            **dict(zip(EMOTIONS, rest.probs.tolist(), strict=True)),
        }
        for _, track, *_ in sightings
        if (rest := track.rest)
    }
    if rows:
        _add(connection, rests_table, rows.values(), (), ("name",))


def _as_row(
    session_id: int, number: int, at_ms: int, track: Track, brightness: float | None = None
) -> dict[str, Any]:
    which = {"session_id": session_id, "number": number, "at_ms": at_ms, "track_id": track.track_id}
    box = dict(zip(("x1", "y1", "x2", "y2"), track.box, strict=True))
    named = {"emotion": track.emotion, "sure": track.sure}
    probs = dict(zip(EMOTIONS, track.probs.tolist(), strict=True))
    rest_ms = track.rest.since_unix_ms if track.rest else None
    more = {"brightness": _whole(brightness), **_pose(track), "rest_ms": rest_ms}
    return {**which, **box, **named, **probs, **more}


def _pose(track: Track) -> dict[str, int | None]:
    points = track.landmarks
    if points is None:
        return {"roll_deg": None, "yaw_estimate_deg": None}
    return {"roll_deg": _whole(roll_deg(points)), "yaw_estimate_deg": _whole(yaw_estimate_deg(points))}


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _count_faces(session_id: int, sightings: Iterable[Sighting]) -> Iterator[dict[str, Any]]:
    """Yield the figures of each face in sightings."""
    times: defaultdict[int, list[int]] = defaultdict(list)
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for at_ms, track, *_ in sightings:
        times[track.track_id].append(at_ms)
        counts[track.track_id][track.label] += 1
    for track_id, at in times.items():
        which = {"session_id": session_id, "track_id": track_id, "first_ms": min(at), "last_ms": max(at)}
        yield {**which, **{name: counts[track_id][name] for name in COUNTED_LABELS}}


def _sum_seconds(session: Session, session_id: int, sightings: Iterable[Sighting]) -> Iterator[dict[str, Any]]:
    """Yield the sums of each second of each face in sightings."""
    parts: defaultdict[tuple[int, int], list[Track]] = defaultdict(list)
    for at_ms, track, *_ in sightings:
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
    new = _dialect(connection).insert(table)
    values = {name: table.c[name] + new.excluded[name] for name in summed}
    values |= {name: new.excluded[name] for name in replaced}
    connection.execute(new.on_conflict_do_update(index_elements=table.primary_key, set_=values), list(rows))


def _dialect(connection: Connection) -> Any:
    """Return the module of the database's own statements, of which both have ON CONFLICT."""
    return postgresql if connection.dialect.name == "postgresql" else sqlite


def _within(stretch_ms: range) -> ColumnElement[bool]:
    """Return the condition of sightings in a stretch (Unix time in ms)."""
    return sightings_table.c.at_ms.between(stretch_ms.start, stretch_ms.stop - 1)


def _matches(search: Search) -> list[ColumnElement[bool]]:
    """Return the conditions of a search."""
    table, conditions = sessions_table.c, list[ColumnElement[bool]]()
    tagged = select(tags_table.c.tag).where(tags_table.c.session_id == table.id)
    if search.text:
        words = [it.icontains(search.text, autoescape=True) for it in (table.name, table.note, table.source)]
        by_tag = tagged.where(tags_table.c.tag.icontains(search.text, autoescape=True)).exists()
        conditions.append(or_(*words, by_tag))
    if search.tag:
        conditions.append(tagged.where(tags_table.c.tag == search.tag).exists())
    return conditions


def _read_tags(connection: Connection, session_ids: Sequence[int]) -> defaultdict[int, list[str]]:
    """Return the tags of each session, sorted."""
    tags: defaultdict[int, list[str]] = defaultdict(list)
    query = select(tags_table).where(tags_table.c.session_id.in_(session_ids))
    for session_id, tag in connection.execute(query):
        tags[session_id].append(tag)
    return tags


def _summaries() -> Select[Any]:
    totals = (func.coalesce(func.sum(faces_table.c[name]), 0).label(name) for name in COUNTED_LABELS)
    faces = func.count(faces_table.c.track_id).label("faces")
    return select(sessions_table, faces, *totals).outerjoin(faces_table).group_by(sessions_table.c.id)


def _as_summary(row: Row[Any], tags: Iterable[str]) -> Summary:
    values = row._mapping
    return Summary(
        session_id=values["id"],
        key=values["key"],
        source=values["source"],
        started_unix_ms=values["started_ms"],
        ended_unix_ms=values["ended_ms"],
        sightings=values["sightings"],
        faces=values["faces"],
        counts={name: int(values[name]) for name in COUNTED_LABELS},
        about=About(values["name"], values["note"], tuple(sorted(tags))),
        setup=values["setup"],
    )
