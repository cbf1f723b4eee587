"""Export a network as ONNX, checked against PyTorch: python -m training.export WEIGHTS.

The input is `images` (n, 1, 48, 48) float32, 0 to 255. The outputs are `logits` (n, 15), seven labels in the
order of EMOTIONS and eight FER+ classes, and `maps` (n, 15, 6, 6), their class activation maps. Networks other
than EmotionNet have no maps, and may have the first seven logits alone.
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
from nn.model_card import INPUT_SIDE, WeightsError
from nn.registry import load_net
from vision.onnx import import_onnxruntime, sha256_of

TOLERANCE = 1e-4  # of a logit
MIN_HALVED = 1000  # weights; smaller tensors stay float32
BATCHES = (1, 5)


class WithMaps(nn.Module):
    """EmotionNet with its maps as a second output."""

    def __init__(self, net: EmotionNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Turn images (n, 1, 48, 48) into logits (n, 15) and maps (n, 15, 6, 6)."""
        return self.net.read_with_maps(images)


def export(net: nn.Module, path: Path, metadata: dict[str, str]) -> None:
    """Write a network as an ONNX file with float16 weights and metadata, for any number of faces."""
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
    """Return the model with its large float32 weights as float16, followed by casts to float32."""
    graph = model.graph
    for weight in list(graph.initializer):
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < MIN_HALVED:
            continue
        name, halved = weight.name, f"{weight.name}_half"
        graph.initializer.remove(weight)
        graph.initializer.append(onnx.numpy_helper.from_array(values.astype(np.float16), halved))
        graph.node.insert(0, onnx.helper.make_node("Cast", [halved], [name], to=onnx.TensorProto.FLOAT))
    onnx.checker.check_model(model)
    return model


def difference(net: nn.Module, path: Path) -> float:
    """Return the largest difference between the file's logits and the network's, on random images."""
    session = import_onnxruntime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for count in BATCHES:
        images = torch.rand(count, 1, INPUT_SIDE, INPUT_SIDE) * 255
        with torch.inference_mode():
            expected = net.eval()(images).numpy()
        (logits,) = session.run(["logits"], {"images": images.numpy()})
        worst = max(worst, float(np.abs(logits - expected).max()))
    return worst


def export_weights(weights: Path, path: Path) -> float:
    """Write the network of a weights file as an ONNX file, and return the largest difference of its logits.

    Raises WeightsError if the weights cannot be used, ValueError if the difference exceeds TOLERANCE.
    """
    net, card = load_net(weights)
    if isinstance(net, EmotionNet) and not card.network_options.get("fused"):
        net = net.fuse()
    net = net.half().float()  # as the file holds it
    export(net, path, {"card": json.dumps(asdict(card)), "weights_sha256": sha256_of(weights)})
    worst = difference(net, path)
    if not worst < TOLERANCE:
        raise ValueError(f"{path} gives other logits than PyTorch, by up to {worst:.2g}")
    return worst


def main(argv: list[str] | None = None) -> int:
    """Export a weights file; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    parser.add_argument("weights", type=Path, help="weights file of the network")
    parser.add_argument(
        "--out", type=Path, help="ONNX file to write (default: beside the weights, for the site)"
    )
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
