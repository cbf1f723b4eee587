"""python -m training.export WEIGHTS --out emotion.onnx: the network as ONNX, checked against PyTorch.

Input `images` (n, 1, 48, 48) float32, 0 to 255; output `logits` (n, 15): seven labels in the order of
EMOTIONS, then eight FER+ classes; a network to compare with has the first seven alone.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import nn

from checkpoint import INPUT_SIDE, WeightsError
from network import EmotionNet
from training.networks import load_net

TOLERANCE = 1e-4  # of a logit
BATCHES = (1, 5)


def export(net: nn.Module, path: Path) -> None:
    """Write the network as an ONNX file, for any number of faces."""
    images = torch.rand(2, 1, INPUT_SIDE, INPUT_SIDE) * 255
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        net.eval(),
        (images,),
        str(path),
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("n")},),
        external_data=False,
        verbose=False,
    )


def difference(net: nn.Module, path: Path) -> float:
    """Return how far the file's logits are from the network's, at most, on random pictures."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for count in BATCHES:
        images = torch.rand(count, 1, INPUT_SIDE, INPUT_SIDE) * 255
        with torch.inference_mode():
            expected = net.eval()(images).numpy()
        (given,) = session.run(None, {"images": images.numpy()})
        worst = max(worst, float(np.abs(given - expected).max()))
    return worst


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/emotion.onnx"))
    args: Any = parser.parse_args(argv)
    try:
        net, card = load_net(args.weights)
    except WeightsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if isinstance(net, EmotionNet) and not card.network_options.get("fused"):
        net = net.fuse()
    export(net, args.out)
    worst = difference(net, args.out)
    if not worst < TOLERANCE:
        print(f"error: {args.out} answers otherwise than PyTorch, by up to {worst:.2g}", file=sys.stderr)
        return 1
    print(f"{args.out}, {args.out.stat().st_size / 1e6:.1f} MB, within {worst:.1g} of PyTorch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
