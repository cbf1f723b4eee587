from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.fakes.images import bright_image, plain_image
from tests.fakes.recognition import AlwaysSad, LyingFaces, OneFace
from vision.crops import Tilts
from vision.detector import Detections
from vision.frames import Frame, Image
from vision.jpeg import encode_jpeg
from vision.live_classifier import LiveClassifier
from vision.overlay import View
from vision.pipeline import STEPS, Pipeline
from vision.tracker import Tracker


def test_a_frame_becomes_a_jpeg_with_the_tracks_drawn_on_it() -> None:
    pipeline = Pipeline(OneFace(), LiveClassifier(AlwaysSad().predict), Tracker(0.3, 0.4), 80)
    image = plain_image(90, 120, 160)
    pipeline.process(Frame(0, 0.0, image))
    annotated = pipeline.process(Frame(1, 0.03, image))
    decoded = cv2.imdecode(np.frombuffer(annotated.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == image.shape
    assert [track.emotion for track in annotated.tracks] == ["sad"]
    assert tuple(annotated.step_ms) == STEPS
    assert (image == 90).all()


def test_the_network_learns_how_far_each_head_is_tilted() -> None:
    class Noting(AlwaysSad):
        def __init__(self) -> None:
            self.tilts: list[float] = []

        def predict(
            self,
            gray: NDArray[np.uint8],
            boxes: NDArray[np.integer[Any]],
            tilts_deg: Tilts = None,
            _mirrored: NDArray[np.bool_] | None = None,
        ) -> NDArray[np.float32]:
            assert tilts_deg is not None
            self.tilts.extend(tilts_deg)
            return super().predict(gray, boxes)

        def explain(
            self, gray: NDArray[np.uint8], boxes: NDArray[np.integer[Any]], tilts_deg: Tilts
        ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            return self.predict(gray, boxes, tilts_deg), np.zeros((len(boxes), 7, 6, 6), dtype=np.float32)

    network = Noting()
    live = LiveClassifier(network.predict, in_background=False)
    pipeline = Pipeline(LyingFaces(), live, Tracker(0.3, 0.4), 80, explain=network.explain)
    pipeline.process(Frame(0, 0.0, bright_image()))
    pipeline.view = View(heat=True)
    pipeline.process(Frame(1, 0.03, bright_image()))
    pipeline.close()
    assert network.tilts == [90, 90]


def test_a_frame_keeps_its_index_and_its_time() -> None:
    annotated = Pipeline(OneFace(), LiveClassifier(AlwaysSad().predict), Tracker(0.3, 0.4), 80).process(
        Frame(7, 1.5, plain_image())
    )
    assert (annotated.index, annotated.captured_s) == (7, 1.5)
    assert annotated.published_s > 0


def test_higher_quality_makes_a_larger_jpeg() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert len(encode_jpeg(noise, 95)) > len(encode_jpeg(noise, 20))


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises((ValueError, cv2.error)):
        encode_jpeg(np.empty((0, 0, 3), dtype=np.uint8), 80)


def test_with_blur_a_face_is_hidden_from_the_first_frame_on() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    blurred = Pipeline(OneFace(), LiveClassifier(AlwaysSad().predict), Tracker(0.3, 0.4), 80, View(blur=True))
    first = blurred.process(Frame(0, 0.0, noise))
    assert first.tracks == []
    assert first.scene is not None
    assert len(np.unique(first.scene[10:90, 10:90].reshape(-1, 3), axis=0)) <= 64


class FaceForTwoFrames(OneFace):
    frames = 0

    def detect(self, image: Image) -> Detections:
        self.frames += 1
        return super().detect(image).at(slice(int(self.frames <= 2)))


@pytest.mark.parametrize(("only_seen", "shown"), [(True, 0), (False, 1)])
def test_in_a_file_a_face_is_drawn_only_where_it_was_found_and_hidden_a_little_longer(
    only_seen: bool, shown: int
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    for view in (View(), View(blur=True)):
        classifier = LiveClassifier(AlwaysSad().predict, in_background=False)
        tracker = Tracker(0.3, 0.4)
        pipeline = Pipeline(FaceForTwoFrames(), classifier, tracker, 80, view, only_seen=only_seen)
        annotated = [pipeline.process(Frame(index, index / 30, noise)) for index in range(3)]
        assert len(annotated[1].tracks) == 1
        assert len(annotated[2].tracks) == shown
        scene = annotated[2].scene
        assert scene is not None
        assert (scene == noise).all() == (only_seen and not view.blur)
        pipeline.close()
