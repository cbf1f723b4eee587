"""Compare PyTorch and ONNX Runtime on weights files: python -m benchmarks.engines WEIGHTS...

The time is from a 640x480 image to the probabilities of one face, on one thread. All engines alternate, so a
busy machine slows them equally; then only the ratios are meaningful.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model import EmotionClassifier
from nn.model_card import WeightsError
from vision.background import limit_threads

ROUNDS = 300
BOX = np.array([[200, 100, 360, 260]])


def take_turns(classifiers: list[EmotionClassifier]) -> list[float]:
    """Return the median time in ms of a face of each classifier."""
    gray = np.random.default_rng(0).integers(0, 256, (480, 640), dtype=np.uint8)
    times_s = np.empty((ROUNDS, len(classifiers)))
    for turn in range(ROUNDS):
        for number, classifier in enumerate(classifiers):
            started_s = time.perf_counter()
            classifier.predict(gray, BOX)
            times_s[turn, number] = time.perf_counter() - started_s
    medians: list[float] = (np.median(times_s, axis=0) * 1000).tolist()
    return medians


def main(argv: list[str] | None = None) -> int:
    """Print the time a face of each weights file and engine; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("weights", type=Path, nargs="+", help="weights file with an .onnx file next to it")
    args: Any = parser.parse_args(argv)
    cases = [(path, engine) for path in args.weights for engine in ("torch", "onnx")]
    limit_threads()
    torch.set_num_threads(1)
    try:
        classifiers = [EmotionClassifier.load(path, engine=engine) for path, engine in cases]
    except WeightsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for (path, engine), ms in zip(cases, take_turns(classifiers), strict=True):
        print(f"{path.stem:20}{engine:8}{ms:6.2f} ms per face")
    return 0


if __name__ == "__main__":
    sys.exit(main())
