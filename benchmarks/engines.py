"""python -m benchmarks.engines WEIGHTS: ms a face in PyTorch and in ONNX Runtime, one thread, batch 1.

The two take turns, so that a busy machine slows both; the ratio is what counts.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from checkpoint import INPUT_SIDE, WeightsError
from training.export import export
from training.networks import load_net

ROUNDS = 300


def take_turns(engines: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return each engine's median ms."""
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, run in engines.items():
            started = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - started) * 1000)
    return {name: float(np.median(values)) for name, values in times.items()}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("weights", type=Path)
    args: Any = parser.parse_args(argv)
    torch.set_num_threads(1)
    try:
        net, _ = load_net(args.weights)
    except WeightsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "emotion.onnx"
        export(net, path)
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    images = torch.rand(1, 1, INPUT_SIDE, INPUT_SIDE) * 255
    laid_out = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stubs
    feed = {"images": images.numpy()}
    with torch.inference_mode():
        result = take_turns(
            {"torch": lambda: laid_out(images), "onnxruntime": lambda: session.run(None, feed)}, ROUNDS
        )
    for name, ms in result.items():
        print(f"{name:12}{ms:8.2f} ms a face")
    print(f"onnxruntime takes {result['onnxruntime'] / result['torch']:.2f} times as long")
    return 0


if __name__ == "__main__":
    sys.exit(main())
