"""Make the sample faces: python -m training.composites --data fer2013.csv --ferplus fer2013new.csv.

Each sample is the average of ten to fourteen aligned faces that show the same emotion, so that it is a
photograph of nobody. Alignment: Evangelidis & Psarakis 2008 (cv2.findTransformECC).
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from nn.model_card import INPUT_SIDE
from settings import ROOT
from sources.demo import background, paste
from sources.opencv import to_bgr
from training.data import Faces, load_faces
from vision.emotions import EMOTIONS
from vision.haar import HaarDetector

AGREEMENT = {"disgust": 0.4, "fear": 0.5}  # share of the votes; lower where faces are few
DEFAULT_AGREEMENT = 0.8
SEEDS = 120  # faces of an emotion around which an average is tried
GROUP = 24  # faces most like the seed that are aligned
COPY = 0.97  # correlation above which two faces are the same photograph
NEAR_COPY = 0.85  # the same, after alignment
MIN_FACES, MAX_FACES = 10, 14  # in an average
SAMPLE_SIDE = 192  # px
MAX_LIKENESS = 0.9  # correlation of two samples of an emotion

Stack = NDArray[np.float32]


def clear_faces(faces: Faces, emotion: str) -> Stack:
    """Return the faces (n, 48, 48) float32 whose label and whose FER+ voters agree on the emotion."""
    index = EMOTIONS.index(emotion)
    share = faces.votes[:, index] / np.maximum(faces.votes.sum(axis=1), 1)
    agreed = share >= AGREEMENT.get(emotion, DEFAULT_AGREEMENT)
    return np.asarray(faces.images[agreed & (faces.labels == index)], dtype=np.float32)


def similarity(first: Stack, second: Stack) -> Stack:
    """Return the correlations (n, m) of faces (n, 48, 48) and (m, 48, 48) under a soft oval."""
    return np.asarray(_unit(first) @ _unit(second).T)


def _unit(faces: Stack) -> Stack:
    """Return faces as rows (n, 2304) of length 1 under a soft oval, whose products are correlations."""
    axis = np.linspace(-1, 1, INPUT_SIDE, dtype=np.float32)
    mask = np.clip((1.05 - np.hypot(axis[None] / 0.8, axis[:, None])) / 0.25, 0, 1).ravel()
    flat = faces.reshape(len(faces), INPUT_SIDE * INPUT_SIDE)
    centred = (flat - (flat * mask).sum(1, keepdims=True) / mask.sum()) * mask
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6))


def local_contrast(faces: Stack) -> Stack:
    """Return faces (n, 48, 48) without light and shade, so that eyes, brows and mouths are compared."""
    return np.array([face - cv2.GaussianBlur(face, (0, 0), 5) for face in _even(faces)])


def clearness(faces: Stack) -> float:
    """Return the share, 0 to 1, of the faces' detail that is left in their average."""
    details = _unit(local_contrast(faces))
    return float(np.linalg.norm(details.mean(axis=0)))


def distinct(faces: Stack, max_correlation: float, max_count: int) -> list[int]:
    """Return the indices of the first max_count faces that are unlike all those chosen before."""
    chosen: list[int] = []
    correlation = similarity(faces, faces)
    for index in range(len(faces)):
        if len(chosen) < max_count and (correlation[index, chosen] <= max_correlation).all():
            chosen.append(index)
    return chosen


