"""EmotionNet, the shipped network: one trunk of plain 3x3 convolutions, two heads, fifteen logits.

RepVGG (Ding et al. 2021, arXiv 2101.03697): a block is trained with a 3x3, a 1x1 and an identity branch, and
ships as one 3x3 convolution. The branches are added as kernels, before the convolution (Hu et al. 2022, arXiv
2204.00826), so that training costs no more than that of the plain network.
"""

import copy
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_weights

from nn.pooled import PooledNet
from nn.prepare import standardise
from vision.emotions import EMOTIONS

FERPLUS = (*EMOTIONS, "contempt")  # the eight classes of the FER+ head
CHANNELS = (32, 64, 128, 256)  # of the stages at 48, 24, 12 and 6 px
DEPTHS = (1, 1, 2, 3)  # blocks of each stage
FIRST_EXCITED = 2  # the stage from which on a SqueezeExcite follows the blocks


class RepBlock(nn.Module):
    """A block in training: convolution, batch norm, ReLU; its kernel is the sum of three branches."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.wide = nn.Parameter(nn.Conv2d(inputs, outputs, 3).weight.detach())
        self.narrow = nn.Parameter(nn.Conv2d(inputs, outputs, 1).weight.detach())
        for weight in (self.wide, self.narrow):
            nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")
        self.identity = nn.Parameter(torch.ones(outputs)) if inputs == outputs and stride == 1 else None
        self.norm = nn.BatchNorm2d(outputs)

    def kernel(self) -> Tensor:
        """Return the sum of the three branches as one kernel (outputs, inputs, 3, 3)."""
        centre: Tensor = self.narrow
        if self.identity is not None:
            centre = centre + self.identity.diag()[:, :, None, None]
        return self.wide + F.pad(centre, (1, 1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, inputs, h, w) into features (n, outputs, h / stride, w / stride)."""
        return F.relu(self.norm(F.conv2d(images, self.kernel(), stride=self.stride, padding=1)), inplace=True)

    @torch.no_grad()
    def fuse(self) -> "FusedBlock":
        """Return the FusedBlock that computes the same in eval mode."""
        mean, variance = self.norm.running_mean, self.norm.running_var
        assert mean is not None  # batch norm keeps statistics unless told not to
        assert variance is not None
        fused = FusedBlock(self.wide.shape[1], self.wide.shape[0], self.stride)
        conv = fuse_conv_bn_weights(
            self.kernel(),
            None,
            mean,
            variance,
            self.norm.eps,
            self.norm.weight,
            self.norm.bias,
        )
        fused.conv.weight, fused.conv.bias = conv
        return fused


class FusedBlock(nn.Module):
    """A RepBlock as it ships: one convolution and ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, inputs, h, w) into features (n, outputs, h / stride, w / stride)."""
        return F.relu(self.conv(images), inplace=True)


class SqueezeExcite(nn.Module):
    """Squeeze-and-excitation: channels weighed by their means (Hu et al. 2018, arXiv 1709.01507)."""

    def __init__(self, channels: int, reduction: int = 8, bias: bool = True) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction, bias)
        self.excite = nn.Linear(channels // reduction, channels, bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return images (n, c, h, w) with each channel multiplied by its weight, 0 to 1."""
        gates = torch.sigmoid(self.excite(F.relu(self.squeeze(images.mean(dim=(2, 3))))))
        return images * gates[:, :, None, None]


class EmotionNet(PooledNet):
    """The shipped network: 48x48 gray faces in, the logits of a label head and a FER+ head out.

    The first seven logits are FER2013's labels in the order of EMOTIONS, the rest FER+'s in that of FERPLUS.
    channels and depths give each stage's width and blocks; ValueError if one of them names more stages.
    """

    def __init__(
        self,
        dropout: float = 0.0,
        fused: bool = False,
        channels: Sequence[int] = CHANNELS,
        depths: Sequence[int] = DEPTHS,
    ) -> None:
        super().__init__()
        self.channels, self.depths = tuple(channels), tuple(depths)
        if len(self.channels) != len(self.depths):
            raise ValueError(
                f"channels are given for {len(self.channels)} stages, depths for {len(self.depths)}"
            )
        block: type[nn.Module] = FusedBlock if fused else RepBlock
        stages: list[nn.Module] = []
        inputs = 1
        for stage, (width, depth) in enumerate(zip(self.channels, self.depths, strict=True)):
            for number in range(depth):
                stages.append(block(inputs, width, stride=2 if stage and not number else 1))
                inputs = width
            if stage >= FIRST_EXCITED:
                stages.append(SqueezeExcite(width))
        self.trunk = nn.Sequential(*stages)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(inputs, len(EMOTIONS) + len(FERPLUS))

    def stages(self) -> Iterator[nn.Sequential]:
        """Yield each stage of the trunk: its blocks, and its SqueezeExcite if it has one."""
        start = 0
        for stage, depth in enumerate(self.depths):
            end = start + depth + (stage >= FIRST_EXCITED)
            yield nn.Sequential(*list(self.trunk)[start:end])
            start = end

    def features(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, into features (n, c, h / 8, w / 8), before the pooling."""
        features: Tensor = self.trunk(standardise(images))
        return features

    def fuse(self) -> "EmotionNet":
        """Return the same network with every block fused, in eval mode."""
        net = EmotionNet(fused=True, channels=self.channels, depths=self.depths)
        for number, part in enumerate(self.trunk):
            net.trunk[number] = part.fuse() if isinstance(part, RepBlock) else copy.deepcopy(part)
        net.head = copy.deepcopy(self.head)
        return net.eval()
