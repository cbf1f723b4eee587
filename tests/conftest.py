"""Fixtures that several tests share."""

import contextlib
import gc
import logging
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from settings import ROOT

if TYPE_CHECKING:
    from network import EmotionNet
    from tests.postgres import Postgres

PATIENCE_S = 120.0  # with what comes at once on an idle machine, or starts in seconds
KILLED_S = 8  # gunicorn.conf.py's graceful_timeout: a worker that takes so long has not ended by itself


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two processes share the whole unit part; one file does not need them, and servers and browsers suffer."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return 2 if whole and "not server" in config.option.markexpr else 0


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> Literal[True] | None:
    """A file of which every test is left out need not be imported, with Playwright and the like."""
    if collection_path.is_file():
        mark = re.search(r"^pytestmark = pytest\.mark\.(\w+)", collection_path.read_text("utf-8"), re.MULTILINE)
        if mark and f"not {mark[1]}" in config.option.markexpr:
            return True
    return None


def pytest_configure() -> None:
    gc.disable()  # garbage sought among the libraries costs more than the tests


def pytest_collection_finish() -> None:
    """Threads that wait for each other cost more than the tests, too."""
    for library, threads in (("torch", "set_num_threads"), ("cv2", "setNumThreads")):
        if library in sys.modules:
            getattr(sys.modules[library], threads)(1)
    gc.freeze()  # what is imported by now stays
    gc.enable()
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("torch") and isinstance(logger, logging.Logger):
            logger.propagate = True  # or pytest listens to each of its forty loggers, three times a test


@pytest.fixture(scope="session", autouse=True)
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each template is compiled once, and not once for each site that a test makes."""
    folder = tmp_path_factory.mktemp("templates")
    Flask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(str(folder))}


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """What a test records need not survive a power cut."""
    from recording import database

    others = [pragma for pragma in database.PRAGMAS if not pragma.startswith("synchronous")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "PRAGMAS", ("synchronous = off", *others))
        yield


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that were never trained, for tests in which only their presence counts."""
    import torch

    from card import Card
    from checkpoint import save_weights
    from network import EmotionNet

    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    torch.manual_seed(0)
    save_weights(path, EmotionNet(), Card("emotion"))
    return path


@pytest.fixture(scope="module")
def net() -> "EmotionNet":
    """A network with its branches that tells pictures apart."""
    import torch

    from network import EmotionNet
    from tests.nets import lively

    torch.manual_seed(0)
    made = EmotionNet()
    lively(made)
    return made


class Server:
    """The real program, as a process of its own."""

    def __init__(self, *flags: str) -> None:
        self.port = int(flags[flags.index("--port") + 1]) if "--port" in flags else free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, str(ROOT / "main.py"), *flags, "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.output = ""
        self.took_to_start_s = -time.monotonic()

    def get(self, path: str, timeout_s: float = PATIENCE_S) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=timeout_s) as response:
            body: bytes = response.read()
            return body

    def wait_until_ready(self) -> "Server":
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.get("/healthz", 2)
                self.took_to_start_s += time.monotonic()
                return self
            except OSError:
                time.sleep(0.1)
        self.stop()
        pytest.fail(f"the server did not start: {self.output}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal; fails if the program does not end of its own accord."""
        self.process.send_signal(number)
        assert self.process.wait(KILLED_S) == 0

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.output += self.process.communicate(timeout=PATIENCE_S)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.output += self.process.communicate()[0]


def free_port() -> int:
    """Return a port below those that the system gives to connections, so that nobody takes it meanwhile."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    pytest.fail("a hundred ports are taken")


@pytest.fixture
def start_server() -> Iterator[Callable[..., Server]]:
    """Return a function that starts the program with some flags and waits until it serves."""
    servers: list[Server] = []

    def start(*flags: str) -> Server:
        servers.append(Server(*flags))
        return servers[-1].wait_until_ready()

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of the system's Chromium; without one the browser tests are skipped."""
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE_S * 1000)
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium on this machine; .ci/run installs it")


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Postgres]":
    """A PostgreSQL server of our own; where none is installed the tests on it are skipped."""
    from tests.postgres import Postgres, find_programs

    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine; .ci/run installs it")
    server = Postgres(programs, free_port())
    yield server
    server.close()
