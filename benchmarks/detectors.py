"""Compare the detectors, Haar and MTCNN, side by side: python -m benchmarks.detectors PICTURES VIDEO...

PICTURES is a folder with truth.json (see benchmarks.footage), searched as uploads are. A box hits a face if the
centre of one lies in the other or they overlap by more than 0.3; each face counts once. Pictures without faces
are then played as if a camera moved slightly.

Each video is played at its own rate through the live pipeline for at least five seconds, and repeated if it is
shorter. The figures are

  shown     the share of frames in which a face is shown, without the first 0.3 s
  most      the largest number of faces shown at the same time
  new face  the time from the first frame of the video, after a plain picture, to the first frame that shows a
            face: the mean and the longest of several
  detect    the time of the live detection, median
  search    the CPU time of the background search, as a share of a core
"""

import math
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from app import make_live_pipeline
from benchmarks.footage import footage_parser, match, play, print_columns, read_known, read_video
from model import EmotionClassifier
from settings import Settings, StartError, read_settings
from sources.opencv import to_bgr
from uploads.assemble import load_classifier
from vision.background import limit_threads
from vision.detectors import Detectors
from vision.frames import Image
from vision.pipeline import Pipeline

NAMES = ("haar", "mtcnn")
MIN_VIDEO_S, NEW_FACE_S = 5.0, 0.3
PLAIN, NEW_FACES = 20, 6  # plain frames before a face, at the least; new faces of a video
TEXTURE_S, TEXTURE_FPS, TEXTURE_PX, SHAKE_PX = 1.5, 30.0, (640, 480), 2


@dataclass
class PictureScore:
    """The counts of pictures, faces and boxes, and the CPU time of the searches in s."""

    pictures: int = 0
    faces: int = 0
    found: int = 0
    false: int = 0
    cpu_s: float = 0.0
    missed: list[str] = field(default_factory=list)

    def add(self, name: str, boxes: NDArray[np.floating], faces: NDArray[np.floating], cpu_s: float) -> None:
        """Count the boxes (n, 4) that were found in cpu_s in a picture with faces (m, 4)."""
        found = len(match(boxes, faces))
        self.pictures += 1
        self.faces += len(faces)
        self.found += found
        self.false += len(boxes) - found
        self.cpu_s += cpu_s
        self.missed += [name] * (len(faces) - found)

    def figures(self) -> dict[str, str]:
        """Return each figure with its name."""
        return {
            "faces found": f"{self.found} of {self.faces}",
            "false boxes": str(self.false),
            "CPU a picture": f"{self.cpu_s / max(self.pictures, 1) * 1000:.0f} ms",
        }


@dataclass
class VideoScore:
    """What is shown of a video: the faces in each frame, the ms of each detection, and the search's share."""

    fps: float
    faces: list[int]
    detect_ms: list[float]
    search_share: float

    def figures(self) -> dict[str, str]:
        """Return each figure with its name."""
        shown = np.array(self.faces[round(NEW_FACE_S * self.fps) :]) > 0
        return {
            "shown": f"{shown.mean():.1%}",
            "most": str(max(self.faces)),
            "detect": f"{np.median(self.detect_ms):.2f} ms",
            "search": f"{self.search_share:.1%}",
        }


def search_pictures(folder: Path, detectors: Detectors) -> tuple[PictureScore, dict[str, Image]]:
    """Return what is found in a folder with truth.json, and its pictures without faces; raises StartError."""
    detector, score, empty = detectors.picture(), PictureScore(), dict[str, Image]()
    for name, image, faces in tqdm(read_known(folder), "pictures", leave=False):
        started_s = time.thread_time()
        boxes = detector.detect(image).boxes.astype(np.float64)
        score.add(name, boxes, faces, time.thread_time() - started_s)
        if not len(faces):
            empty[name] = image
    detector.close()
    return score, empty


