"""The faces of a result, found again in the small pictures that the result keeps."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.fakes.images import bright_image, plain_image
from tests.fakes.recognition import BrightFaces, fake_pipeline, fake_recognizer
from uploads.jobs import Jobs
from uploads.kept_faces import find_kept_face
from uploads.results import Results
from vision.frames import Image
from vision.jpeg import encode_jpeg


def result_of(folder: Path, image: Image, *, blur: bool = False, whole: bool = False) -> tuple[Results, str]:
    """Return the results and the id of the one of a picture."""
    results = Results(folder)
    jobs = Jobs(results, fake_recognizer(), fake_pipeline, 95, blur=blur)
    job_id = jobs.submit("me", [("a.jpg", io.BytesIO(encode_jpeg(image, 95)))], whole=whole)
    jobs.close()
    assert job_id
    return results, job_id


def bright_box(box: tuple[int, int, int, int], size_px: tuple[int, int] = (400, 300)) -> Image:
    """Return a dark image in which a box (x1, y1, x2, y2) is bright, which the fake detector finds."""
    image = plain_image(20, size_px[1], size_px[0])
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = 220
    return image


@pytest.mark.parametrize(
    "box",
    [(150, 100, 250, 200), (0, 0, 300, 300), (340, 240, 400, 300), (0, 120, 90, 210), (20, 10, 380, 290)],
    ids=["middle", "left edge", "corner", "small margin", "nearly all"],
)
def test_the_box_of_a_face_lies_in_its_cut_out_where_the_face_does(
    tmp_path: Path, box: tuple[int, int, int, int]
) -> None:
    results, job_id = result_of(tmp_path, bright_box(box))
    face = find_kept_face(results, job_id, 0, 1)
    assert face
    cut = cv2.imdecode(np.frombuffer(face.data, np.uint8), cv2.IMREAD_COLOR)
    assert cut is not None
    [found] = BrightFaces().detect(cut.astype(np.uint8)).boxes
    height, width = cut.shape[:2]
    assert face.box * [width, height, width, height] == pytest.approx(found, abs=1.5)
    assert (face.file, face.count, face.tilt_deg) == ("a.jpg", 1, 0)
    assert face.probs["happy"] == 0.7


def test_a_picture_that_is_a_face_is_its_own_box(tmp_path: Path) -> None:
    results, job_id = result_of(tmp_path, plain_image(20, 90, 120), whole=True)
    face = find_kept_face(results, job_id, 0, 1)
    assert face
    assert face.box.tolist() == [0, 0, 1, 1]


def test_what_is_no_face_of_a_result_is_none(tmp_path: Path) -> None:
    results, job_id = result_of(tmp_path, bright_image())
    for number, face in ((0, 0), (0, 2), (1, 1)):
        assert find_kept_face(results, job_id, number, face) is None
    assert find_kept_face(results, "x" * 22, 0, 1) is None
    assert find_kept_face(results, "../..", 0, 1) is None
    results.delete(job_id)
    assert find_kept_face(results, job_id, 0, 1) is None


def test_a_face_that_is_hidden_is_not_explained(tmp_path: Path) -> None:
    results, job_id = result_of(tmp_path, bright_image(), blur=True)
    assert results.load(job_id)
    assert find_kept_face(results, job_id, 0, 1) is None
