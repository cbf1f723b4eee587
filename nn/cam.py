"""Where a network looks: class activation maps, Grad-CAM, and what each convolution answers to.

A network that ends in average pooling and one linear layer has its maps in closed form (network.class_maps):
they cost one small matrix product. For any other, Grad-CAM (Selvaraju et al. 2017, arXiv
1610.02391) takes the gradient of an emotion's logit as the weight of each channel.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from nn.emotion_net import FusedBlock, RepBlock


def grad_cam(net: nn.Module, images: Tensor, classes: Tensor, layer: nn.Module | None = None) -> Tensor:
    """Return maps (n, h, w), 0 and above, of what speaks for classes (n,) int in images (n, 1, H, W).

    They have the size of the layer's output: that of the last convolution, if none is given. The network
    returns logits (n, k), and is in eval mode.
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
    """Return what each convolution makes of images (n, 1, H, W), in order: its name -> (n, c, h, w)."""
    with _recording(convolutions(net)) as outputs:
        net(images)
    return outputs


def convolutions(net: nn.Module) -> dict[str, nn.Module]:
    """Return the network's convolutions by name; a block that ships as one convolution is one."""
    blocks = {name: module for name, module in net.named_modules() if isinstance(module, RepBlock | FusedBlock)}
    within = {part for block in blocks.values() for part in block.modules()}
    plain = {name: module for name, module in net.named_modules() if isinstance(module, nn.Conv2d)}
    return blocks | {name: module for name, module in plain.items() if module not in within}


@contextmanager
def _recording(layers: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Fill a dictionary with what the layers give, in the order in which they run."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str, _layer: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        outputs[name] = output
        return output.clone()  # for what follows, which may work in place

    with ExitStack() as hooks:
        for name, layer in layers.items():
            hooks.callback(layer.register_forward_hook(partial(keep, name)).remove)
        yield outputs
