"""Pictures whose faces are known, and videos, as the benchmarks of detectors and of other programs take them.

A folder of pictures has a truth.json, which names each picture's "size" and its "faces", xyxy px.
"""

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from settings import StartError
from sources.opencv import to_bgr
from vision.boxes import iou
from vision.frames import AnnotatedFrame, Frame, Image
from vision.pictures import PictureError, read_picture
from vision.pipeline import Pipeline

SAME_IOU = 0.3


class Known(NamedTuple):
    """A picture as uploads are read, and its faces (n, 4) float64 xyxy px."""

    name: str
    image: Image
    faces: NDArray[np.float64]


def footage_parser(prog: str, doc: str | None) -> argparse.ArgumentParser:
    """Return a parser that takes PICTURES, a folder with truth.json, and videos; doc is its description."""
    parser = argparse.ArgumentParser(prog=prog, description=doc, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pictures", metavar="PICTURES", type=Path, help="folder with pictures and truth.json")
    parser.add_argument("videos", metavar="VIDEO", nargs="*", help="video file")
    return parser


def read_known(folder: Path) -> Iterator[Known]:
    """Yield the pictures of a folder with truth.json; raises StartError."""
    try:
        for name, about in json.loads((folder / "truth.json").read_text(encoding="utf-8")).items():
            picture = read_picture((folder / name).read_bytes())
            faces = np.array(about["faces"], dtype=np.float64).reshape(-1, 4)
            yield Known(name, picture.image, faces / picture.scale)
    except (OSError, ValueError, PictureError) as error:
        raise StartError(f"{folder} has no pictures with a truth.json that can be read ({error})") from None


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


def read_video(path: str) -> tuple[list[Image], float]:
    """Return all images (H, W, 3) uint8 BGR of a video, and its fps; raises StartError."""
    video = cv2.VideoCapture(path)
    images: list[Image] = []
    while (frame := video.read())[0]:
        images.append(to_bgr(frame[1]))
    fps = video.get(cv2.CAP_PROP_FPS) or 30.0
    video.release()
    if not images:
        raise StartError(f"{path} is no video that OpenCV can read")
    return images, fps


def play(pipeline: Pipeline, images: Iterable[Image], fps: float) -> list[AnnotatedFrame]:
    """Return the annotated frames of a video that is played at its rate."""
    shown = []
    started_s = time.monotonic()
    for index, image in enumerate(images):
        time.sleep(max(started_s + index / fps - time.monotonic(), 0))
        shown.append(pipeline.process(Frame(index, index / fps, image)))
    return shown


def count_changes(frames: Iterable[Mapping[int, str]]) -> tuple[int, int]:
    """Return how often a face's label differs from that when it was last seen, and the sightings of all faces.

    frames holds the label of each face that a frame shows, by the face.
    """
    last: dict[int, str] = {}
    changes = sightings = 0
    for labels in frames:
        changes += sum(last.get(face, label) != label for face, label in labels.items())
        sightings += len(labels)
        last |= labels
    return changes, sightings


def print_columns(columns: Mapping[str, Mapping[str, str]]) -> None:
    """Print the figures of each program or detector in a column."""
    names = list(next(iter(columns.values())))
    width = max(map(len, names))
    print(f"{'':{width}}" + "".join(f"{title:>22}" for title in columns))
    for name in names:
        print(f"{name:{width}}" + "".join(f"{figures[name]:>22}" for figures in columns.values()))
