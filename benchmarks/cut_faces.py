"""Count how many pictures cropped to a face are read: python -m benchmarks.cut_faces fer2013.csv.

PublicTest faces are read as PNG files of 48 x 48 px with each detector, as predict.py reads them without and
with --whole. With --others, pictures without a face are cut into squares of 64 px; none of these should be
named.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from settings import StartError, read_settings
from training.data import Faces, load_faces
from uploads.assemble import make_readers
from uploads.recognizer import File, Recognizer
from vision.background import limit_threads
from vision.emotions import EMOTIONS

FACES = 300
OTHER_SIDE_PX = 64


def squares(paths: Sequence[Path]) -> Iterator[NDArray[np.uint8]]:
    """Yield the squares (64, 64, 3) uint8 BGR of pictures, without gaps; raises ValueError."""
    for path in paths:
        image = cv2.imread(str(path))
        if image is None:
            raise ValueError(f"{path} is not a picture that OpenCV can read")
        side = OTHER_SIDE_PX
        for y in range(0, image.shape[0] - side + 1, side):
            for x in range(0, image.shape[1] - side + 1, side):
                yield image[y : y + side, x : x + side].astype(np.uint8, copy=False)


def read(
    images: Sequence[NDArray[np.uint8]], recognizer: Recognizer, *, whole: bool
) -> tuple[int, int, int, list[str]]:
    """Return how many images have a face, how many are one as a whole, how many named, and their emotions."""
    files = [File("face.png", cv2.imencode(".png", image)[1].tobytes()) for image in images]
    readings = list(recognizer.read(files, whole=whole))
    faces = [reading.faces[0] if reading.faces else None for reading in readings]
    named = sum(face is not None and face.sure for face in faces)
    emotions = [face.emotion if face else "" for face in faces]
    return sum(map(bool, faces)), sum(reading.is_whole for reading in readings), named, emotions


def main(argv: list[str] | None = None) -> int:
    """Print the counts; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cut_faces", description=__doc__)
    parser.add_argument("data", metavar="FER2013.csv", type=Path, help="fer2013.csv, or a folder of its faces")
    parser.add_argument(
        "--others", metavar="PICTURE", nargs="+", type=Path, default=[], help="pictures without a face"
    )
    args = parser.parse_args(argv)
    try:
        settings = read_settings([])
        data = load_faces(args.data, "PublicTest")
        others = list(squares(args.others))
        limit_threads()
        chosen = np.zeros(len(data), dtype=bool)
        chosen[np.linspace(0, len(data) - 1, min(FACES, len(data))).round().astype(int)] = True
        for detector in ("haar", "mtcnn"):
            recognizer, _ = make_readers(replace(settings, detector=detector))
            with closing(recognizer):
                for line in report(data.select(chosen), others, recognizer):
                    print(f"{detector}, {line}", flush=True)
    except (StartError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def report(data: Faces, others: Sequence[NDArray[np.uint8]], recognizer: Recognizer) -> Iterator[str]:
    """Yield a line for the faces by themselves, one for the faces with --whole, and one for the others."""
    labels = [EMOTIONS[label] for label in data.labels]
    for whole in (False, True):
        found, wholes, named, emotions = read(list(data.images), recognizer, whole=whole)
        right = sum(one == other for one, other in zip(emotions, labels, strict=True))
        way = "with --whole" if whole else "by itself"
        share = f"{found} of {len(data)} faces read ({found / len(data):.1%})"
        yield f"{way}: {share}, {wholes} as a whole, {named} named, {right} as labelled"
    if others:
        found, wholes, named, _ = read(others, recognizer, whole=False)
        yield f"{len(others)} squares without a face: {found} read, {wholes} as a whole, {named} named"


if __name__ == "__main__":
    sys.exit(main())
