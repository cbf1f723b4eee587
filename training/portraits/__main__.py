"""Build the demo's portraits: python -m training.portraits --data fer2013.csv --ferplus fer2013new.csv.

Each face is the average of many aligned, similar faces that show the same emotion, so it is nobody's
photograph; colours, hair and clothes are painted by code.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model import EmotionClassifier
from settings import ROOT, Settings, StartError
from training.data import load_faces
from training.portraits.align import align
from training.portraits.brushes import Painting
from training.portraits.check import (
    PortraitError,
    check_detection,
    check_likeness,
    check_reading,
    likeness,
    photographs,
)
from training.portraits.choose import choose
from training.portraits.save import write_portraits
from training.portraits.sitters import SITTERS
from training.portraits.stages import Person, average_emotions, make_people, paint_apart
from vision.detector import Detector
from vision.emotions import EMOTIONS
from vision.haar import HaarDetector
from vision.mtcnn import MtcnnDetector, Networks

MIN_FACE_PX = 60  # of the portraits' detectors


def main(argv: list[str] | None = None) -> int:
    """Build, check and write the portraits; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.portraits", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="FER2013, Kaggle's fer2013.csv")
    parser.add_argument("--ferplus", type=Path, required=True, help="votes of FER+, fer2013new.csv")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "static" / "samples",
        help="folder of the portraits (default: static/samples)",
    )
    parser.add_argument("--threads", type=int, default=2, help="number of CPU threads (default: 2)")
    args: Any = parser.parse_args(argv)
    cv2.setNumThreads(1)  # the threads are ours
    try:
        build(args.data, args.ferplus, args.out, args.threads)
    except (ValueError, StartError, PortraitError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, ValueError | StartError) else 1
    return 0


def build(data: Path, ferplus: Path, out: Path, threads: int) -> None:
    """Build the portraits of the faces in data and write them below out, if they pass every check.

    Raises ValueError if the data cannot be read, StartError if the network or a detector cannot, and
    PortraitError if a portrait is not what it must be.
    """
    classifier = EmotionClassifier.load(Settings().weights)
    faces = choose(load_faces(data, "Training", ferplus))
    counts = np.bincount(faces.labels, minlength=len(EMOTIONS)).tolist()
    print("faces:", ", ".join(f"{count} {name}" for name, count in zip(EMOTIONS, counts, strict=True)))
    with ThreadPoolExecutor(threads) as executor:
        aligned = align(faces, executor)
        print(f"aligned: {(aligned.scores > 0).sum()} of {len(faces)}")
        aligned, means = average_emotions(aligned, classifier.classify, executor)
        kept = [f"{len(mean.rows)} {name}" for name, mean in zip(EMOTIONS, means.averages, strict=True)]
        print("averaged:", ", ".join(kept))
        people = []
        for person in make_people(aligned, means, executor):
            people.append(person)
            print(f"person {len(people)} of {len(SITTERS)}", flush=True)
    photos = photographs(aligned)
    painted = [paint_apart(person, 7 * number + 5, photos) for number, person in enumerate(people)]
    check(people, [portraits for _, portraits in painted], photos, classifier)
    flows = [[one.flow for one in expressions] for expressions, _ in painted]
    write_portraits(out, [portraits for _, portraits in painted], flows)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"written: {len(people)} people to {out}, {size:,} bytes")


def check(
    people: list[Person],
    portraits: list[list[Painting]],
    photos: NDArray[np.float32],
    classifier: EmotionClassifier,
) -> None:
    """Print the figures of the portraits; PortraitError if one is not what it must be."""
    cascade = HaarDetector(Settings().cascade, MIN_FACE_PX)
    detectors: list[Detector] = [cascade, MtcnnDetector(Networks.load(), MIN_FACE_PX, (640, 480))]
    for index, emotion in enumerate(EMOTIONS):
        shown = [of_person[index] for of_person in portraits]
        kept, nearest = [len(person.rows[index]) for person in people], likeness(shown, photos)
        figures = ", ".join(f"{value:.2f}" for value in nearest)
        print(f"{emotion}: averages of {min(kept)} to {max(kept)} photographs, the nearest at {figures}")
        check_likeness(nearest)
        probs = check_reading(shown, emotion, classifier)
        print(f"{emotion}: read with " + ", ".join(f"{value:.2f}" for value in probs))
        for number, portrait in enumerate(shown, start=1):
            check_detection(portrait, detectors, f"{number} of {emotion}")


if __name__ == "__main__":
    sys.exit(main())
