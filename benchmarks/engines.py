"""Compare PyTorch and ONNX Runtime on weights files: python -m benchmarks.engines WEIGHTS...

The time is from a 640x480 image to the probabilities of one face, on one thread. All engines alternate, so a
busy machine slows them equally; then only the ratios are meaningful.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from model import EmotionClassifier
from nn.model_card import WeightsError
from training.inference import ms_per_face
from vision.background import limit_threads


def main(argv: list[str] | None = None) -> int:
    """Print the time a face of each weights file and engine; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("weights", type=Path, nargs="+", help="weights file with an .onnx file next to it")
    args: Any = parser.parse_args(argv)
    cases = [(path, engine) for path in args.weights for engine in ("torch", "onnx")]
    limit_threads()
    try:
        classifiers = [EmotionClassifier.load(path, engine=engine) for path, engine in cases]
    except WeightsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for (path, engine), ms in zip(cases, ms_per_face(*classifiers), strict=True):
        print(f"{path.stem:20}{engine:8}{ms:6.2f} ms per face")
    return 0


if __name__ == "__main__":
    sys.exit(main())
