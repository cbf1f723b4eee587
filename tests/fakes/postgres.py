"""A real PostgreSQL server for the tests, in a folder of its own."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.fakes.waiting import PATIENCE_S

PASSWORD = "s3cr:t@"
# nothing needs to survive, and little is needed
OPTIONS = "-c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=16MB -c max_connections=40"


def find_programs() -> Path | None:
    """Return the folder with initdb and pg_ctl, of the newest version that is installed, or None."""
    if path := shutil.which("initdb"):
        return Path(path).resolve().parent
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in found), key=lambda path: int(path.parent.name), default=None)


class Postgres:
    """A server on this machine that can be stopped and started again."""

    def __init__(self, programs: Path, port: int) -> None:
        self._programs, self._port = programs, port
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest's own are closed to other users
        password = self._folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            for path in (self._folder, password):
                shutil.chown(path, "postgres")
        self._run("initdb", "--username=fer", "--auth=scram-sha-256", f"--pwfile={password}", "--no-sync")
        self.start()

    def make_database(self, name: str) -> str:
        """Return the address of a new, empty database."""
        url = f"postgresql://fer:s3cr%3At%40@127.0.0.1:{self._port}"
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"{url}/{name}"

    def start(self) -> None:
        log = str(self._folder / "log")
        options = f"-p {self._port} -k {self._folder} {OPTIONS}"
        self._run("pg_ctl", "start", "--wait", "--silent", "--log", log, "--options", options)

    def stop(self, mode: str = "fast") -> None:
        """End it at once, and so every connection."""
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode", mode)

    def close(self) -> None:
        """End it without its last checkpoint, which may take twenty seconds, and delete its files."""
        self.stop("immediate")
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "--pgdata", str(self._folder / "data"), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        # not through pipes: the server would keep them open
        with (self._folder / "output").open("a") as output:
            subprocess.run(command, cwd="/", stdout=output, stderr=output, check=True, timeout=PATIENCE_S)
