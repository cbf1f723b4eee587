"""The process of a camera ends all that it began, whatever ends it."""

import threading

import pytest

import app
from main import publish
from relay.publisher import Publisher
from server.lifetime import Lifetime
from settings import Settings


class Part:
    closed = False

    def close(self) -> None:
        self.closed = True


class FailingPublisher(Publisher):
    def __init__(self) -> None:
        """Connect to nothing."""

    def run(self, ended: threading.Event) -> None:
        assert not ended.is_set()
        raise ZeroDivisionError


def test_a_publisher_that_fails_has_its_camera_and_recorder_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part()

    def make(_settings: Settings, lifetime: Lifetime) -> Publisher:
        lifetime.own(part)
        return FailingPublisher()

    monkeypatch.setattr(app, "make_publisher", make)
    monkeypatch.setattr("main.LogWriter", lambda _level: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(ZeroDivisionError):
        publish(Settings(role="camera", redis_url="redis://localhost"))
    assert part.closed
