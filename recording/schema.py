"""The version of the history's tables, and the way from one version to the next.

Version 0.1 of the program wrote schema 1, without the table that holds the version. To change the tables,
change `recording.tables.TABLES` and append to MIGRATIONS a function that does the same to existing ones.
"""

import re
from collections.abc import Callable, Sequence

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    column,
    delete,
    insert,
    inspect,
    select,
    table,
    update,
)
from sqlalchemy.schema import CreateTable

from settings import HIDDEN, mask_address

Migration = Callable[[Connection], None]

# Earlier versions cut an address at its first ? or #, so a host may be half of a password, but for these.
PLAIN_HOST = re.compile(
    r"(localhost|\[.+\]|[0-9]+(\.[0-9]+){3}|([a-z0-9-]+\.)+[a-z]{2,})(:[0-9]+)?", re.IGNORECASE
)


def mask_sources(connection: Connection) -> None:
    """Leave only scheme and host of the addresses in old sessions, which may hold a camera's password."""
    sessions = table("sessions", column("id", Integer), column("source", Text))
    query = select(sessions.c.id, sessions.c.source).where(sessions.c.source.contains("://"))
    for session_id, source in connection.execute(query).all():
        address, _, host = mask_address(source).rpartition("://")
        masked = f"{address}://{host if PLAIN_HOST.fullmatch(host) else HIDDEN}"
        connection.execute(update(sessions).where(sessions.c.id == session_id).values(source=masked))


def add_details(connection: Connection) -> None:
    """Let sessions have a name, a note and a setup, and sightings the picture's brightness and a head's pose.

    The tables of tags and markers are new, and so made with those that are missing.
    """
    for name in ("name", "note", "setup"):
        connection.exec_driver_sql(f"ALTER TABLE sessions ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")
    for name in ("brightness", "roll_deg", "yaw_estimate_deg"):
        connection.exec_driver_sql(f"ALTER TABLE sightings ADD COLUMN {name} SMALLINT")


def add_rests(connection: Connection) -> None:
    """Let sightings say against which resting face they were read.

    The table of resting faces is new, and so made with those that are missing.
    """
    connection.exec_driver_sql("ALTER TABLE sightings ADD COLUMN rest_ms BIGINT")


def add_found(connection: Connection) -> None:
    """Let a session whose end cannot be right say when that was found, so that --keep-days counts from then."""
    connection.exec_driver_sql("ALTER TABLE sessions ADD COLUMN found_ms BIGINT")


# The first leads from schema 1 to schema 2, and so on.
MIGRATIONS: Sequence[Migration] = (mask_sources, add_details, add_rests, add_found)
ADVISORY_LOCK = 0x66616365  # "face": PostgreSQL's number of the lock under which one program at a time migrates
_versions = Table(
    "schema_version", MetaData(), Column("version", Integer, primary_key=True, autoincrement=False)
)


class NewerSchemaError(Exception):
    """The database has a newer schema than this program; the message ends a sentence about the database."""


def is_current(connection: Connection, tables: MetaData, migrations: Sequence[Migration]) -> bool:
    """Return whether no table is missing and none must be migrated; raises NewerSchemaError."""
    names = set(inspect(connection).get_table_names())
    version = read_version(connection, names, migrations)
    return version == len(migrations) + 1 and names >= {_versions.name, *tables.tables}


def migrate(connection: Connection, tables: MetaData, migrations: Sequence[Migration]) -> None:
    """Make missing tables and bring older ones to the newest schema, in a transaction that has just begun.

    Other programs that do the same wait meanwhile, and find it done. Raises NewerSchemaError.
    """
    _lock(connection)
    names = set(inspect(connection).get_table_names())
    version, newest = read_version(connection, names, migrations), len(migrations) + 1
    for migration in migrations[version - 1 :] if version else ():
        migration(connection)
    for missing in tables.sorted_tables:
        if missing.name not in names:
            connection.execute(CreateTable(missing, if_not_exists=True))
    if version != newest or _versions.name not in names:
        _write_version(connection, newest)


def read_version(connection: Connection, names: set[str], migrations: Sequence[Migration]) -> int:
    """Return the schema of a database with tables of these names, 0 without any; raises NewerSchemaError."""
    if _versions.name not in names:
        return 1 if "sessions" in names else 0
    version: int = connection.scalar(select(_versions.c.version)) or 0
    newest = len(migrations) + 1
    if version > newest:
        raise NewerSchemaError(
            f"a newer version of this program wrote it (schema {version}, this version reads {newest})"
        )
    return version


def begin_writing(connection: Connection) -> None:
    """Let nobody else write into SQLite from now on; other databases lock what is changed."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # sqlite3 by itself begins none before it writes


def _lock(connection: Connection) -> None:
    begin_writing(connection)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")


def _write_version(connection: Connection, version: int) -> None:
    connection.execute(CreateTable(_versions, if_not_exists=True))
    connection.execute(delete(_versions))
    connection.execute(insert(_versions).values(version=version))
