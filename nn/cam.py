"""Explanations of a network's answer: Grad-CAM, and the output of each convolution.

A network that ends in average pooling and one linear layer has class activation maps in closed form, which cost
one small matrix product (nn.emotion_net.class_maps). For any other network Grad-CAM (Selvaraju et al. 2017,
arXiv 1610.02391) weighs each channel by the gradient of an emotion's logit.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from nn.emotion_net import FusedBlock, RepBlock


def grad_cam(net: nn.Module, images: Tensor, classes: Tensor, layer: nn.Module | None = None) -> Tensor:
    """Return Grad-CAM's maps (n, h, w) float, 0 and above, one for the class of each image.

    Args:
        net: A network in eval mode that returns logits (n, k).
        images: The images (n, 1, H, W) float, 0 to 255.
        classes: The class (n,) int of each image.
        layer: The layer whose output (n, c, h, w) is weighed; the last convolution by default.
    """
    layers = convolutions(net) if layer is None else {"": layer}
    with torch.enable_grad(), _recording(layers) as outputs:
        logits = net(images.detach().requires_grad_())
        features = list(outputs.values())[-1]
        chosen = logits.gather(1, classes[:, None]).sum()
        (gradients,) = torch.autograd.grad(chosen, features)
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    return (weights * features).sum(dim=1).relu().detach()


@torch.no_grad()
def activations(net: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Return the output (n, c, h, w) of each convolution for images (n, 1, H, W), by name and in order."""
    with _recording(convolutions(net)) as outputs:
        net(images)
    return outputs


def convolutions(net: nn.Module) -> dict[str, nn.Module]:
    """Return the network's convolutions by name; a RepBlock counts as one."""
    blocks = {name: module for name, module in net.named_modules() if isinstance(module, RepBlock | FusedBlock)}
    within = {part for block in blocks.values() for part in block.modules()}
    plain = {name: module for name, module in net.named_modules() if isinstance(module, nn.Conv2d)}
    return blocks | {name: module for name, module in plain.items() if module not in within}


@contextmanager
def _recording(layers: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Yield a dictionary that is filled with the layers' outputs by name, in the order in which they run."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str, _layer: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        outputs[name] = output
        return output.clone()  # the next layer may work in place

    with ExitStack() as hooks:
        for name, layer in layers.items():
            hooks.callback(layer.register_forward_hook(partial(keep, name)).remove)
        yield outputs
