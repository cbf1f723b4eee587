"""Explanations of a network's answer: Grad-CAM, and the output of each convolution.

A network that ends in average pooling and one linear layer has class activation maps in closed form, which cost
one small matrix product (nn.pooled.class_maps). For any other network Grad-CAM (Selvaraju et al. 2017,
arXiv 1610.02391) weighs each channel by the gradient of an emotion's logit.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from nn.emotion_net import FusedBlock, RepBlock

MIN_SIDE = 4  # px, of a layer that says where something was seen
POOLINGS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d)


def grad_cam(net: nn.Module, images: Tensor, classes: Tensor, layer: nn.Module | None = None) -> Tensor:
    """Return Grad-CAM's maps (n, h, w) float, 0 and above, one for the class of each image.

    Args:
        net: A network in eval mode that returns logits (n, k).
        images: The images (n, 1, H, W) float, 0 to 255.
        classes: The class (n,) int of each image.
        layer: The layer whose output (n, c, h, w) is weighed; that of `last_layer` by default.

    Raises:
        ValueError: The network has no layer that `last_layer` could find.
    """
    with torch.enable_grad():
        logits, features = _forward(net, images, layer)
        return _weigh(logits.gather(1, classes[:, None]).sum(), features)


def grad_cam_maps(net: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits (n, k) and Grad-CAM's maps (n, k, h, w) of every class, from one forward pass.

    Raises ValueError as `grad_cam` does.
    """
    with torch.enable_grad():
        logits, features = _forward(net, images)
        maps = [_weigh(logit, features) for logit in logits.sum(dim=0)]
    return logits.detach(), torch.stack(maps, dim=1)


@torch.no_grad()
def last_layer(net: nn.Module, images: Tensor) -> nn.Module:
    """Return the last layer that is no pooling and gives at least 4x4 px for images (n, 1, H, W).

    Raises ValueError if there is none.
    """
    with _recording(_candidates(net)) as outputs:
        net(images)
    return net.get_submodule(_last(net, outputs))


def _forward(net: nn.Module, images: Tensor, layer: nn.Module | None = None) -> tuple[Tensor, Tensor]:
    """Return the logits (n, k) of images and the output (n, c, h, w) of a layer, with their graph."""
    with _recording(_candidates(net) if layer is None else {"": layer}) as outputs:
        logits = net(images.detach().requires_grad_())
    return logits, outputs["" if layer is not None else _last(net, outputs)]


def _weigh(logit: Tensor, features: Tensor) -> Tensor:
    """Return the maps (n, h, w) of a logit that was summed over the images, and keep its graph."""
    (gradients,) = torch.autograd.grad(logit, features, retain_graph=True)
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    return (weights * features).sum(dim=1).relu().detach()


def _candidates(net: nn.Module) -> dict[str, nn.Module]:
    """Return the network's layers and blocks by name, without the poolings."""
    return {name: part for name, part in net.named_modules() if name and not isinstance(part, POOLINGS)}


def _last(net: nn.Module, outputs: dict[str, Tensor]) -> str:
    """Return the name of the last of the outputs that has at least 4x4 px; raises ValueError."""
    for name, output in reversed(outputs.items()):
        if output.dim() == 4 and min(output.shape[2:]) >= MIN_SIDE:
            return name
    raise ValueError(f"{type(net).__name__} has no layer of {MIN_SIDE}x{MIN_SIDE} px or more to explain it by")


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
        outputs.pop(name, None)  # a layer that runs twice counts where it runs last
        outputs[name] = output
        return output.clone()  # the next layer may work in place

    with ExitStack() as hooks:
        for name, layer in layers.items():
            hooks.callback(layer.register_forward_hook(partial(keep, name)).remove)
        yield outputs
