"""Local cameras of systems that this one is not, and pictures whose paths have umlauts."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest

from settings import ROOT
from sources.base import SourceError
from sources.opencv import open_camera
from tests.fakes.images import plain_image
from vision.frames import Image
from vision.jpeg import load_gray

SIZE = (1280, 720)


class FakeCapture:
    """Stands for cv2.VideoCapture; notes how each was opened and which of its properties were set."""

    made: ClassVar[list["FakeCapture"]]
    refuses_size = False
    is_there = True

    def __init__(self, device: int, backend: int | None = None, parameters: Sequence[float] = ()) -> None:
        self.device, self.backend, self.parameters = device, backend, list(parameters)
        self.properties: list[tuple[int, float]] = []
        self.released = False
        self.made.append(self)

    def isOpened(self) -> bool:  # noqa: N802  # OpenCV's name
        return self.is_there and not (self.parameters and self.refuses_size)

    def set(self, name: int, value: float) -> bool:
        self.properties.append((name, value))
        return True

    def read(self) -> tuple[bool, Image]:
        return True, plain_image()

    def release(self) -> None:
        self.released = True


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> type[FakeCapture]:
    """Put a fake in the place of OpenCV's captures, and return its class."""

    class Captures(FakeCapture):
        made: ClassVar[list[FakeCapture]] = []

    monkeypatch.setattr(cv2, "VideoCapture", Captures)
    return Captures


def test_on_windows_a_camera_is_opened_with_its_size_and_no_property_is_set_after(
    captures: type[FakeCapture], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    camera = open_camera(0, SIZE)
    assert camera.read().shape == (48, 64, 3)
    [capture] = captures.made
    assert capture.parameters == [cv2.CAP_PROP_FRAME_WIDTH, 1280, cv2.CAP_PROP_FRAME_HEIGHT, 720]
    assert capture.properties == []


def test_on_windows_a_camera_that_refuses_the_size_is_opened_in_its_own(
    captures: type[FakeCapture], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    captures.refuses_size = True
    open_camera(0, SIZE)
    refused, opened = captures.made
    assert refused.released
    assert opened.parameters == []
    assert opened.properties == []
    assert not opened.released


def test_elsewhere_the_size_and_a_packed_format_are_requested(
    captures: type[FakeCapture], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    open_camera(1, SIZE)
    [capture] = captures.made
    assert (capture.device, capture.parameters) == (1, [])
    assert {(cv2.CAP_PROP_FRAME_WIDTH, 1280), (cv2.CAP_PROP_FRAME_HEIGHT, 720)} < set(capture.properties)
    assert cv2.CAP_PROP_FOURCC in dict(capture.properties)


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_a_camera_that_does_not_open_is_released_and_a_sentence(
    captures: type[FakeCapture], monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    captures.is_there = False
    with pytest.raises(SourceError, match=r"camera 0 does not open \(is another program using it\?\)"):
        open_camera(0, SIZE)
    assert all(capture.released for capture in captures.made)


def test_no_picture_is_opened_by_its_path_with_opencv_which_on_windows_knows_no_umlauts() -> None:
    files = [path for path in ROOT.glob("*/*.py") if path.parent.name not in ("tests", "benchmarks")]
    assert len(files) > 50
    assert [path.name for path in files if re.search(r"cv2\.imread\(", path.read_text("utf-8"))] == []


def test_a_gray_picture_is_read_from_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "Größe 猫.png"
    path.write_bytes(cv2.imencode(".png", plain_image(70))[1].tobytes())
    image = load_gray(path)
    assert image is not None
    assert np.array_equal(image, np.full((48, 64), 70, np.uint8))
    path.write_bytes(b"")
    assert load_gray(path) is None
    assert load_gray(tmp_path / "missing.png") is None
