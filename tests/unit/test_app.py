"""The composition root: what it builds it closes."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from app import create_app, make_publisher
from server.lifetime import Lifetime, close_site
from settings import Settings, StartError


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


def test_a_site_that_cannot_be_built_leaves_no_thread(settings: Settings, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    cascade = tmp_path / "cascade.xml"
    cascade.write_text("<none/>")
    with pytest.raises(StartError, match="not a cascade"):
        create_app(replace(settings, detector="haar", cascade=str(cascade)))
    with pytest.raises(StartError, match=r"no source 'nothing\.mp4'"):
        create_app(replace(settings, source="nothing.mp4"))
    assert set(threading.enumerate()) == before


def test_a_camera_process_serves_no_site(settings: Settings) -> None:
    with pytest.raises(StartError, match=r"python main\.py camera"):
        create_app(replace(settings, role="camera", redis_url="redis://localhost"))


def test_a_redis_address_that_is_none_is_one_sentence(settings: Settings) -> None:
    with pytest.raises(StartError, match="Redis URL"):
        make_publisher(replace(settings, redis_url="http://localhost"), Lifetime())
