"""Export a network as ONNX, checked against PyTorch: python -m training.export WEIGHTS.

The input is `images` (n, 1, side, side) float32, 0 to 255, with the side in the model card: 48 px for every
network trained here. The outputs are `logits` (n, 15), seven labels in the order of EMOTIONS and
eight FER+ classes, and `maps` (n, 15, h, w), their class activation maps, 6 x 6 for the shipped network.
Networks without a FER+ head have seven logits; only those of nn.pooled have maps.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from nn.emotion_net import EmotionNet
from nn.engines import spec_json
from nn.model_card import INPUT_SIDE, NetworkSpec, WeightsError
from nn.pooled import PooledNet
from nn.registry import load_net
from training.checkpoint_flags import add_spec_arguments, spec_of
from vision.onnx import import_onnxruntime, sha256_of

TOLERANCE = 1e-4  # of a logit
MIN_HALVED = 1000  # weights; smaller tensors stay float32
BATCHES = (1, 5)


class WithMaps(nn.Module):
    """A network with its maps as a second output."""

    def __init__(self, net: PooledNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Turn images (n, 1, side, side) into logits (n, k) and maps (n, k, h, w)."""
        return self.net.read_with_maps(images)


def export(net: nn.Module, path: Path, metadata: dict[str, str], side: int = INPUT_SIDE) -> None:
    """Write a network as an ONNX file with metadata, for any number of faces of side x side px."""
    images = torch.rand(2, 1, side, side) * 255
    has_maps = isinstance(net, PooledNet)
    program = torch.onnx.export(
        (WithMaps(net) if isinstance(net, PooledNet) else net).eval(),
        (images,),
        input_names=["images"],
        output_names=["logits", "maps"] if has_maps else ["logits"],
        dynamic_shapes=({0: torch.export.Dim("n")},),
        verbose=False,
    )
    assert program is not None
    model = halve(program.model_proto)
    onnx.helper.set_model_props(model, metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with large weights as float16, followed by casts to float32, where that loses nothing.

    The exporter folds batch norms into convolutions, whose weights are then no float16 numbers any more.
    """
    graph = model.graph
    for weight in list(graph.initializer):
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < MIN_HALVED:
            continue
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values):
            continue
        name, halved = weight.name, f"{weight.name}_half"
        graph.initializer.remove(weight)
        graph.initializer.append(onnx.numpy_helper.from_array(half, halved))
        graph.node.insert(0, onnx.helper.make_node("Cast", [halved], [name], to=onnx.TensorProto.FLOAT))
    onnx.checker.check_model(model)
    return model


def difference(net: nn.Module, path: Path, side: int = INPUT_SIDE) -> float:
    """Return the largest difference between the file's logits and the network's, on random images."""
    session = import_onnxruntime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for count in BATCHES:
        images = torch.rand(count, 1, side, side) * 255
        with torch.inference_mode():
            expected = net.eval()(images).numpy()
        (logits,) = session.run(["logits"], {"images": images.numpy()})
        worst = max(worst, float(np.abs(logits - expected).max()))
    return worst


def export_weights(weights: Path, path: Path, spec: NetworkSpec | None = None) -> float:
    """Write the network of a weights file as an ONNX file, and return the largest difference of its logits.

    A file that was there before stays until the new one is checked. spec describes somebody else's checkpoint.
    Raises WeightsError if the weights cannot be used, ValueError if the difference exceeds TOLERANCE.
    """
    net, card = load_net(weights, spec)
    if isinstance(net, EmotionNet) and not card.network_options.get("fused"):
        net = net.fuse().half().float()  # as small as the weights file
    partial = path.with_name(path.name + ".partial")
    try:
        made_from = {"weights_sha256": sha256_of(weights), "spec": spec_json(spec)}
        export(net, partial, {"card": json.dumps(asdict(card)), **made_from}, card.input_side)
        worst = difference(net, partial, card.input_side)
        if not worst < TOLERANCE:
            raise ValueError(f"{path} would give other logits than PyTorch, by up to {worst:.2g}")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return worst


def main(argv: list[str] | None = None) -> int:
    """Export a weights file; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    parser.add_argument("weights", type=Path, help="weights file of the network")
    parser.add_argument(
        "--out", type=Path, help="ONNX file to write (default: next to the weights, for the site)"
    )
    add_spec_arguments(parser)
    args: Any = parser.parse_args(argv)
    path = args.out or args.weights.with_suffix(".onnx")
    try:
        worst = export_weights(args.weights, path, spec_of(args))
    except (WeightsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{path}, {path.stat().st_size / 1e6:.1f} MB, within {worst:.1g} of PyTorch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