def watch(pipeline: Pipeline, images: Sequence[Image], fps: float) -> VideoScore:
    """Return what is shown of a video, repeated until MIN_VIDEO_S have passed; close the pipeline."""
    rounds = max(1, round(MIN_VIDEO_S * fps / len(images)))
    began_s = time.monotonic()
    frames = play(pipeline, (image for _ in range(rounds) for image in images), fps)
    search_s = sum(cpu_s_of(thread) for thread in threading.enumerate() if thread.name.startswith("search"))
    elapsed_s = time.monotonic() - began_s
    pipeline.close()
    faces, detect_ms = [len(f.tracks) for f in frames], [f.step_ms["detect"] for f in frames]
    return VideoScore(fps, faces, detect_ms, search_s / elapsed_s)


def cpu_s_of(thread: threading.Thread) -> float:
    """Return the CPU time in s that a running thread has taken; not on Windows."""
    assert thread.ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


def shaken(picture: Image) -> list[Image]:
    """Return frames of TEXTURE_PX in which a picture moves a little, as a camera in a hand sees it."""
    width, height = TEXTURE_PX
    scale = max((width + 2 * SHAKE_PX) / picture.shape[1], (height + 2 * SHAKE_PX) / picture.shape[0])
    large = to_bgr(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    moves = np.random.default_rng(0).integers(0, 2 * SHAKE_PX, (round(TEXTURE_S * TEXTURE_FPS), 2)).tolist()
    return [np.ascontiguousarray(large[y : y + height, x : x + width]) for x, y in moves]


def first_shown_ms(pipeline: Pipeline, images: Sequence[Image], fps: float, plain: int) -> float:
    """Return the ms from a video's first frame, after so many plain frames, to the first that shows a face.

    It is infinite if no face is shown within a second. The pipeline is closed.
    """
    before = [np.full_like(images[0], 90)] * plain
    shown = play(pipeline, [*before, *images[: round(fps)]], fps)[plain:]
    pipeline.close()
    return next((index / fps * 1000 for index, frame in enumerate(shown) if frame.tracks), math.inf)


def compare(
    settings: Settings, classifier: EmotionClassifier, folder: Path, videos: Sequence[str]
) -> dict[str, str]:
    """Return each figure of the detector of these settings with its name; raises StartError."""
    detectors = Detectors.load(settings)
    score, empty = search_pictures(folder, detectors)
    figures = {f"pictures: {name}": figure for name, figure in score.figures().items()}
    mistaken = []
    for name, picture in tqdm(empty.items(), "pictures without faces, live", leave=False):
        pipeline = make_live_pipeline(settings, classifier, detectors)
        if max(watch(pipeline, shaken(picture), TEXTURE_FPS).faces):
            mistaken.append(name)
    figures[f"{len(empty)} without faces, live: with a face shown"] = str(len(mistaken))
    print(f"{settings.detector} shows a face live in {', '.join(mistaken) or 'no picture without one'}")
    print(f"{settings.detector} misses faces in {', '.join(sorted(set(score.missed))) or 'no picture'}")
    for path in tqdm(videos, "videos", leave=False):
        images, fps = read_video(path)
        make_pipeline = partial(make_live_pipeline, settings, classifier, detectors)
        about = watch(make_pipeline(), images, fps).figures()
        new_ms = [first_shown_ms(make_pipeline(), images, fps, PLAIN + more) for more in range(NEW_FACES)]
        about["new face"] = f"{np.mean(new_ms):.0f}, {max(new_ms):.0f} ms"
        figures |= {f"{Path(path).name}: {name}": figure for name, figure in about.items()}
    return figures


def main(argv: list[str] | None = None) -> int:
    """Print the figures of each detector in a column; return the exit status."""
    parser = footage_parser("python -m benchmarks.detectors", __doc__)
    args = parser.parse_args(argv)
    try:
        limit_threads()
        classifier = load_classifier(read_settings([]))
        columns = {
            name: compare(read_settings(["--detector", name]), classifier, args.pictures, args.videos)
            for name in NAMES
        }
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print_columns(columns)
    return 0


if __name__ == "__main__":
    sys.exit(main())
