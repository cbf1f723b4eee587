"""Fixtures that several tests share."""

import gc
import logging
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from flask import Flask
from hypothesis import settings
from jinja2 import FileSystemBytecodeCache

from tests.fakes.browser import FLAGS, PATIENCE_MS
from tests.fakes.files import CLIP_FRAMES
from tests.fakes.images import bright_image
from tests.fakes.server import Server, free_port
from tests.fakes.waiting import PATIENCE_S

if TYPE_CHECKING:  # a run of unit tests starts without Playwright and PyTorch
    from playwright.sync_api import Browser, Page, Playwright

    from nn.emotion_net import EmotionNet
    from tests.fakes.brokers import Mosquitto
    from tests.fakes.postgres import Postgres


# The files that take longest, which make test begins with, so that none of them runs alone at the end
LONGEST = (
    "test_every_network.py",
    "test_relay_server.py",
    "test_server.py",
    "test_training_run.py",
    "test_my_camera.py",
    "test_live_layout.py",
    "test_live_page.py",
    "test_recording_server.py",
    "test_game.py",
    "test_resting_face_in_browser.py",
    "test_outputs_server.py",
    "test_recording_in_browser.py",
    "test_uploads_in_browser.py",
    "test_sessions_in_browser.py",
    "test_network_videos.py",
    "test_pages_in_browser.py",
    "test_live_cards.py",
    "test_deploy.py",
    "test_camera.py",
    "test_keys_in_browser.py",
    "test_http_camera.py",
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> Literal[True] | None:
    """A file of which every test is left out need not be imported, with Playwright and the like."""
    if collection_path.is_file():
        mark = re.search(r"^pytestmark = pytest\.mark\.(\w+)", collection_path.read_text("utf-8"), re.MULTILINE)
        if mark and f"not {mark[1]}" in config.option.markexpr:
            return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


def pytest_configure() -> None:
    gc.disable()  # garbage sought among the libraries costs more than the tests
    # Hypothesis's "ci" makes the same examples in every run and takes as long for each as it needs
    ci = settings.get_profile("ci")
    settings.register_profile("everyday", ci, max_examples=30)
    settings.register_profile("long", ci, max_examples=1000, derandomize=False)  # make test-long


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


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that were never trained, for tests in which only their presence counts."""
    import torch

    from nn.checkpoint import save_weights
    from nn.emotion_net import EmotionNet
    from nn.model_card import ModelCard

    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    torch.manual_seed(0)
    save_weights(path, EmotionNet(), ModelCard("emotion"))
    return path


@pytest.fixture(scope="session")
def always_happy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that call every face happy, in both heads."""
    import torch

    from nn.checkpoint import save_weights
    from nn.emotion_net import EmotionNet
    from nn.model_card import ModelCard
    from vision.emotions import EMOTIONS

    net = EmotionNet()
    torch.nn.init.zeros_(net.head.weight)
    with torch.no_grad():
        net.head.bias.copy_(torch.arange(15) % 7 == EMOTIONS.index("happy"))
    path = tmp_path_factory.mktemp("weights") / "happy.safetensors"
    save_weights(path, net, ModelCard("emotion"))
    return path


@pytest.fixture(scope="module")
def net() -> "EmotionNet":
    """A network with its branches that tells pictures apart."""
    import torch

    from nn.emotion_net import EmotionNet
    from tests.fakes.nets import lively

    torch.manual_seed(0)
    made = EmotionNet()
    lively(made)
    return made


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
    """Return the path of the system's Chromium; without one the browser tests are skipped.

    Where there is one without windows, that is taken: around each page the whole one draws a window that nobody
    sees, for four times the page's own CPU time.
    """
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE_S * 1000)
    for name in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium on this machine; .ci/run installs it")


@pytest.fixture(scope="session")
def playwright() -> "Iterator[Playwright]":
    """Playwright, which a process can start only once at a time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(
    chromium: str, playwright: "Playwright", tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[Browser]":
    """One Chromium for all tests; its camera shows a face."""
    from tests.fakes.films import write_film

    film = write_film(tmp_path_factory.mktemp("camera") / "face.mjpeg")
    args = [*FLAGS, f"--use-file-for-fake-video-capture={film}"]
    browser = playwright.chromium.launch(executable_path=chromium, args=args)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def kept_page(browser: "Browser") -> "Iterator[Page]":
    """A page for tests to use one after the other."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A page of its own for a test, patient, in a context of its own."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.close()


@pytest.fixture(scope="module")
def cameras_url() -> Iterator[str]:
    """The address of a site in this process that reads visitors' own cameras, with fakes behind it."""
    from tests.fakes.site import serving_browser_cameras

    with serving_browser_cameras() as url:
        yield url


@pytest.fixture
def broker(tmp_path: Path) -> "Iterator[Mosquitto]":
    """A running MQTT broker that lets everybody in."""
    from tests.fakes.brokers import Mosquitto

    mosquitto = Mosquitto(tmp_path)
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Postgres]":
    """A PostgreSQL server of our own; where none is installed the tests on it are skipped."""
    from tests.fakes.postgres import Postgres, find_programs

    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine; .ci/run installs it")
    server = Postgres(programs, free_port())
    yield server
    server.close()


DATABASE_NAMES = (f"history{number}" for number in count())


def make_database_url(request: pytest.FixtureRequest, kind: str) -> str:
    """Return the address of an empty database: a SQLite file that is not there yet, or one of PostgreSQL."""
    name = next(DATABASE_NAMES)
    if kind == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        return str(folder / f"instance-{name}" / "history.sqlite")
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.make_database(name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Each kind of database, one after the other."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database_kind: str) -> str:
    """The address of an empty database, of each kind."""
    return make_database_url(request, database_kind)


@pytest.fixture
def another_database_url(request: pytest.FixtureRequest, database_kind: str) -> str:
    """The address of another empty database of the same kind."""
    return make_database_url(request, database_kind)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of 64x48 px at 25 fps with a bright face in each of its frames."""
    import cv2

    path = tmp_path_factory.mktemp("clips") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for _ in range(CLIP_FRAMES):
        writer.write(bright_image())
    writer.release()
    return path.read_bytes()
