"""The database of recordings: a SQLite file or a PostgreSQL server, each error as one sentence."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from recording.schema import MIGRATIONS, Migration, NewerSchemaError, is_current, migrate, read_version
from settings import StartError

MAX_CONNECTIONS = 6
WAIT_S = 5  # for a lock, a connection, or a server to be reached
POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
# A server that no longer answers is given up after WAIT_S to 15 s, and a statement after 60 s.
POSTGRES_OPTIONS = {
    "connect_timeout": WAIT_S,
    "keepalives_idle": WAIT_S,
    "keepalives_interval": WAIT_S,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
    "options": "-c statement_timeout=60s",
    "application_name": "live-facial-emotions",
}
# WAL: pages can read while the recorder writes. Deleted rows are overwritten, and the file shrinks.
PRAGMAS = (
    "auto_vacuum = full",
    "journal_mode = wal",
    "synchronous = normal",
    "foreign_keys = on",
    "secure_delete = on",
)


class DatabaseError(Exception):
    """The database cannot be used now; the message says why in one sentence, without a password."""


class RefusedError(DatabaseError):
    """The database refuses the values that were to be written, and will again; the message is one sentence."""


class NewerDatabaseError(DatabaseError):
    """A newer version of the program has changed the database's tables; the message says so in one sentence."""


class UrlError(StartError):
    """The setting names no database; the message says how one is named."""


class Database:
    """Connections to one database; its tables, and a SQLite file's folder, are made when first needed.

    Tables of an older schema are migrated then, too.
    """

    def __init__(
        self,
        url: str,
        tables: MetaData,
        *,
        migrations: Sequence[Migration] = MIGRATIONS,
        pragmas: Sequence[str] = PRAGMAS,
    ) -> None:
        """The url is postgresql://USER:PASSWORD@HOST/NAME or the path of a SQLite file; raises UrlError.

        tables have the schema to which migrations lead; pragmas are set in every connection to SQLite.
        """
        self._url = parse_url(url)
        self._tables = tables
        self._migrations = migrations
        self._ready = False
        self._file = None if self.is_postgres else Path(self._url.database or "")
        self._engine = _make_engine(self._url, pragmas)

    @property
    def is_postgres(self) -> bool:
        """Whether it is a PostgreSQL server, and no SQLite file."""
        return self._url.get_backend_name() == "postgresql"

    @property
    def name(self) -> str:
        """Return its name for people: no user, no password."""
        if self._file:
            return str(self._file)
        return f"PostgreSQL {self._url.host or 'localhost'}/{self._url.database or ''}"

    def is_empty(self) -> bool:
        """Return whether there is nothing to read, known without making the file."""
        return self._file is not None and not self._file.exists()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Give a connection in a transaction, committed at the end; every error is a DatabaseError."""
        with self._errors_as_sentences():
            self._prepare()
            with self._engine.begin() as connection:
                yield connection

    def check_version(self) -> None:
        """Raise NewerDatabaseError if the program is too old for the database; changes and makes nothing."""
        if self.is_empty():
            return
        with self._errors_as_sentences(), self._engine.begin() as connection:
            read_version(connection, set(inspect(connection).get_table_names()), self._migrations)

    @contextmanager
    def _errors_as_sentences(self) -> Iterator[None]:
        try:
            yield
        except NewerSchemaError as error:
            raise NewerDatabaseError(f"The database {self.name} cannot be used: {error}.") from error
        except DataError as error:
            raise RefusedError(f"The database {self.name} refuses a value: {self._reason(error)}.") from error
        except (DBAPIError, PoolTimeoutError, sqlite3.Error, OSError) as error:
            self._ready = False
            raise DatabaseError(f"The database {self.name} cannot be used: {self._reason(error)}.") from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _prepare(self) -> None:
        if self.is_empty():  # or was deleted: open connections would write into a file that has no name
            self._engine.dispose()
            self._ready = False
        if self._ready:
            return
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._engine.begin() as connection:
            current = is_current(connection, self._tables, self._migrations)
        if not current:
            with self._engine.begin() as connection:
                migrate(connection, self._tables, self._migrations)
        self._ready = True

    def _reason(self, error: Exception) -> str:
        if isinstance(error, PoolTimeoutError):
            return f"its {MAX_CONNECTIONS} connections are busy"
        if isinstance(error, OSError):
            return f"{error.strerror} ({error.filename})"
        text = str(error.orig if isinstance(error, DBAPIError) else error) or type(error).__name__
        line = " ".join(text.splitlines()[0].removeprefix("connection failed: ").split()).rstrip(".")
        return line.replace(str(self._url.password), "***") if self._url.password else line


def parse_url(url: str) -> URL:
    """Return the database that a setting names; raises UrlError, which repeats nothing that may be secret."""
    if "://" not in url:
        return URL.create("sqlite", database=url)
    unusable = UrlError(
        "--database-url must be a file or postgresql://USER:PASSWORD@HOST/NAME, "
        "with %40 for an @ in the password"
    )
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise unusable from None
    if parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed
    if parsed.drivername not in POSTGRES or "@" in (parsed.host or ""):
        raise unusable
    return parsed.set(drivername="postgresql+psycopg")


def _make_engine(url: URL, pragmas: Sequence[str]) -> Engine:
    options: dict[str, Any] = {"timeout": WAIT_S}
    if url.get_backend_name() == "postgresql":
        options = {name: value for name, value in POSTGRES_OPTIONS.items() if name not in url.query}
    engine = create_engine(
        url,
        connect_args=options,
        hide_parameters=True,  # the values are about people
        max_overflow=0,
        pool_pre_ping=True,
        pool_size=MAX_CONNECTIONS,
        pool_timeout=WAIT_S,
    )
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", partial(_set_pragmas, pragmas))
    return engine


def _set_pragmas(pragmas: Sequence[str], connection: sqlite3.Connection, _record: object) -> None:
    deadline_s = time.monotonic() + WAIT_S
    for pragma in pragmas:
        while True:
            try:
                connection.execute(f"PRAGMA {pragma}")
                break
            except sqlite3.OperationalError as error:
                # the change to WAL does not wait for the lock of a program that makes the same change
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline_s:
                    raise
                time.sleep(0.01)
