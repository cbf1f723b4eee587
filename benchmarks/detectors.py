"""Compare the detectors, Haar and MTCNN, side by side: python -m benchmarks.detectors PICTURES VIDEO...

PICTURES is a folder with truth.json, which names each picture's "size" and its "faces", xyxy px. They are
searched as uploads are. A box hits a face if the centre of one lies in the other or they overlap by more than
0.3; each face counts once. Pictures without faces are then played as from a camera that moves a little.

Each video is played at its own rate through the live site's pipeline, as from a camera, for at least five
seconds, from the start again where it is shorter. The figures are

  shown     the share of the frames in which a face is shown, without the first 0.3 s of the pipeline
  most      the most faces that are shown at once
  new face  the ms from the first frame of the video, after a plain picture, to the first that shows a face:
            the mean, and the longest, of several
  detect    the ms of the live path's detection, median
  search    the CPU time of the search in the background, as a share of a core
"""

import argparse
import json
import math
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from app import make_live_pipeline
from model import EmotionClassifier
from settings import Settings, StartError, read_settings
from sources.opencv import to_bgr
from uploads.assemble import load_classifier
from vision.background import limit_threads
from vision.boxes import iou
from vision.detectors import Detectors
from vision.frames import Frame, Image
from vision.pictures import PictureError, read_picture
from vision.pipeline import Pipeline
from vision.tracker import Track

NAMES = ("haar", "mtcnn")
SAME_IOU = 0.3
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


def match(boxes: NDArray[np.floating], faces: NDArray[np.floating]) -> list[tuple[int, int]]:
    """Return the (box, face) rows of each of faces (m, 4) that one of boxes (n, 4) hits, each box once."""
    pairs: list[tuple[int, int]] = []
    hits = (iou(boxes, faces) > SAME_IOU) | _has_centre(boxes, faces) | _has_centre(faces, boxes).T
    overlap = np.where(hits, 1 + iou(boxes, faces), 0.0)
    while overlap.size and overlap.max() > 0:
        box, face = np.unravel_index(overlap.argmax(), overlap.shape)
        pairs.append((int(box), int(face)))
        overlap[box, :] = overlap[:, face] = 0
    return pairs


def _has_centre(outer: NDArray[np.floating], inner: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return whether each of outer (n, 4) holds the centre of each of inner (m, 4): (n, m)."""
    centres = (inner[:, :2] + inner[:, 2:]) / 2
    return np.asarray(((outer[:, None, :2] < centres) & (centres < outer[:, None, 2:])).all(axis=2))


def search_pictures(folder: Path, detectors: Detectors) -> tuple[PictureScore, dict[str, Image]]:
    """Return what is found in a folder with truth.json, and its pictures without faces; raises StartError."""
    try:
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StartError(f"{folder} has no truth.json that can be read ({error})") from None
    detector, score, empty = detectors.picture(), PictureScore(), dict[str, Image]()
    for name, about in tqdm(truth.items(), "pictures", leave=False):
        try:
            picture = read_picture((folder / name).read_bytes())
        except (OSError, PictureError) as error:
            raise StartError(f"{folder / name} cannot be read ({error})") from None
        started_s = time.thread_time()
        boxes = detector.detect(picture.image).boxes * picture.scale
        faces = np.array(about["faces"], dtype=np.float64).reshape(-1, 4)
        score.add(name, boxes, faces, time.thread_time() - started_s)
        if not len(faces):
            empty[name] = picture.image
    detector.close()
    return score, empty


def read_video(path: str) -> tuple[list[Image], float]:
    """Return all images (H, W, 3) uint8 BGR of a video, and its fps."""
    video = cv2.VideoCapture(path)
    images: list[Image] = []
    while True:
        grabbed, image = video.read()
        if not grabbed:
            break
        images.append(to_bgr(image))
    fps = video.get(cv2.CAP_PROP_FPS) or 30.0
    video.release()
    return images, fps


def play(pipeline: Pipeline, images: Iterable[Image], fps: float) -> list[list[Track]]:
    """Return the tracks shown in each frame of a video that is played at its rate."""
    return [tracks for tracks, _ in _play(pipeline, images, fps)]


def _play(pipeline: Pipeline, images: Iterable[Image], fps: float) -> list[tuple[list[Track], float]]:
    """Return the tracks of each frame, and the ms of its detection."""
    shown: list[tuple[list[Track], float]] = []
    started_s = time.monotonic()
    for index, image in enumerate(images):
        time.sleep(max(started_s + index / fps - time.monotonic(), 0))
        annotated = pipeline.process(Frame(index, index / fps, image))
        shown.append((annotated.tracks, annotated.step_ms["detect"]))
    return shown


def watch(pipeline: Pipeline, images: Sequence[Image], fps: float) -> VideoScore:
    """Return what is shown of a video, repeated until MIN_VIDEO_S have passed; close the pipeline."""
    rounds = max(1, round(MIN_VIDEO_S * fps / len(images)))
    began_s = time.monotonic()
    frames = _play(pipeline, (image for _ in range(rounds) for image in images), fps)
    search_s = sum(cpu_s_of(thread) for thread in threading.enumerate() if thread.name.startswith("search"))
    elapsed_s = time.monotonic() - began_s
    pipeline.close()
    faces, detect_ms = [len(tracks) for tracks, _ in frames], [ms for _, ms in frames]
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
    return next((index / fps * 1000 for index, tracks in enumerate(shown) if tracks), math.inf)


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
        if not images:
            raise StartError(f"{path} is no video that OpenCV can read")
        make_pipeline = partial(make_live_pipeline, settings, classifier, detectors)
        about = watch(make_pipeline(), images, fps).figures()
        new_ms = [first_shown_ms(make_pipeline(), images, fps, PLAIN + more) for more in range(NEW_FACES)]
        about["new face"] = f"{np.mean(new_ms):.0f}, {max(new_ms):.0f} ms"
        figures |= {f"{Path(path).name}: {name}": figure for name, figure in about.items()}
    return figures


def main(argv: list[str] | None = None) -> int:
    """Print the figures of each detector in a column; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detectors",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("pictures", metavar="PICTURES", type=Path, help="folder with pictures and truth.json")
    parser.add_argument("videos", metavar="VIDEO", nargs="*", help="video file")
    parser.add_argument("--detectors", nargs="+", choices=NAMES, default=NAMES, help="default: both")
    args = parser.parse_args(argv)
    try:
        limit_threads()
        classifier = load_classifier(read_settings([]))
        columns = {
            name: compare(read_settings(["--detector", name]), classifier, args.pictures, args.videos)
            for name in args.detectors
        }
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    first = next(iter(columns.values()))
    width = max(map(len, first))
    print(f"{'':{width}}" + "".join(f"{name:>14}" for name in columns))
    for name in first:
        print(f"{name:{width}}" + "".join(f"{figures[name]:>14}" for figures in columns.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
