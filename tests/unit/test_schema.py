"""The history's schema has a version: older databases are brought up to date, newer ones are refused."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData, create_engine, inspect

from recording.about import About
from recording.database import Database, DatabaseError, NewerDatabaseError, parse_url
from recording.history import History, Search, Session
from recording.schema import MIGRATIONS
from recording.tables import TABLES
from settings import StartError
from tests.fakes.images import make_track
from tests.fakes.postgres import Postgres
from tests.fakes.server import free_port
from tests.fakes.waiting import PATIENCE_S
from vision.emotions import EMOTIONS

START_MS = 1_760_000_000_000
NEWEST = len(MIGRATIONS) + 1

# The tables as version 0.1 of the program made them, and a session with one sighting.
VERSION_0_1 = """
CREATE TABLE sessions (
    id {serial}, "key" VARCHAR(32) NOT NULL, source TEXT NOT NULL, started_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL, sightings INTEGER NOT NULL, UNIQUE ("key")
);
CREATE TABLE faces (
    session_id INTEGER NOT NULL, track_id INTEGER NOT NULL, first_ms BIGINT NOT NULL, last_ms BIGINT NOT NULL,
    angry INTEGER NOT NULL, disgust INTEGER NOT NULL, fear INTEGER NOT NULL, happy INTEGER NOT NULL,
    sad INTEGER NOT NULL, surprise INTEGER NOT NULL, neutral INTEGER NOT NULL, unsure INTEGER NOT NULL,
    PRIMARY KEY (session_id, track_id), FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE CASCADE
){without_rowid};
CREATE TABLE seconds (
    session_id INTEGER NOT NULL, second INTEGER NOT NULL, track_id INTEGER NOT NULL, sightings INTEGER NOT NULL,
    angry {double} NOT NULL, disgust {double} NOT NULL, fear {double} NOT NULL, happy {double} NOT NULL,
    sad {double} NOT NULL, surprise {double} NOT NULL, neutral {double} NOT NULL,
    PRIMARY KEY (session_id, second, track_id),
    FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE CASCADE
){without_rowid};
CREATE TABLE sightings (
    session_id INTEGER NOT NULL, number INTEGER NOT NULL, at_ms BIGINT NOT NULL, track_id INTEGER NOT NULL,
    x1 SMALLINT NOT NULL, y1 SMALLINT NOT NULL, x2 SMALLINT NOT NULL, y2 SMALLINT NOT NULL,
    emotion VARCHAR(16) NOT NULL, sure BOOLEAN NOT NULL, angry REAL NOT NULL, disgust REAL NOT NULL,
    fear REAL NOT NULL, happy REAL NOT NULL, sad REAL NOT NULL, surprise REAL NOT NULL, neutral REAL NOT NULL,
    PRIMARY KEY (session_id, number), FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE CASCADE
){without_rowid};
INSERT INTO sessions ("key", source, started_ms, ended_ms, sightings)
    VALUES ('0123456789abcdef0123456789abcdef', 'an old demo', 1760000000000, 1760000000500, 1);
INSERT INTO faces VALUES (1, 3, 1760000000100, 1760000000100, 0, 0, 0, 1, 0, 0, 0, 0);
INSERT INTO seconds VALUES (1, 0, 3, 1, 0.05, 0.05, 0.05, 0.7, 0.05, 0.05, 0.05);
INSERT INTO sightings VALUES
    (1, 0, 1760000000100, 3, 1, 2, 30, 40, 'happy', TRUE, 0.05, 0.05, 0.05, 0.7, 0.05, 0.05, 0.05);
