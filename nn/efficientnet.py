"""EfficientNet-B0, as ImageNet's (Tan & Le 2019, arXiv 1905.11946), for transfer.

The parameters have torchvision's names, so that torchvision's checkpoints fit.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nn.pooled import PooledNet
from nn.prepare import Prepare
from vision.emotions import EMOTIONS

SIDE = 112  # px
# Of each stage: how much a block widens inside, its kernel, its first stride, its channels, its blocks.
PLAN = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
STEM, LAST = 32, 1280  # channels


class Excite(nn.Module):
    """Squeeze-and-excitation with 1x1 convolutions, in torchvision's names."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return images (n, c, h, w) with each channel multiplied by its weight, 0 to 1."""
        squeezed = F.silu(self.fc1(images.mean(dim=(2, 3), keepdim=True)))
        return images * torch.sigmoid(self.fc2(squeezed))


class InvertedBlock(nn.Module):
    """A block that widens, convolves each channel alone, excites and narrows, with a shortcut where it fits."""

    def __init__(self, inputs: int, outputs: int, widen: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = inputs * widen
        layers = [_conv(inputs, inner, 1)] if widen > 1 else []
        layers.append(_conv(inner, inner, kernel, stride, groups=inner))
        excite = Excite(inner, max(1, inputs // 4))
        self.block = nn.Sequential(*layers, excite, _conv(inner, outputs, 1, active=False))
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (n, inputs, h, w) into features (n, outputs, h / stride, w / stride)."""
        features: Tensor = self.block(images)
        return images + features if self.has_shortcut else features


class EfficientNetB0(PooledNet):
    """EfficientNet-B0 whose first layer takes one channel."""

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.prepare = Prepare(SIDE)
        stages: list[nn.Module] = [_conv(1, STEM, 3, 2)]
        inputs = STEM
        for widen, kernel, stride, outputs, depth in PLAN:
            blocks = []
            for number in range(depth):
                blocks.append(InvertedBlock(inputs, outputs, widen, kernel, 1 if number else stride))
                inputs = outputs
            stages.append(nn.Sequential(*blocks))
        stages.append(_conv(inputs, LAST, 1))
        self.trunk = nn.Sequential(*stages)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(LAST, len(EMOTIONS))

    def features(self, images: Tensor) -> Tensor:
        """Turn images (n, 1, h, w) float, 0 to 255, which are resized to 112x112, into (n, 1280, 4, 4)."""
        features: Tensor = self.trunk(self.prepare(images))
        return features

    def load_pretrained(self, state: dict[str, Tensor]) -> None:
        """Load a torchvision EfficientNet-B0's state but its head, its first layer summed over the colours."""
        trunk = {
            name.removeprefix("features."): value
            for name, value in state.items()
            if name.startswith("features.")
        }
        self.trunk.load_state_dict(trunk | {"0.0.weight": trunk["0.0.weight"].sum(dim=1, keepdim=True)})


def _conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, active: bool = True
) -> nn.Sequential:
    """Return a convolution with batch norm, and SiLU if it is active."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out")
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([nn.SiLU(inplace=True)] if active else []))