def align(faces: Stack) -> Stack:
    """Return faces warped onto their mean by affine transforms; those that do not converge are left out."""
    mean = _even(faces).mean(axis=0)
    whole = np.full((INPUT_SIDE, INPUT_SIDE), 255, dtype=np.uint8)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    aligned = []
    for face in _even(faces):
        warp = np.eye(2, 3, dtype=np.float32)
        try:
            cv2.findTransformECC(mean, face, warp, cv2.MOTION_AFFINE, criteria, whole, 5)
        except cv2.error:
            continue  # did not converge: the face is too different
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        aligned.append(
            cv2.warpAffine(face, warp, (INPUT_SIDE, INPUT_SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        )
    return np.array(aligned, dtype=np.float32).reshape(-1, INPUT_SIDE, INPUT_SIDE)


def _even(faces: Stack) -> Stack:
    """Return faces with equal brightness and contrast, so that each counts the same in an average."""
    mean = faces.mean(axis=(1, 2), keepdims=True)
    std = faces.std(axis=(1, 2), keepdims=True)
    return np.asarray((faces - mean) / np.maximum(std, 1) * 45 + 118)


def composite(faces: Stack, seed: int) -> tuple[float, NDArray[np.uint8]] | None:
    """Return the clearness and the average (192, 192) uint8 of the faces most like faces[seed].

    None if fewer than MIN_FACES are left after alignment and without copies.
    """
    details = local_contrast(faces)
    group = faces[np.argsort(-similarity(details[seed : seed + 1], details)[0])[: GROUP * 2]]
    aligned = align(group[distinct(group, COPY, GROUP)])
    averaged = aligned[distinct(aligned, NEAR_COPY, MAX_FACES)]
    if len(averaged) < MIN_FACES:
        return None
    large = cv2.resize(averaged.mean(axis=0), (SAMPLE_SIDE, SAMPLE_SIDE), interpolation=cv2.INTER_CUBIC)
    sharp = cv2.addWeighted(large, 1.9, cv2.GaussianBlur(large, (0, 0), 4), -0.9, 0)
    spread = (sharp - sharp.mean()) / max(float(sharp.std()), 1) * 48 + 122
    return clearness(averaged), np.clip(spread, 0, 255).astype(np.uint8)


def is_found(sample: NDArray[np.uint8], detector: HaarDetector) -> bool:
    """Return whether the detector finds this face, and nothing else, in a scene like the demo's."""
    scene = background(400, 400)
    paste(scene, sample, (200, 200), 160, 1.0)
    boxes = detector.detect(to_bgr(scene)).boxes
    return len(boxes) == 1 and bool((abs(boxes[0] - [120, 120, 280, 280]) < 28).all())


def best(candidates: list[tuple[float, NDArray[np.uint8]]], count: int) -> list[NDArray[np.uint8]]:
    """Return the clearest `count` of (clearness, sample) pairs that differ from each other."""
    samples = [sample for _, sample in sorted(candidates, key=lambda pair: -pair[0])]
    small = [cv2.resize(sample, (INPUT_SIDE, INPUT_SIDE), interpolation=cv2.INTER_AREA) for sample in samples]
    return [samples[i] for i in distinct(np.array(small, dtype=np.float32), MAX_LIKENESS, count)]


def make_samples(faces: Faces, emotion: str, count: int, detector: HaarDetector) -> list[NDArray[np.uint8]]:
    """Return up to `count` samples (192, 192) uint8 of an emotion, the clearest first, and print how many."""
    clear = clear_faces(faces, emotion)
    seeds = np.random.default_rng(0).permutation(len(clear))[:SEEDS]
    candidates = [composite(clear, int(seed)) for seed in tqdm(seeds, emotion)]
    found = [pair for pair in candidates if pair and is_found(pair[1], detector)]
    samples = best(found, count)
    print(f"{emotion}: {len(clear)} clear faces, {len(samples)} samples")
    return samples


def write_samples(samples: list[NDArray[np.uint8]], folder: Path) -> None:
    """Write the samples as 01.jpg, 02.jpg and so on, in place of the folder's JPEGs."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jpg"):
        old.unlink()
    for number, sample in enumerate(samples, start=1):
        cv2.imwrite(str(folder / f"{number:02}.jpg"), sample, (cv2.IMWRITE_JPEG_QUALITY, 88))


def main(argv: list[str] | None = None) -> int:
    """Make the samples of every emotion; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.composites", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="FER2013, Kaggle's fer2013.csv")
    parser.add_argument("--ferplus", type=Path, required=True, help="votes of FER+, fer2013new.csv")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "static" / "samples",
        help="folder of the samples (default: static/samples)",
    )
    parser.add_argument("--count", type=int, default=8, help="samples of each emotion (default: 8)")
    args: Any = parser.parse_args(argv)
    detector = HaarDetector(ROOT / "haarcascade_frontalface_alt2.xml", 60)
    try:
        faces = load_faces(args.data, "Training", args.ferplus)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for emotion in EMOTIONS:
        samples = make_samples(faces, emotion, args.count, detector)
        if len(samples) < args.count:
            print(f"error: only {len(samples)} samples of {emotion}", file=sys.stderr)
            return 1
        write_samples(samples, args.out / emotion)
    return 0


if __name__ == "__main__":
    sys.exit(main())
