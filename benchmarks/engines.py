"""Compare PyTorch and ONNX Runtime, on one thread, face by face: python -m benchmarks.engines WEIGHTS.

The two take turns, so that a busy machine slows both alike; only the ratio is meaningful.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nn.engines import load_engine
from nn.model_card import INPUT_SIDE, WeightsError

ROUNDS = 300


def take_turns(engines: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median time in ms of each engine's call."""
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, run in engines.items():
            started_s = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - started_s) * 1000)
    return {name: float(np.median(values)) for name, values in times.items()}


def main(argv: list[str] | None = None) -> int:
    """Print the time a face of each engine; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("weights", type=Path, help="weights file with an .onnx file beside it")
    args: Any = parser.parse_args(argv)
    try:
        engines = {"torch": load_engine(args.weights, "torch")[0], "onnx": load_engine(args.weights, "onnx")[0]}
    except WeightsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    crops = np.random.default_rng(0).integers(0, 256, (1, INPUT_SIDE, INPUT_SIDE), dtype=np.uint8)
    result = take_turns({name: partial(engine.logits, crops) for name, engine in engines.items()}, ROUNDS)
    for name, ms in result.items():
        print(f"{name:12}{ms:8.2f} ms a face")
    print(f"onnx takes {result['onnx'] / result['torch']:.2f} times as long")
    return 0


if __name__ == "__main__":
    sys.exit(main())
