import itertools
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model import EmotionClassifier
from settings import ROOT, Settings
from sources.base import SourceError
from sources.demo import FPS, HANGINGS, LOOP_S, STAY_S, WALL_WIDTH, WIDTH, DemoSource, camera_left
from sources.portrait import CENTRE, FADE_S, HOLD_S, Hanging
from vision.boxes import iou
from vision.detector import Detector
from vision.emotions import EMOTIONS
from vision.haar import HaarDetector
from vision.mtcnn import MtcnnDetector, Networks
from vision.samples import FACE_BOX, GRIDS_FILE, load_samples

SAMPLES = ROOT / "static" / "samples"
LOOPS = 21  # in which every portrait shows every emotion while it is fully seen


@pytest.fixture(scope="module")
def demo() -> DemoSource:
    return DemoSource(SAMPLES)


@pytest.fixture(scope="module", params=["haar", "mtcnn"])
def detector(request: pytest.FixtureRequest) -> Detector:
    if request.param == "haar":
        return HaarDetector(Settings().cascade, Settings().min_face_px)
    return MtcnnDetector(Networks.load(), Settings().min_face_px, (640, 480))


def face_box(hanging: Hanging, left: int) -> NDArray[np.float64]:
    """Return where a portrait's face is, (4,) xyxy px, in a scene whose left edge on the wall is given."""
    x = (hanging.centre[0] - left + WIDTH) % WALL_WIDTH - WIDTH
    corners = (np.array(FACE_BOX).reshape(2, 2) - CENTRE) * hanging.scale + (x, hanging.centre[1])
    return corners.ravel()


def holds() -> Iterator[tuple[int, Hanging, int]]:
    """Yield a frame's index, a portrait that is fully seen in it, and its emotion, once for each of the two."""
    seen = set()
    for index in range(0, int(LOOPS * LOOP_S * FPS), 7):
        t_s = index / FPS
        left = camera_left(t_s)
        for hanging in HANGINGS:
            emotion, _, share = hanging.expression(t_s)
            x = (hanging.centre[0] - left) % WALL_WIDTH
            fully = hanging.width / 2 <= x <= WIDTH - hanging.width / 2
            if fully and share == 0 and (hanging, emotion) not in seen:
                seen.add((hanging, emotion))
                yield index, hanging, emotion


def test_every_emotion_has_as_many_portraits_as_hang_on_the_wall() -> None:
    assert all(len(paths) >= len(HANGINGS) >= 5 for paths in load_samples(SAMPLES).values())


def test_the_committed_portraits_are_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < 600_000


def test_every_portrait_shows_every_emotion_and_is_found_and_read_right(
    demo: DemoSource, detector: Detector
) -> None:
    classifier = EmotionClassifier.load(Settings().weights)
    shown, wrong = 0, []
    for index, hanging, emotion in holds():
        image = demo.render(index)
        faces = detector.detect(image)
        here = iou(faces.boxes, face_box(hanging, camera_left(index / FPS))[None]).ravel() > 0.4
        gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        probs = classifier.predict(gray, faces.boxes[here], faces.tilts_deg[here])
        read = [EMOTIONS[best] for best in probs.argmax(axis=1)]
        if read != [EMOTIONS[emotion]]:
            wrong.append((index, HANGINGS.index(hanging), EMOTIONS[emotion], read))
        shown += 1
    assert wrong == []
    assert shown == len(HANGINGS) * len(EMOTIONS)


def test_one_two_and_three_faces_are_shown_in_turn() -> None:
    def fully_seen(left: int) -> int:
        boxes = np.array([face_box(hanging, left) for hanging in HANGINGS])
        return int(((boxes[:, 0] > 0) & (boxes[:, 2] < WIDTH)).sum())

    counts = [fully_seen(camera_left(t_s)) for t_s in np.arange(0, LOOP_S, 0.5)]
    assert {1, 2, 3} <= set(counts)
    assert counts[0] == 1


def test_the_camera_rests_and_never_jumps() -> None:
    lefts = [camera_left(index / FPS) for index in range(int(2 * LOOP_S * FPS))]
    steps = [(after - before) % WALL_WIDTH for before, after in itertools.pairwise(lefts)]
    assert 0 < max(steps) < 10
    assert steps.count(0) > 6 * (STAY_S * FPS - 1)


def test_the_same_index_gives_the_same_frame(demo: DemoSource) -> None:
    other = DemoSource(SAMPLES)
    other.read()
    assert (demo.render(400) == other.render(400)).all()


def test_the_picture_changes_from_frame_to_frame(demo: DemoSource) -> None:
    frames = [demo.read() for _ in range(3)]
    assert frames[0].shape == (480, 640, 3)
    assert frames[0].dtype == np.uint8
    assert (frames[1] != frames[2]).any()


def test_an_expression_grows_so_that_no_frame_jumps(demo: DemoSource) -> None:
    began = int(HOLD_S * FPS)
    frames = [demo.render(index) for index in range(began - 2, began + int(FADE_S * FPS) + 3)]
    changes = [cv2.absdiff(before, after).mean() for before, after in itertools.pairwise(frames)]
    assert max(changes) < 4
    assert cv2.absdiff(frames[0], frames[-1]).mean() > max(changes)


def test_a_frame_takes_a_few_milliseconds(demo: DemoSource) -> None:
    times_s = []
    for index in range(0, int(LOOP_S * FPS), 9):
        began_s = time.thread_time()
        demo.render(index)
        times_s.append(time.thread_time() - began_s)
    assert np.median(times_s) < 0.008


def test_missing_portraits_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no sample pictures"):
        DemoSource(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("happy/02.jpg", b"", "02.jpg is not a picture"),
        (
            "happy/02.jpg",
            cv2.imencode(".jpg", np.zeros((40, 40), np.uint8))[1].tobytes(),
            "portrait of 320x400",
        ),
        ("happy/02.jpg", None, "5 portraits of each emotion"),
        (GRIDS_FILE, None, "grids.npz is missing"),
        (GRIDS_FILE, b"PK\x03\x04", "no file of displacements"),
        (GRIDS_FILE, b"text", "no file of displacements"),
    ],
)
def test_a_missing_or_damaged_file_is_named_in_one_sentence(
    tmp_path: Path, file: str, content: bytes | None, sentence: str
) -> None:
    folder = tmp_path / "samples"
    shutil.copytree(SAMPLES, folder)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(SourceError, match=sentence) as raised:
        DemoSource(folder)
    assert "\n" not in str(raised.value)
