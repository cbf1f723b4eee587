"""The composition root: what it builds it closes."""

import re
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from app import create_app, make_publisher
from outputs.assemble import make_outputs
from server.lifetime import Lifetime, close_site
from settings import ROOT, Settings, SettingsError, StartError, read_settings
from streaming import browser_cameras, sender, variants
from tests.fakes.camera import Watched
from tests.fakes.waiting import PATIENCE_S
from uploads import explainer, jobs, recognizer


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(source="demo", database_url=str(tmp_path / "history.sqlite"))


def test_a_site_that_was_watched_and_recorded_leaves_no_thread(settings: Settings) -> None:
    before = set(threading.enumerate())
    site = create_app(replace(settings, record=True))
    assert site.test_client().get("/snapshot.jpg").status_code == 200
    assert len(set(threading.enumerate()) - before) >= 4  # grabbing, annotating, recorder, jobs
    assert close_site(site)
    assert close_site(site)
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()


def test_the_recorder_has_time_for_its_last_write_even_if_all_that_is_closed_before_it_hangs() -> None:
    text = (ROOT / "gunicorn.conf.py").read_text("utf-8")
    given_s = [int(value) for value in re.findall(r"^(?:graceful_timeout|REQUESTS_S) = ([0-9]+)", text, re.M)]
    waits_s = [sender.WAITS.join_s, explainer.JOIN_S, browser_cameras.WAITS.join_s]
    waits_s += [jobs.JOIN_S, recognizer.JOIN_S, variants.JOIN_TIMEOUT_S]
    assert sum(waits_s) < given_s[0] - given_s[1]


def test_a_site_that_cannot_be_built_leaves_no_thread(settings: Settings, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    cascade = tmp_path / "cascade.xml"
    cascade.write_text("<none/>")
    with pytest.raises(StartError, match="not a cascade"):
        create_app(replace(settings, detector="haar", cascade=str(cascade)))
    with pytest.raises(StartError, match=r"no source 'nothing\.mp4'"):
        create_app(replace(settings, source="nothing.mp4"))
    assert set(threading.enumerate()) == before


def test_a_site_with_outputs_sends_without_a_viewer_tells_so_and_leaves_no_thread(settings: Settings) -> None:
    before = set(threading.enumerate())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        osc = f"127.0.0.1:{receiver.getsockname()[1]}"
        receiver.settimeout(PATIENCE_S)
        site = create_app(replace(settings, osc=osc, name="hall"))
        client = site.test_client()
        while b"/hall/face/1/happy" not in receiver.recv(65536):
            pass
        [output] = client.get("/state").get_json()["outputs"]
        assert (output["output"], output["address"], output["problem"]) == ("osc", osc, "")
        assert output["sent"] > 0
        assert 'fer_output_sent_total{output="osc"}' in client.get("/metrics").text
        assert close_site(site)
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()


def test_a_web_host_sends_nothing_by_itself_and_says_so() -> None:
    for flag in ("--osc", "--mqtt", "--lsl"):
        with pytest.raises(SettingsError, match=r"give them to `python main\.py camera`$"):
            read_settings(["web", "--redis-url", "redis://localhost", flag, "x"], {})


@pytest.mark.parametrize(
    ("setting", "value", "library", "package"),
    [
        ("osc", "127.0.0.1:9000", "pythonosc", "python-osc"),
        ("mqtt", "mqtt://127.0.0.1/x", "paho", "paho-mqtt"),
        ("lsl", "faces", "pylsl", "pylsl"),
    ],
)
def test_a_missing_library_of_an_output_is_one_sentence_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str, library: str, package: str
) -> None:
    for name in [name for name in sys.modules if name.startswith((f"outputs.{setting}", library))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(StartError) as caught:
        make_outputs(read_settings([f"--{setting}", value], {}), Watched())
    words = f"--{setting} needs the package {package}: python -m pip install -r requirements-outputs.txt"
    assert str(caught.value) == words


def test_a_camera_process_serves_no_site(settings: Settings) -> None:
    with pytest.raises(StartError, match=r"python main\.py camera"):
        create_app(replace(settings, role="camera", redis_url="redis://localhost"))


def test_a_redis_address_that_is_none_is_one_sentence(settings: Settings) -> None:
    with pytest.raises(StartError, match="Redis URL"):
        make_publisher(replace(settings, redis_url="http://localhost"), Lifetime())
