"""Growth of an EmotionNet: a larger one begins with a smaller one's weights, and gives the same logits.

A wider stage has copies of channels, among which the next layer's weights are shared out (Net2Net, Chen et al.
2016, arXiv 1511.05641); a deeper stage ends with identity blocks. The copies' shares differ, so that training
changes them differently.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nn.emotion_net import EmotionNet, FusedBlock, RepBlock, SqueezeExcite
from nn.prepare import standardise

SHARES = (0.5, 1.5)  # of a channel's copies, before they are made to sum to 1


@torch.no_grad()
def grow(small: EmotionNet, large: EmotionNet, faces: Tensor) -> None:
    """Give the large network, with its branches, the function of the small one.

    The batch norms' statistics come from faces (n, 1, 48, 48) float, 0 to 255. Raises ValueError if a stage of
    the large network has fewer channels or blocks than the small one's.
    """
    sizes = zip((*small.channels, *small.depths), (*large.channels, *large.depths), strict=True)
    if len(small.channels) != len(large.channels) or any(more < less for less, more in sizes):
        raise ValueError(
            "a network can begin with the weights of one that has as many channels and blocks or fewer"
        )
    fused = small if isinstance(small.trunk[0], FusedBlock) else small.fuse()
    features, origin = standardise(faces), torch.arange(1)
    for given, grown, width in zip(fused.stages(), large.stages(), large.channels, strict=True):
        blocks = [part for part in given if isinstance(part, FusedBlock)]
        for number, block in enumerate(part for part in grown if isinstance(part, RepBlock)):
            if number < len(blocks):
                conv = blocks[number].conv
                chosen = _copies(conv.out_channels, width)
                kernel, bias = _spread(conv.weight[chosen], origin), _bias(conv)[chosen]
                origin = chosen
            else:
                kernel = F.pad(torch.eye(width)[:, :, None, None], (1, 1, 1, 1))
                bias = torch.zeros(width)
            _set_block(block, kernel, bias, features)
            features = block.eval()(features)
        if isinstance(given[-1], SqueezeExcite) and isinstance(grown[-1], SqueezeExcite):
            _grow_excite(given[-1], grown[-1], origin)
            features = grown[-1](features)
    large.head.weight.copy_(_spread(fused.head.weight, origin))
    large.head.bias.copy_(fused.head.bias)


def _copies(channels: int, width: int) -> Tensor:
    """Return (width,) int64, the index among `channels` that each of width channels copies."""
    return torch.cat((torch.arange(channels), torch.randperm(channels).repeat(width // channels + 1)))[:width]


def _spread(weights: Tensor, origin: Tensor) -> Tensor:
    """Return weights (out, in, ...) shared out among copies of inputs, (out, wide, ...), by origin (wide,)."""
    shares = torch.empty(len(weights), len(origin)).uniform_(*SHARES)
    sums = torch.zeros(len(weights), weights.shape[1]).index_add_(1, origin, shares)
    shares = shares / sums[:, origin]
    return weights[:, origin] * shares.view(*shares.shape, *(1 for _ in weights.shape[2:]))


def _set_block(block: RepBlock, kernel: Tensor, bias: Tensor, features: Tensor) -> None:
    """Set a block to a convolution, with filters of length 1 and batch norm's statistics of the features."""
    length = kernel.flatten(1).norm(dim=1).clamp(min=1e-6)
    block.wide.copy_(kernel / length[:, None, None, None])
    block.narrow.zero_()
    if block.identity is not None:
        block.identity.zero_()
    sums = F.conv2d(features, block.wide, stride=block.stride, padding=1)
    variance, mean = torch.var_mean(sums, dim=(0, 2, 3))
    norm = block.norm
    assert norm.running_mean is not None  # batch norm keeps statistics unless told not to
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt() * length)
    norm.bias.copy_(bias + mean * length)


def _grow_excite(given: SqueezeExcite, grown: SqueezeExcite, origin: Tensor) -> None:
    """Set the squeeze-and-excitation of a wider stage, whose channels are copies by origin (wide,) int64."""
    hidden = _copies(given.squeeze.out_features, grown.squeeze.out_features)
    grown.squeeze.weight.copy_(_spread(given.squeeze.weight[hidden], origin))
    grown.squeeze.bias.copy_(_bias(given.squeeze)[hidden])
    grown.excite.weight.copy_(_spread(given.excite.weight[origin], hidden))
    grown.excite.bias.copy_(_bias(given.excite)[origin])


def _bias(layer: nn.Conv2d | nn.Linear) -> Tensor:
    """Return a layer's bias, which every layer here has."""
    assert layer.bias is not None
    return layer.bias
