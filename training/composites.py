"""python -m training.composites --data fer2013.csv --ferplus fer2013new.csv: the sample faces.

Each sample is an average of ten to fourteen aligned faces that show the same emotion, so that it is
nobody's photograph. Alignment: Evangelidis & Psarakis 2008 (cv2.findTransformECC).
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
from training.data import Faces, load_faces
from vision.emotions import EMOTIONS
from vision.haar import HaarDetector

AGREEMENT = {"disgust": 0.4, "fear": 0.5}  # few faces: fewer of their votes agree
DEFAULT_AGREEMENT = 0.8
SEEDS, GROUP = 120, 24
COPY = 0.97  # correlation above which two faces are the same photograph
NEAR_COPY = 0.85  # the same, after aligning
FEWEST, MOST = 10, 14
SAMPLE_SIDE = 192
DIFFERENT = 0.9  # two samples of an emotion correlate less than this

Stack = NDArray[np.float32]


def clear_faces(faces: Faces, emotion: str) -> Stack:
    """Return the faces (n, 48, 48) whose label and whose voters agree on the emotion."""
    index = EMOTIONS.index(emotion)
    share = faces.votes[:, index] / np.maximum(faces.votes.sum(axis=1), 1)
    agreed = share >= AGREEMENT.get(emotion, DEFAULT_AGREEMENT)
    return np.asarray(faces.images[agreed & (faces.labels == index)], dtype=np.float32)


def similarity(first: Stack, second: Stack) -> Stack:
    """Return the correlations (n, m) of faces (n, 48, 48) and (m, 48, 48) under a soft oval."""
    return np.asarray(_unit(first) @ _unit(second).T)


def _unit(faces: Stack) -> Stack:
    axis = np.linspace(-1, 1, INPUT_SIDE, dtype=np.float32)
    mask = np.clip((1.05 - np.hypot(axis[None] / 0.8, axis[:, None])) / 0.25, 0, 1).ravel()
    flat = faces.reshape(len(faces), INPUT_SIDE * INPUT_SIDE)
    centred = (flat - (flat * mask).sum(1, keepdims=True) / mask.sum()) * mask
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6))


def local_contrast(faces: Stack) -> Stack:
    """Return faces without their light and shade, so that eyes, brows and mouths are compared."""
    return np.array([face - cv2.GaussianBlur(face, (0, 0), 5) for face in _even(faces)])


def clearness(faces: Stack) -> float:
    """Return how much of the faces' detail is left in their average: 1 all of it, 0 a ghost."""
    details = _unit(local_contrast(faces))
    return float(np.linalg.norm(details.mean(axis=0)))


def distinct(faces: Stack, limit: float, most: int) -> list[int]:
    """Return the indices of the first `most` faces that correlate at most `limit` with those before."""
    kept: list[int] = []
    correlation = similarity(faces, faces)
    for index in range(len(faces)):
        if len(kept) < most and (correlation[index, kept] <= limit).all():
            kept.append(index)
    return kept


def align(faces: Stack) -> Stack:
    """Return faces moved, turned and sheared onto their mean; those that do not fit are left out."""
    mean = _even(faces).mean(axis=0)
    whole = np.full((INPUT_SIDE, INPUT_SIDE), 255, dtype=np.uint8)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    aligned = []
    for face in _even(faces):
        warp = np.eye(2, 3, dtype=np.float32)
        try:
            cv2.findTransformECC(mean, face, warp, cv2.MOTION_AFFINE, criteria, whole, 5)
        except cv2.error:
            continue  # did not converge: this face is too different
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        aligned.append(
            cv2.warpAffine(face, warp, (INPUT_SIDE, INPUT_SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        )
    return np.array(aligned, dtype=np.float32).reshape(-1, INPUT_SIDE, INPUT_SIDE)


def _even(faces: Stack) -> Stack:
    """Return faces with the same brightness and contrast, so that each weighs the same."""
    mean = faces.mean(axis=(1, 2), keepdims=True)
    std = faces.std(axis=(1, 2), keepdims=True)
    return np.asarray((faces - mean) / np.maximum(std, 1) * 45 + 118)


def composite(faces: Stack, seed: int) -> tuple[float, NDArray[np.uint8]] | None:
    """Return an average (192, 192) uint8 of the faces most like faces[seed], and how clear it is.

    None if too few faces are left after aligning and throwing out copies.
    """
    details = local_contrast(faces)
    group = faces[np.argsort(-similarity(details[seed : seed + 1], details)[0])[: GROUP * 2]]
    aligned = align(group[distinct(group, COPY, GROUP)])
    kept = aligned[distinct(aligned, NEAR_COPY, MOST)]
    if len(kept) < FEWEST:
        return None
    large = cv2.resize(kept.mean(axis=0), (SAMPLE_SIDE, SAMPLE_SIDE), interpolation=cv2.INTER_CUBIC)
    sharp = cv2.addWeighted(large, 1.9, cv2.GaussianBlur(large, (0, 0), 4), -0.9, 0)
    spread = (sharp - sharp.mean()) / max(float(sharp.std()), 1) * 48 + 122
    return clearness(kept), np.clip(spread, 0, 255).astype(np.uint8)


def is_found(sample: NDArray[np.uint8], detector: HaarDetector) -> bool:
    """Return whether the cascade finds exactly this face as the demo shows it."""
    scene = background(400, 400)
    paste(scene, sample, (200, 200), 160, 1.0)
    boxes = detector.detect(scene)
    return len(boxes) == 1 and bool((abs(boxes[0] - [120, 120, 280, 280]) < 28).all())


def best(made: list[tuple[float, NDArray[np.uint8]]], count: int) -> list[NDArray[np.uint8]]:
    """Return the `count` clearest samples that differ from each other."""
    samples = [sample for _, sample in sorted(made, key=lambda pair: -pair[0])]
    small = [cv2.resize(sample, (INPUT_SIDE, INPUT_SIDE), interpolation=cv2.INTER_AREA) for sample in samples]
    return [samples[i] for i in distinct(np.array(small, dtype=np.float32), DIFFERENT, count)]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.composites", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv")
    parser.add_argument("--ferplus", type=Path, required=True, help="fer2013new.csv")
    parser.add_argument("--out", type=Path, default=ROOT / "static" / "samples")
    parser.add_argument("--count", type=int, default=8, help="samples an emotion (default: 8)")
    args: Any = parser.parse_args(argv)
    detector = HaarDetector(ROOT / "haarcascade_frontalface_alt2.xml", 60)
    try:
        faces = load_faces(args.data, "Training", args.ferplus)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for emotion in EMOTIONS:
        clear = clear_faces(faces, emotion)
        seeds = np.random.default_rng(0).permutation(len(clear))[:SEEDS]
        made = [composite(clear, int(seed)) for seed in tqdm(seeds, emotion)]
        kept = best([pair for pair in made if pair and is_found(pair[1], detector)], args.count)
        if len(kept) < args.count:
            print(f"error: only {len(kept)} samples of {emotion}", file=sys.stderr)
            return 1
        folder = args.out / emotion
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.jpg"):
            old.unlink()
        for number, sample in enumerate(kept, start=1):
            cv2.imwrite(str(folder / f"{number:02}.jpg"), sample, (cv2.IMWRITE_JPEG_QUALITY, 88))
        print(f"{emotion}: {len(clear)} clear faces, {len(kept)} samples")
    return 0


if __name__ == "__main__":
    sys.exit(main())
