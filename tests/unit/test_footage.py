"""Pictures whose faces are known, and videos, as the benchmarks read them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.footage import count_changes, read_known, read_video
from settings import StartError
from tests.fakes.images import plain_image
from vision.detectors import UPLOAD_PX


def write_truth(folder: Path, faces: list[list[float]], width: int) -> None:
    cv2.imwrite(str(folder / "a.png"), plain_image(90, width // 2, width))
    (folder / "truth.json").write_text(json.dumps({"a.png": {"faces": faces}}), encoding="utf-8")


def test_a_pictures_faces_are_in_px_of_the_picture_as_uploads_are_read(tmp_path: Path) -> None:
    side = max(UPLOAD_PX)
    write_truth(tmp_path, [[200, 100, 400, 300]], 2 * side)
    [known] = read_known(tmp_path)
    scale = known.image.shape[1] / (2 * side)
    assert scale < 1
    assert known.name == "a.png"
    assert known.faces == pytest.approx(np.array([[200, 100, 400, 300]]) * scale)


def test_a_picture_without_faces_has_none(tmp_path: Path) -> None:
    write_truth(tmp_path, [], 64)
    [known] = read_known(tmp_path)
    assert known.faces.shape == (0, 4)


def test_a_folder_without_its_truth_and_a_file_that_is_no_video_are_said(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"no pictures with a truth\.json"):
        list(read_known(tmp_path))
    with pytest.raises(StartError, match="is no video that OpenCV can read"):
        read_video(str(tmp_path / "none.mp4"))


def test_a_change_is_between_two_sightings_of_one_face_however_far_apart() -> None:
    frames = [{1: "happy", 2: "sad"}, {2: "sad"}, {}, {1: "unsure", 2: "happy"}, {1: "unsure", 3: "fear"}]
    assert count_changes(frames) == (2, 7)
