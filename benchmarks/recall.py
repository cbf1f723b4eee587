"""Compare the live search with a full search of every frame: python -m benchmarks.recall VIDEO...

Each video is played once at its own rate through the live site's pipeline, as from a camera. The figures are

  recall  the share of the boxes found by the full search in two consecutive frames that are shown, too,
          without the first 0.3 s of a video, which a new face may take
  false   the boxes shown where the full search finds nothing in the half second before and after
  first   the ms from the first frame in which the full search finds a face to the first that shows one
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from app import make_live_pipeline
from settings import StartError, read_settings
from uploads.assemble import load_classifier
from vision.background import limit_threads
from vision.boxes import iou
from vision.detector import Boxes
from vision.detectors import Detectors
from vision.frames import Frame, Image
from vision.haar import HaarDetector
from vision.pipeline import Pipeline
from vision.tracker import Track

FULL_MIN_FACE_PX = 30
NEW_FACE_S, NEAR_S = 0.3, 0.5
SAME_IOU = 0.4


@dataclass
class Score:
    """The counts of boxes of a video, and the ms until its first face was shown."""

    wanted: int = 0
    shown: int = 0
    all_shown: int = 0
    false: int = 0
    first_ms: float = float("nan")

    def __str__(self) -> str:
        recall = self.shown / self.wanted if self.wanted else float("nan")
        return (
            f"recall {recall:.1%} of {self.wanted}, false {self.false} of {self.all_shown}, "
            f"first face after {self.first_ms:.0f} ms"
        )


def read_video(path: str) -> tuple[list[Image], float]:
    """Return all images (H, W, 3) uint8 BGR of a video, and its fps."""
    video = cv2.VideoCapture(path)
    images: list[Image] = []
    while True:
        grabbed, image = video.read()
        if not grabbed:
            break
        images.append(image.astype(np.uint8, copy=False))
    fps = video.get(cv2.CAP_PROP_FPS) or 30.0
    video.release()
    return images, fps


def search_fully(detector: HaarDetector, images: Sequence[Image], title: str) -> list[Boxes]:
    """Return the boxes (n, 4) xyxy px of a full search of each image."""
    return [detector.detect(image).boxes for image in tqdm(images, f"full search of {title}", leave=False)]


def play(pipeline: Pipeline, images: Sequence[Image], fps: float) -> list[list[Track]]:
    """Return the tracks shown in each frame of a video that is played at its rate."""
    shown: list[list[Track]] = []
    started_s = time.monotonic()
    for index, image in enumerate(images):
        time.sleep(max(started_s + index / fps - time.monotonic(), 0))
        shown.append(pipeline.process(Frame(index, index / fps, image)).tracks)
    return shown


def boxes_of(tracks: Sequence[Track]) -> Boxes:
    """Return the tracks' boxes (n, 4) int32 xyxy px."""
    return np.array([track.box for track in tracks], dtype=np.int32).reshape(-1, 4)


def compare(full: Sequence[Boxes], shown: Sequence[Boxes], fps: float) -> Score:
    """Return the score of the boxes shown against those of the full search, both (n, 4) a frame."""
    score = Score()
    near = round(NEAR_S * fps)
    for index in range(1, len(full)):
        around = np.concatenate(full[max(index - near, 0) : index + near + 1])
        score.all_shown += len(shown[index])
        score.false += sum(not _is_in(box, around) for box in shown[index])
        if index >= NEW_FACE_S * fps:
            wanted = [box for box in full[index] if _is_in(box, full[index - 1])]
            score.wanted += len(wanted)
            score.shown += sum(_is_in(box, shown[index]) for box in wanted)
    first_found = next((i for i, boxes in enumerate(full) if len(boxes)), None)
    first_shown = next((i for i, boxes in enumerate(shown) if len(boxes)), None)
    if first_found is not None and first_shown is not None:
        score.first_ms = (first_shown - first_found) / fps * 1000
    return score


def _is_in(box: Boxes, boxes: Boxes) -> bool:
    """Return whether a box (4,) is one of boxes (n, 4)."""
    return len(boxes) > 0 and bool(iou(box, boxes).max() > SAME_IOU)


def main(argv: list[str] | None = None) -> int:
    """Print the score of each video; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recall", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("videos", nargs="+", metavar="VIDEO", help="video file")
    args: Any = parser.parse_args(argv)
    wanted = shown = 0
    try:
        settings = read_settings([])
        detector = HaarDetector(settings.cascade, FULL_MIN_FACE_PX)
        limit_threads()
        classifier = load_classifier(settings)
        for path in args.videos:
            images, fps = read_video(path)
            if not images:
                raise StartError(f"{path} is no video that OpenCV can read")
            full = search_fully(detector, images, path)
            pipeline = make_live_pipeline(settings, classifier, Detectors.load(settings))
            shown_boxes = [boxes_of(tracks) for tracks in play(pipeline, images, fps)]
            pipeline.close()
            score = compare(full, shown_boxes, fps)
            print(f"{path}: {score}")
            wanted, shown = wanted + score.wanted, shown + score.shown
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if wanted:
        print(f"together recall {shown / wanted:.1%} of {wanted}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
