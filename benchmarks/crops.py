"""Compare the crops of Haar and MTCNN with FER2013's own frame: python -m benchmarks.crops fer2013.csv.

FER2013 faces are enlarged and pasted on a background of their own blurred borders, upright and tilted, so that
the label and the true box are known. Rows with "turned" turn the faces upright first, as the site does.

  found     the share of faces found
  accuracy  the share of these that are read as labelled
  side      the true side as a multiple of the box's, median
  right     the true centre's distance to the right of the box's, in sides of the box, median
  down      the same, downward

To fit the box of a new detector, use side, right and down with --split Training, as for vision.mtcnn.SIDE and
DOWN.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.footage import match
from model import EmotionClassifier, preprocess
from settings import StartError, read_settings
from sources.opencv import to_bgr
from training.data import SPLITS, Faces, load_faces
from uploads.assemble import load_classifier
from vision.background import limit_threads
from vision.crops import Tilts, rotation_matrix
from vision.detector import Boxes, Detections, Detector
from vision.detectors import LIVE_PX
from vision.frames import Image
from vision.haar import HaarDetector
from vision.mtcnn import MtcnnDetector, Networks

TILTS_DEG = (0.0, 15.0, 30.0)
SIDES_PX = (150, 300)  # of the pasted faces
MIN_FACE_PX = 30
FACES = 1000
SEED = 0


class Scene(NamedTuple):
    """A pasted face: the image (H, W, 3) uint8 BGR, and its frame (1, 4) int32 xyxy px before the tilt."""

    image: Image
    box: Boxes


@dataclass
class Column:
    """The crops of one kind: which faces have one, and the crops (n, 48, 48) of those."""

    found: list[bool]
    crops: list[NDArray[np.uint8]]

    def add(self, image: Image, boxes: Boxes, tilts_deg: Tilts = None) -> None:
        """Add the crop of the face in boxes (1, 4), or none of boxes (0, 4)."""
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        self.found.append(len(boxes) > 0)
        self.crops.extend(preprocess(gray, boxes, tilts_deg))


def paste(face: NDArray[np.uint8], tilt_deg: float, rng: np.random.Generator) -> Scene:
    """Return a face (48, 48) uint8, enlarged and tilted clockwise, on a ground of its blurred borders."""
    (width, height), side = LIVE_PX, int(rng.integers(*SIDES_PX))
    corner = np.array([rng.integers((width - side) // 4, (width - side) * 3 // 4), (height - side) // 2])
    step = rotation_matrix(-tilt_deg) * (face.shape[0] / side)  # from a pixel of the scene to one of the face
    start = (face.shape[0] - 1) / 2 - step @ (corner + (side - 1) / 2)
    to_face, flags = np.column_stack((step, start)), cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    large = cv2.warpAffine(face, to_face, LIVE_PX, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.full_like(face, 255), to_face, LIVE_PX, flags=flags) > 127
    gray = np.where(inside, large, cv2.GaussianBlur(large, (0, 0), side / 12)).astype(np.uint8)
    return Scene(to_bgr(gray), np.concatenate((corner, corner + side)).astype(np.int32)[None])


def near(faces: Detections, box: Boxes) -> Detections:
    """Return the face that is the one in box (1, 4), or none."""
    pairs = match(faces.boxes.astype(np.float64), box.astype(np.float64))
    return faces.at([found for found, _ in pairs[:1]])


def geometry(boxes: Boxes, truth: Boxes) -> str:
    """Return the medians of side, right and down of boxes (n, 4) against the true ones (n, 4)."""
    side = boxes[:, 2] - boxes[:, 0]
    centres = (truth[:, :2] + truth[:, 2:] - boxes[:, :2] - boxes[:, 2:]) / 2 / side[:, None]
    right, down = np.median(centres, axis=0)
    return f"side {np.median((truth[:, 2] - truth[:, 0]) / side):.3f}, right {right:+.3f}, down {down:+.3f}"


def compare_pasted(
    faces: Faces, tilt_deg: float, detectors: Mapping[str, Detector], classifier: EmotionClassifier
) -> Iterator[str]:
    """Yield the lines of the faces pasted at one tilt."""
    rng = np.random.default_rng(SEED)
    columns: dict[str, Column] = {}
    boxes: dict[str, list[tuple[Boxes, Boxes]]] = {name: [] for name in detectors}

    def add(name: str, image: Image, box: Boxes, tilts_deg: Tilts = None) -> None:
        columns.setdefault(name, Column([], [])).add(image, box, tilts_deg)

    for face in tqdm(faces.images, f"{tilt_deg:g} degrees", leave=False):
        image, truth = paste(face, tilt_deg, rng)
        for name, detector in detectors.items():
            found = near(detector.detect(image), truth)
            add(name, image, found.boxes)
            if name == "mtcnn":
                add("mtcnn, turned", image, found.boxes, found.tilts_deg)
            boxes[name] += [(box, truth[0]) for box in found.boxes]
    for name, column in columns.items():
        chosen = np.array(column.found)
        named = classifier.classify(np.array(column.crops)).argmax(axis=1)
        accuracy = (named == faces.labels[chosen]).mean()
        yield f"{tilt_deg:4g} {name:18}{chosen.mean():7.1%}{accuracy:10.1%}"
    if tilt_deg == 0:
        for name, pairs in boxes.items():
            yield f"     {name}: {geometry(*(np.array(each) for each in zip(*pairs, strict=True)))}"


def main(argv: list[str] | None = None) -> int:
    """Print the comparison; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.crops", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path, help="fer2013.csv, or a folder of train/ and test/")
    parser.add_argument(
        "--split", default="PublicTest", choices=SPLITS, help="faces to use (default: PublicTest)"
    )
    args: Any = parser.parse_args(argv)
    try:
        settings = read_settings([])
        limit_threads()
        classifier, cascade = load_classifier(settings), HaarDetector(settings.cascade, MIN_FACE_PX)
        detectors: dict[str, Detector] = {
            "haar": cascade,
            "mtcnn": MtcnnDetector(Networks.load(), MIN_FACE_PX, LIVE_PX),
        }
        faces = load_faces(args.data, args.split)
        faces = faces.select(np.random.default_rng(SEED).permutation(len(faces)) < FACES)
    except (StartError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    itself = (classifier.classify(faces.images).argmax(axis=1) == faces.labels).mean()
    print(f"{len(faces)} faces of {args.split}, read as labelled in FER2013's own frame: {itself:.1%}")
    print("tilt crop                found  accuracy")
    for tilt_deg in TILTS_DEG:
        for line in compare_pasted(faces, tilt_deg, detectors, classifier):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
