"""Two parts of one recording made one session, as when a camera's process ended and another went on."""

from sqlalchemy import Connection, delete, func, insert, literal, select, update
from sqlalchemy.sql.expression import ColumnElement

from recording.about import MAX_NAME, MAX_NOTE, MAX_TAGS, About
from recording.history import History, Summary, describe_session, read_session
from recording.schema import begin_writing
from recording.tables import (
    faces_table,
    markers_table,
    rests_table,
    seconds_table,
    sessions_table,
    sightings_table,
)
from vision.emotions import EMOTIONS


class MergeError(ValueError):
    """Two sessions cannot be made one; the message says why in one sentence."""


def merge_sessions(history: History, one_id: int, other_id: int) -> int:
    """Make two sessions of one source, one after the other, the earlier one, and return its number.

    Times and markers stay as they are. The later one's faces get the numbers behind the earlier one's, because
    nobody knows whether they are the same people. Names and notes are put together; tags are those of both.
    Raises MergeError, and DatabaseError.
    """
    with history.database.begin() as connection:
        _lock(connection, one_id, other_id)
        one, other = read_session(connection, one_id), read_session(connection, other_id)
        if one is None or other is None:
            raise MergeError("One of the two sessions no longer exists.")
        first, second = sorted((one, other), key=lambda it: (it.started_unix_ms, it.session_id))
        check_mergeable(first, second)
        _move(connection, first, second)
        describe_session(connection, first.session_id, merge_about(first.about, second.about))
        values = {
            "ended_ms": second.ended_unix_ms,
            "sightings": first.sightings + second.sightings,
            "setup": first.setup or second.setup,
        }
        connection.execute(update(sessions_table).where(sessions_table.c.id == first.session_id).values(values))
        connection.execute(delete(sessions_table).where(sessions_table.c.id == second.session_id))
    return first.session_id


def _lock(connection: Connection, *session_ids: int) -> None:
    """Keep others from changing these sessions until the end of the transaction, which has just begun."""
    begin_writing(connection)
    ids = sessions_table.c.id
    connection.execute(select(ids).where(ids.in_(session_ids)).order_by(ids).with_for_update())


def check_mergeable(first: Summary, second: Summary) -> None:
    """Raise MergeError unless two sessions, the earlier one first, can be made one."""
    if first.session_id == second.session_id:
        raise MergeError("A session cannot be merged with itself.")
    if first.source != second.source:
        raise MergeError(f"The sessions come from different cameras: {first.source} and {second.source}.")
    if second.started_unix_ms < first.ended_unix_ms:
        raise MergeError("The sessions overlap in time.")


def merge_about(first: About, second: About) -> About:
    """Return what is said of two parts; what would be too long is cut at its end."""
    name = " + ".join(dict.fromkeys(filter(None, (first.name, second.name))))
    note = "\n".join(dict.fromkeys(filter(None, (first.note, second.note))))
    tags = sorted({*first.tags, *second.tags})
    return About(name[:MAX_NAME], note[:MAX_NOTE], tuple(tags[:MAX_TAGS]))


def _move(connection: Connection, first: Summary, second: Summary) -> None:
    """Give all rows of the second session to the first, numbered on behind its own."""
    goes_to = {"session_id": first.session_id}
    faces, seen, rests, markers = faces_table.c, sightings_table.c, rests_table.c, markers_table.c
    before_faces = _last(connection, faces.track_id, first)
    moved = {**goes_to, "track_id": faces.track_id + before_faces}
    connection.execute(update(faces_table).where(faces.session_id == second.session_id).values(moved))
    moved = {**goes_to, "track_id": rests.track_id + before_faces}
    connection.execute(update(rests_table).where(rests.session_id == second.session_id).values(moved))
    moved = {
        **goes_to,
        "number": seen.number + _last(connection, seen.number, first) + 1,
        "track_id": seen.track_id + before_faces,
    }
    connection.execute(update(sightings_table).where(seen.session_id == second.session_id).values(moved))
    moved = {**goes_to, "number": markers.number + _last(connection, markers.number, first)}
    connection.execute(update(markers_table).where(markers.session_id == second.session_id).values(moved))
    _sum_seconds(connection, first, before_faces)


def _last(connection: Connection, column: ColumnElement[int], session: Summary) -> int:
    """Return the highest number in a session's rows of a table; -1 for sightings, else 0, without any."""
    table = column.table
    none = -1 if table is sightings_table else 0
    query = select(func.coalesce(func.max(column), none)).where(table.c.session_id == session.session_id)
    return connection.scalar(query) or 0


def _sum_seconds(connection: Connection, first: Summary, before_faces: int) -> None:
    """Sum the moved sightings in the first session's seconds: the second one's began at other moments."""
    seen = sightings_table.c
    second = (seen.at_ms - first.started_unix_ms) // 1000
    sums = (func.sum(seen[name]) for name in EMOTIONS)
    rows = select(literal(first.session_id), second, seen.track_id, func.count(), *sums)
    rows = rows.where(seen.session_id == first.session_id, seen.track_id > before_faces)
    rows = rows.group_by(second, seen.track_id)
    names = ("session_id", "second", "track_id", "sightings", *EMOTIONS)
    connection.execute(insert(seconds_table).from_select(names, rows))
