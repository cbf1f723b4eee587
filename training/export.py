"""python -m training.export WEIGHTS: the network as ONNX beside its weights, checked against PyTorch.

Input `images` (n, 1, 48, 48) float32, 0 to 255; output `logits` (n, 15): seven labels in the order of
EMOTIONS, then eight FER+ classes, and `maps` (n, 15, 6, 6), what each place of the face adds to each. A
network to compare with has the first seven logits alone.
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
from nn.engines import import_onnxruntime, sha256_of
from nn.model_card import INPUT_SIDE, WeightsError
from nn.registry import load_net

TOLERANCE = 1e-4  # of a logit
FEW = 1000  # weights that are not worth halving
BATCHES = (1, 5)


class WithMaps(nn.Module):
    """EmotionNet with both of its outputs."""

    def __init__(self, net: EmotionNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.net.read_with_maps(images)


def export(net: nn.Module, path: Path, metadata: dict[str, str]) -> None:
    """Write the network as an ONNX file with float16 weights, for any number of faces, with this metadata."""
    images = torch.rand(2, 1, INPUT_SIDE, INPUT_SIDE) * 255
    has_maps = isinstance(net, EmotionNet)
    program = torch.onnx.export(
        (WithMaps(net) if isinstance(net, EmotionNet) else net).eval(),
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
    """Return the model with its large float32 weights as float16, which it widens again when it is loaded."""
    graph = model.graph
    for weight in list(graph.initializer):
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < FEW:
            continue
        name, halved = weight.name, f"{weight.name}_half"
        graph.initializer.remove(weight)
        graph.initializer.append(onnx.numpy_helper.from_array(values.astype(np.float16), halved))
        graph.node.insert(0, onnx.helper.make_node("Cast", [halved], [name], to=onnx.TensorProto.FLOAT))
    onnx.checker.check_model(model)
    return model


def difference(net: nn.Module, path: Path) -> float:
    """Return how far the file's logits are from the network's, at most, on random pictures."""
    session = import_onnxruntime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for count in BATCHES:
        images = torch.rand(count, 1, INPUT_SIDE, INPUT_SIDE) * 255
        with torch.inference_mode():
            expected = net.eval()(images).numpy()
        (given,) = session.run(["logits"], {"images": images.numpy()})
        worst = max(worst, float(np.abs(given - expected).max()))
    return worst


def export_weights(weights: Path, path: Path) -> float:
    """Write the network of a weights file as an ONNX file, and return how far its logits are off at most.

    Raises WeightsError if the weights cannot be used, ValueError if the file does not answer as PyTorch does.
    """
    net, card = load_net(weights)
    if isinstance(net, EmotionNet) and not card.network_options.get("fused"):
        net = net.fuse()
    net = net.half().float()  # as the file holds it
    export(net, path, {"card": json.dumps(asdict(card)), "weights_sha256": sha256_of(weights)})
    worst = difference(net, path)
    if not worst < TOLERANCE:
        raise ValueError(f"{path} answers otherwise than PyTorch, by up to {worst:.2g}")
    return worst


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--out", type=Path, help="(default: beside the weights, where the site looks for it)")
    args: Any = parser.parse_args(argv)
    path = args.out or args.weights.with_suffix(".onnx")
    try:
        worst = export_weights(args.weights, path)
    except (WeightsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{path}, {path.stat().st_size / 1e6:.1f} MB, within {worst:.1g} of PyTorch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