"""
SQLITE = {"serial": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "double": "DOUBLE"}
POSTGRES = {"serial": "SERIAL PRIMARY KEY", "double": "DOUBLE PRECISION"}


def make_version_0_1(url: str) -> str:
    """Make the database of url as version 0.1 left it, and return url."""
    is_postgres = url.startswith("postgresql")
    sql = VERSION_0_1.format(
        **(POSTGRES if is_postgres else SQLITE), without_rowid="" if is_postgres else " WITHOUT ROWID"
    )
    if not is_postgres:
        Path(url).parent.mkdir(parents=True)
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        for statement in sql.split(";\n")[:-1]:
            connection.exec_driver_sql(statement)
    engine.dispose()
    return url


def make_version_2(url: str) -> str:
    """Make the database of url as the versions with schema 2 left it, and return url."""
    make_version_0_1(url)
    for statement in (
        "CREATE TABLE schema_version (version INTEGER NOT NULL, PRIMARY KEY (version))",
        "INSERT INTO schema_version VALUES (2)",
    ):
        look(url, partial(Connection.exec_driver_sql, statement=statement))
    return url


def make_version_3(url: str) -> str:
    """Make the database of url as the versions with schema 3 left it, and return url."""
    make_version_2(url)
    key = "session_id INTEGER NOT NULL"
    owner = "FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE CASCADE"
    end = ")" if url.startswith("postgresql") else ") WITHOUT ROWID"
    for statement in (
        *(f"ALTER TABLE sessions ADD COLUMN {it} TEXT DEFAULT '' NOT NULL" for it in ("name", "note", "setup")),
        *(
            f"ALTER TABLE sightings ADD COLUMN {it} SMALLINT"
            for it in ("brightness", "roll_deg", "yaw_estimate_deg")
        ),
        f"CREATE TABLE tags ({key}, tag VARCHAR(60) NOT NULL, PRIMARY KEY (session_id, tag), {owner}{end}",
        f"CREATE TABLE markers ({key}, number INTEGER NOT NULL, label TEXT NOT NULL, caller_ms BIGINT, "
        f"arrived_ms BIGINT NOT NULL, PRIMARY KEY (session_id, number), {owner}{end}",
        "UPDATE schema_version SET version = 3",
    ):
        look(url, partial(Connection.exec_driver_sql, statement=statement))
    return url


def make_version_4(url: str) -> str:
    """Make the database of url as the versions with schema 4 left it, and return url."""
    make_version_3(url)
    probs = ", ".join(f"{name} REAL NOT NULL" for name in EMOTIONS)
    end = ")" if url.startswith("postgresql") else ") WITHOUT ROWID"
    for statement in (
        "ALTER TABLE sightings ADD COLUMN rest_ms BIGINT",
        "CREATE TABLE rests (session_id INTEGER NOT NULL, track_id INTEGER NOT NULL, since_ms BIGINT NOT NULL, "
        f"name TEXT NOT NULL, {probs}, PRIMARY KEY (session_id, track_id, since_ms), "
        f"FOREIGN KEY(session_id) REFERENCES sessions (id) ON DELETE CASCADE{end}",
        "UPDATE schema_version SET version = 4",
    ):
        look(url, partial(Connection.exec_driver_sql, statement=statement))
    return url


OLD = pytest.mark.parametrize("make_old", [make_version_0_1, make_version_2, make_version_3, make_version_4])


def look(url: str, ask: Callable[[Connection], Any]) -> Any:
    """Return what ask finds in the database, past the program."""
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        found = ask(connection)
    engine.dispose()
    return found


def version_of(url: str) -> int:
    """Return the schema written in the database."""
    found: int = look(url, lambda it: it.exec_driver_sql("SELECT version FROM schema_version").scalar_one())
    return found


def columns_of(url: str) -> dict[str, Any]:
    """Return each table's columns with their types, and its primary key."""

    def ask(connection: Connection) -> dict[str, Any]:
        inspector = inspect(connection)
        return {
            name: (
                [(one["name"], str(one["type"]), one["nullable"]) for one in inspector.get_columns(name)],
                inspector.get_pk_constraint(name)["constrained_columns"],
                inspector.get_foreign_keys(name)[0]["options"] if inspector.get_foreign_keys(name) else None,
            )
            for name in inspector.get_table_names()
        }

    columns: dict[str, Any] = look(url, ask)
    return columns


