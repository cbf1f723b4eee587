"""What evidence a face needs in a live video, with a detector that says how sure it is."""

import numpy as np
from numpy.typing import NDArray

from vision.detector import Boxes, Detections
from vision.frames import Image
from vision.live_detector import LiveDetector
from vision.search import SearchOnDemand

IMAGE = np.zeros((48, 64, 3), dtype=np.uint8)
FACE, OTHER = [10, 10, 30, 30], [40, 10, 60, 30]


class Doubtful:
    """Searches and finds FACE and OTHER; follows a known face always, a new one only where it is sure."""

    def __init__(self) -> None:
        self.sure = {tuple(FACE): True, tuple(OTHER): True}
        self.asked: list[list[bool]] = []

    def detect(self, image: Image) -> Detections:  # noqa: ARG002  # as in Detector
        return Detections.of_boxes(np.array([FACE, OTHER], dtype=np.int32))

    def follow(
        self,
        image: Image,  # noqa: ARG002  # as in FollowingDetector
        boxes: Boxes,
        known: NDArray[np.bool_],
    ) -> tuple[Detections, NDArray[np.bool_]]:
        self.asked.append(known.tolist())
        sure = np.array([self.sure[tuple(box)] for box in boxes.tolist()], dtype=bool)
        return Detections.of_boxes(boxes), sure | known

    def close(self) -> None:
        pass


def started() -> tuple[LiveDetector, Doubtful]:
    """Return a detector after its first frame, which was searched."""
    doubtful = Doubtful()
    search = SearchOnDemand(doubtful)
    detector = LiveDetector(doubtful, search)
    search.wanted = True
    assert len(detector.detect(IMAGE)) == 2
    return detector, doubtful


def test_a_face_needs_the_evidence_of_a_new_one_until_it_was_seen_twice() -> None:
    detector, doubtful = started()
    for _ in range(2):
        detector.detect(IMAGE)
    assert doubtful.asked == [[False, False], [False, False], [True, True]]


def test_a_face_that_is_doubtful_at_its_second_sighting_is_not_found_and_a_known_one_is() -> None:
    detector, doubtful = started()
    doubtful.sure[tuple(OTHER)] = False
    assert detector.detect(IMAGE).boxes.tolist() == [FACE]
    doubtful.sure[tuple(FACE)] = False
    assert detector.detect(IMAGE).boxes.tolist() == [FACE]


def test_the_faces_of_a_frame_are_followed_together() -> None:
    detector, doubtful = started()
    detector.detect(IMAGE)
    assert len(doubtful.asked) == 2
