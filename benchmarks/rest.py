"""Measure the effect of a resting face on the demo's portraits: python -m benchmarks.rest [--fer2013 DATA].

Each portrait holds each expression several times and is read three times per hold; the first neutral hold is
its resting face. --fer2013 also checks that nothing changes without a resting face: for each face of
PublicTest, the reading shown must equal the network's output bit by bit.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app import SAMPLES
from model import EmotionClassifier
from settings import Settings, StartError
from sources.demo import FPS, HANGINGS, LOOP_S, WALL_WIDTH, WIDTH, DemoSource, camera_left
from sources.portrait import FADE_S, HOLD_S, Hanging
from training.data import load_faces
from training.evaluate_rest import REST_FACES, evaluate_rest, rest_text
from training.metrics import Labels, Probs
from uploads.assemble import load_classifier
from vision.background import limit_threads
from vision.detector import Detector
from vision.detectors import Detectors
from vision.emotions import EMOTIONS
from vision.tracker import Tracker

MAX_HOLDS = 3  # of one expression of one portrait
LOOPS = 21  # in which every portrait shows every emotion while it is fully seen


def holds(hanging: Hanging) -> Iterator[tuple[int, list[float]]]:
    """Yield the emotion of each hold in which a portrait is fully seen, and REST_FACES times in it, in s."""
    counts: Counter[int] = Counter()
    for turn in range(1, int(LOOPS * LOOP_S / (HOLD_S + FADE_S))):
        begin_s = turn * (HOLD_S + FADE_S) - hanging.ahead_s
        if begin_s < 0:
            continue
        times_s = [begin_s + HOLD_S * (part + 0.5) / REST_FACES for part in range(REST_FACES)]
        emotion, _, _ = hanging.expression(times_s[0])
        if counts[emotion] < MAX_HOLDS and all(is_fully_seen(hanging, t_s) for t_s in times_s):
            counts[emotion] += 1
            yield emotion, times_s


def is_fully_seen(hanging: Hanging, t_s: float) -> bool:
    """Return whether the camera shows all of a portrait at a time."""
    return hanging.width / 2 <= centre_x(hanging, t_s) <= WIDTH - hanging.width / 2


def centre_x(hanging: Hanging, t_s: float) -> float:
    """Return how far a portrait's centre lies from the left edge of the picture at a time, in px."""
    return (hanging.centre[0] - camera_left(t_s)) % WALL_WIDTH


def read_demo(
    demo: DemoSource, classifier: EmotionClassifier, detector: Detector
) -> tuple[Probs, Labels, NDArray[np.str_]]:
    """Return the readings of the portraits' faces (n, 7), what they show (n,), and whose they are (n,)."""
    rows, labels, people = [], [], []
    for person, hanging in enumerate(HANGINGS):
        for emotion, times_s in holds(hanging):
            for t_s in times_s:
                image = demo.render(round(t_s * FPS))
                boxes = detector.detect(image).boxes
                place = centre_x(hanging, t_s), hanging.centre[1]
                near = [box for box in boxes if np.hypot(*(middle(box) - place)) < hanging.width / 3]
                if near:
                    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
                    rows.append(classifier.predict(gray, np.array(near[:1]))[0])
                    labels.append(emotion)
                    people.append(f"portrait {person + 1}")
    return np.array(rows), np.array(labels), np.array(people)


def middle(box: NDArray[Any]) -> NDArray[np.float64]:
    """Return the middle (x, y) of a box xyxy."""
    return np.asarray((box[:2] + box[2:]) / 2, dtype=np.float64)


def count_changed(data: Path, classifier: EmotionClassifier) -> tuple[int, int]:
    """Return how many faces of FER2013's PublicTest are shown otherwise than they are read, and how many are.

    No resting face is given. Raises ValueError if the data is not FER2013.
    """
    images = load_faces(data, "PublicTest").images
    box, changed = np.array([[0, 0, images.shape[2], images.shape[1]]]), 0
    for gray in images:
        probs = classifier.predict(gray, box)
        tracker = Tracker(Settings().smoothing_s, Settings().unsure_below)
        for t_s in (0.0, 0.1):  # a face is shown from the second time on
            tracks = tracker.update(box, probs, t_s)
        (track,) = tracks
        shown, read = track.probs, probs[0]
        changed += not (np.array_equal(shown, read) and track.emotion == EMOTIONS[int(read.argmax())])
    return changed, len(images)


def main(argv: list[str] | None = None) -> int:
    """Print the figures; return the exit status, 1 if a face is shown otherwise than it was read."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rest", description=__doc__)
    parser.add_argument("--fer2013", type=Path, metavar="DATA", help="FER2013, as training.train takes it")
    args: Any = parser.parse_args(argv)
    try:
        settings = Settings()
        limit_threads()
        classifier = load_classifier(settings)
        figures = evaluate_rest(*read_demo(DemoSource(SAMPLES), classifier, Detectors.load(settings).picture()))
        if figures:
            print(rest_text(figures))
        changed = 0
        if args.fer2013:
            changed, faces = count_changed(args.fer2013, classifier)
            print(f"without a resting face: {changed} of {faces} faces are shown otherwise than they are read")
    except (StartError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return int(changed > 0)


if __name__ == "__main__":
    sys.exit(main())