def add_room(connection: Connection) -> None:
    """Migrate to a schema in which a session has a room."""
    connection.exec_driver_sql("ALTER TABLE sessions ADD COLUMN room TEXT NOT NULL DEFAULT 'hall'")


def use(url: str, *migrations: Callable[[Connection], None], tables: MetaData = TABLES) -> None:
    """Open the database as a version of the program with more migrations does."""
    with closing(Database(url, tables, migrations=(*MIGRATIONS, *migrations))) as database, database.begin():
        pass


def test_a_new_database_has_the_newest_schema(database_url: str) -> None:
    with closing(History(database_url)) as history:
        history.write(Session(START_MS), [], START_MS, "demo")
    assert version_of(database_url) == NEWEST


@OLD
def test_an_old_database_is_opened_with_all_that_is_in_it_and_gets_its_version(
    database_url: str, make_old: Callable[[str], str]
) -> None:
    make_old(database_url)
    with closing(History.open(database_url)) as history:
        [summary] = history.sessions(0, 10)
        assert (summary.source, summary.sightings, summary.faces) == ("an old demo", 1, 1)
        assert (summary.started_unix_ms, summary.ended_unix_ms) == (START_MS, START_MS + 500)
        [row] = history.sightings(1)
        assert (row.track_id, row.emotion, row.sure) == (3, "happy", True)
        assert (row.brightness, row.roll_deg, row.yaw_estimate_deg, row.rest_ms) == (None,) * 4
        assert history.rests(1) == {}
        assert (summary.about, summary.setup, history.markers(1)) == (About(), "", [])
        history.describe(1, About("Pilot", "old", ("P01",)))
        assert history.sessions(0, 10, Search("pilot", "P01"))[0].about.note == "old"
        assert history.mean_probs(summary, 1)[0].probs[EMOTIONS.index("happy")] == pytest.approx(0.7)
        history.write(Session(START_MS + 1), [(START_MS + 1, make_track(1, (0, 0, 9, 9)))], START_MS + 1, "new")
        assert [one.source for one in history.sessions(0, 10)] == ["new", "an old demo"]
        assert history.delete(1)
        assert list(history.sightings(1)) == []
    assert version_of(database_url) == NEWEST


@OLD
def test_all_migrations_together_lead_to_the_tables_of_a_new_database(
    database_url: str, another_database_url: str, make_old: Callable[[str], str]
) -> None:
    use(make_old(database_url))
    use(another_database_url)
    assert columns_of(database_url) == columns_of(another_database_url)


@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        ("rtsp://192.168.1.5:554/user=admin&password=hunter2", "rtsp://192.168.1.5:554"),
        ("lobby: rtsp://cam.example.org/hunter2", "lobby: rtsp://cam.example.org"),
        ("rtsp://hun/ter2@cam/x", "rtsp://…"),  # of admin:p@hun/ter2@cam/x
        ("rtsp://hunter2", "rtsp://…"),  # of admin:p@hunter2#@cam/x
        ("rtsp://hun/ter2", "rtsp://…"),
        ("rtsp://admin:hunter2", "rtsp://…"),
        ("clip.mp4", "clip.mp4"),
    ],
)
def test_old_sessions_keep_no_password_of_a_camera(database_url: str, stored: str, kept: str) -> None:
    make_version_0_1(database_url)
    look(database_url, lambda it: it.exec_driver_sql(f"UPDATE sessions SET source = '{stored}'"))
    with closing(History.open(database_url)) as history:
        assert [one.source for one in history.sessions(0, 10)] == [kept]
    if not database_url.startswith("postgresql"):
        files = Path(database_url).parent.glob("*")
        assert not any(b"hun" in file.read_bytes() or b"ter2" in file.read_bytes() for file in files)


def test_a_migration_changes_an_older_database_once(database_url: str) -> None:
    make_version_0_1(database_url)
    for _ in range(3):
        use(database_url, add_room)
    room = look(database_url, lambda it: it.exec_driver_sql("SELECT room FROM sessions").scalar_one())
    assert (room, version_of(database_url)) == ("hall", NEWEST + 1)


