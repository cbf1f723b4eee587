"""The real program records, is ended or killed, and its database goes away and comes back."""

import json
import os
import signal
import sqlite3
import time
import urllib.error
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from recording.history import History, Summary
from tests.fakes.postgres import PASSWORD, Postgres
from tests.fakes.server import Server, Viewer, assert_one_sentence, free_port, run_main
from tests.fakes.waiting import PATIENCE_S, until

pytestmark = pytest.mark.server

StartServer = Callable[..., Server]


@pytest.fixture
def start(start_server: StartServer) -> StartServer:
    """Return a function that starts the program with the demo, recording into the database of that address."""

    def start(url: str, *flags: str) -> Server:
        return start_server("--source", "demo", "--record", "--database-url", url, *flags)

    return start


def recording(server: Server) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(server.get("/state"))["recording"]
    return state


def read(url: str) -> tuple[list[Summary], list[int]]:
    """Return the sessions, the newest first, and the numbers of the newest one's sightings."""
    history = History(url)
    sessions = history.sessions(0, 10)
    numbers = [row.number for row in history.sightings(sessions[0].session_id)]
    history.close()
    return sessions, numbers


def now_ms() -> float:
    return time.time() * 1000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_loses_nothing(start: StartServer, tmp_path: Path, number: signal.Signals) -> None:
    url = str(tmp_path / "new" / "history.sqlite")
    server = start(url)
    until(lambda: recording(server)["sightings"] > 20)
    before, signalled_ms = recording(server)["sightings"], now_ms()
    server.end(number)
    server.stop()
    (session,), numbers = read(url)
    # the end is written last of all, so everything before it is there
    assert signalled_ms - 50 < session.ended_unix_ms < now_ms()
    assert len(numbers) == session.sightings >= before
    assert numbers == list(range(len(numbers)))
    assert "Traceback" not in server.output


def test_a_database_that_is_busy_while_the_program_ends_has_all_in_the_end(
    start: StartServer, tmp_path: Path
) -> None:
    path = tmp_path / "history.sqlite"
    server = start(str(path))
    until(lambda: recording(server)["sightings"] > 20)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        seen, signalled_ms = recording(server), now_ms()
        server.process.terminate()
        time.sleep(1.5)
        other.execute("COMMIT")
    assert server.process.wait(PATIENCE_S) == 0
    (session,), numbers = read(str(path))
    assert session.ended_unix_ms > signalled_ms - 50
    assert len(numbers) >= seen["sightings"] + seen["waiting"]


def test_a_kill_loses_only_what_was_not_written_yet_and_the_session_has_its_end(
    start: StartServer, tmp_path: Path
) -> None:
    url = str(tmp_path / "history.sqlite")
    server = start(url)
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    if not children.exists():
        pytest.skip("this system does not list a process's children")
    until(lambda: recording(server)["sightings"] > 20)
    seen, seen_ms = recording(server), now_ms()
    until(lambda: recording(server)["sightings"] > seen["sightings"] + seen["waiting"])
    written = recording(server)["sightings"]
    server.process.send_signal(signal.SIGSTOP)  # or it would start another worker
    os.kill(int(children.read_text()), signal.SIGKILL)
    killed_ms = now_ms()
    server.process.kill()
    server.stop()
    (killed,), numbers = read(url)
    assert len(numbers) == killed.sightings >= written
    # a frame's time is that of its capture; a busy machine publishes it later
    assert seen_ms - 5000 < killed.ended_unix_ms <= killed_ms

    server = start(url)
    until(lambda: recording(server)["sightings"] > 0)
    page = server.get(f"/history/{killed.session_id}").decode()
    assert "being recorded" not in page
    server.stop()
    sessions, _ = read(url)
    assert sessions[1] == killed
    assert len(sessions) == 2


def test_a_recording_goes_on_while_nobody_watches_and_its_page_is_up_to_date(
    start: StartServer, tmp_path: Path
) -> None:
    server = start(str(tmp_path / "history.sqlite"), "--idle-s", "0")
    until(lambda: recording(server)["sightings"] > 5)
    first = recording(server)
    until(lambda: recording(server)["sightings"] > first["sightings"] + 20)
    assert json.loads(server.get("/state"))["viewers"] == 0
    table = server.get(f"/history/{first['session']}.csv").decode().splitlines()
    assert len(table) > first["sightings"] + 20
    assert b"being recorded" in server.get("/history")


def test_a_database_that_is_away_harms_nothing_and_is_used_when_it_is_back(
    start: StartServer, postgres: Postgres
) -> None:
    url = postgres.make_database("program")
    postgres.stop()
    try:
        server = start(url)
        viewer = Viewer(server.port)
        until(lambda: recording(server)["waiting"] > 10)
        problem = recording(server)["problem"]
        assert problem.startswith("The database PostgreSQL 127.0.0.1/program cannot be used: ")
        with pytest.raises(urllib.error.HTTPError) as caught:
            server.get("/history")
        assert caught.value.code == 503
        assert "cannot be used" in caught.value.read().decode()
        pictures = viewer.pictures
        until(lambda: viewer.pictures > pictures + 5)
    finally:
        postgres.start()
    until(lambda: recording(server)["sightings"] > 10)
    postgres.stop()
    try:
        until(lambda: recording(server)["problem"])
        away = recording(server)
    finally:
        postgres.start()
    until(lambda: recording(server)["sightings"] > away["sightings"] + away["waiting"])
    assert recording(server)["problem"] == ""
    assert b"being recorded" in server.get("/history")
    server.stop()
    viewer.join(PATIENCE_S)
    (session,), numbers = read(url)
    assert len(numbers) == session.sightings
    assert numbers == list(range(len(numbers)))
    assert 2 <= server.output.count("cannot be used") <= 6  # each new reason once
    assert PASSWORD not in server.output
    assert "s3cr" not in server.output
    assert "Traceback" not in server.output


def test_a_folder_that_cannot_be_made_harms_nothing(start: StartServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    server = start(str(tmp_path / "file" / "history.sqlite"))
    until(lambda: recording(server)["problem"])
    viewer = Viewer(server.port)
    until(lambda: viewer.pictures > 5)
    server.stop()
    viewer.join(PATIENCE_S)
    assert "Traceback" not in server.output


def test_an_address_of_another_kind_is_one_sentence() -> None:
    flags = ("--port", str(free_port()))
    result = run_main("--database-url", "mysql://ann:s3cret@host/name", *flags)
    assert_one_sentence(result, "--database-url must be a file or postgresql://")
    assert "s3cret" not in result.stderr


def test_a_history_of_a_newer_version_is_one_sentence(random_weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE schema_version (version INTEGER PRIMARY KEY)")
        database.execute("INSERT INTO schema_version VALUES (1000)")
        database.commit()
    flags = ("--source", "demo", "--weights", str(random_weights), "--port", str(free_port()))
    result = run_main("--database-url", str(path), *flags)
    assert_one_sentence(result, "a newer version of this program wrote it (schema 1000, this")