def test_a_new_database_is_not_migrated(database_url: str) -> None:
    use(database_url, lambda _: pytest.fail("a new database was migrated"))
    assert version_of(database_url) == NEWEST + 1


def test_migrations_run_in_their_order_from_the_databases_own_version(database_url: str) -> None:
    make_version_0_1(database_url)
    order: list[str] = []
    first, second, third = (lambda _, name=name: order.append(name) for name in ("first", "second", "third"))
    use(database_url, first)
    use(database_url, first, second, third)
    assert order == ["first", "second", "third"]
    assert version_of(database_url) == NEWEST + 3


def test_a_migration_that_fails_leaves_the_database_as_it_was_and_is_one_sentence(database_url: str) -> None:
    make_version_0_1(database_url)

    def stumble(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE nothing ADD COLUMN room TEXT")

    before = columns_of(database_url)
    with pytest.raises(DatabaseError, match=r"^The database .* cannot be used: .*nothing.*\.$"):
        use(database_url, add_room, stumble)
    assert columns_of(database_url) == before
    use(database_url, add_room)
    assert version_of(database_url) == NEWEST + 1


def test_two_programs_that_start_at_once_migrate_once(database_url: str) -> None:
    make_version_0_1(database_url)
    runs: list[float] = []

    def add_room_slowly(connection: Connection) -> None:
        runs.append(time.monotonic())
        add_room(connection)
        time.sleep(0.3)

    threads = [threading.Thread(target=use, args=(database_url, add_room_slowly)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(runs) == 1
    assert version_of(database_url) == NEWEST + 1


def test_two_programs_that_start_at_once_make_the_tables_once(database_url: str) -> None:
    errors: list[Exception] = []

    def start() -> None:
        try:
            use(database_url)
        except DatabaseError as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert errors == []
    rows = look(database_url, lambda it: it.exec_driver_sql("SELECT version FROM schema_version").all())
    assert rows == [(NEWEST,)]


def test_a_newer_database_is_refused_in_one_sentence_and_not_touched(database_url: str) -> None:
    use(make_version_0_1(database_url), add_room)
    before = columns_of(database_url)
    sentence = (
        f"cannot be used: a newer version of this program wrote it "
        rf"\(schema {NEWEST + 1}, this version reads {NEWEST}\)\.$"
    )
    with closing(History(database_url)) as history:
        for ask in (history.count, history.delete_all, lambda: history.write(Session(0), [], 0, "demo")):
            with pytest.raises(NewerDatabaseError, match=sentence):
                ask()
    with pytest.raises(StartError, match=sentence):
        History.open(database_url)
    assert columns_of(database_url) == before
    assert look(database_url, lambda it: it.exec_driver_sql("SELECT count(*) FROM sessions").scalar_one()) == 1


def test_a_start_makes_nothing_and_does_not_need_the_database(database_url: str) -> None:
    History.open(database_url).close()
    if database_url.startswith("postgresql"):
        assert columns_of(database_url) == {}
    else:
        assert not Path(database_url).parent.exists()
    History.open(f"postgresql://ann:s3cret@127.0.0.1:{free_port()}/name").close()


@pytest.mark.server
def test_a_role_that_may_not_change_tables_uses_an_old_database_once_its_owner_has_opened_it(
    postgres: Postgres,
) -> None:
    url = make_version_2(postgres.make_database("old_and_shared"))

    def grant(connection: Connection) -> None:
        connection.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO reader")
        connection.exec_driver_sql("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO reader")

    look(url, lambda it: it.exec_driver_sql("CREATE ROLE reader LOGIN PASSWORD 'r34d'"))
    look(url, grant)
    with closing(History.open(url.replace("fer:s3cr%3At%40", "reader:r34d"))) as history:
        with pytest.raises(DatabaseError, match="cannot be used: must be owner of table sessions"):
            history.count()
        use(url)
        look(url, grant)
        history.write(Session(START_MS + 1), [], START_MS + 1, "demo")
        assert history.count() == 2
